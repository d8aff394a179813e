package daemon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/router"
)

// front is what clients are connected to: the servers of all listeners. When another daemon takes over, it
// goes on until the last of its clients is gone.
type front struct {
	d     *Daemon
	door  *apiDoor
	api   *http.Server
	conns apiConns
	fail  func(error) // tells that a listener broke

	mu        sync.Mutex
	listening net.Listener // of the API
	servers   []server     // of applications; those that leave, too
	work      sync.WaitGroup
}

// server is what serves a listener of applications.
type server interface {
	Serve(l net.Listener) error
	Leave(ctx context.Context) error
	Shutdown(ctx context.Context) error
	Close() error
}

func (d *Daemon) newFront(fail func(error)) *front {
	f := &front{d: d, fail: fail, door: newAPIDoor(reachable(d.api.Addr()), d.apiHandler())}
	// No limit on reading a whole request: an image layer is one.
	f.api = &http.Server{Handler: f.door, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, ConnState: f.conns.track}
	return f
}

// openAPI accepts connections to the API.
func (f *front) openAPI() error {
	l, err := again(f.d.api)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.listening = l
	f.mu.Unlock()
	f.serve(f.api.Serve, l)
	return nil
}

// leaveAPI has connections to the API wait for whoever accepts next. Those that are there stay.
func (f *front) leaveAPI() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.listening.Close()
}

// openApplications accepts connections to applications.
func (f *front) openApplications() error {
	for s, l := range f.d.applications() {
		l, err := again(l)
		if err != nil {
			return err
		}
		f.mu.Lock()
		f.servers = append(f.servers, s)
		f.mu.Unlock()
		f.serve(s.Serve, l)
	}
	return nil
}

func (f *front) serve(serve func(net.Listener) error, l net.Listener) {
	f.work.Go(func() {
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			f.fail(err)
		}
	})
}

// applications are the servers of applications and their listeners.
func (d *Daemon) applications() map[server]net.Listener {
	log := d.log.With("component", "router")
	plain := router.ServerOptions{Log: log}
	if d.https != nil {
		plain.Handler, plain.Divert = d.plain(d.router), d.secured
	}
	servers := map[server]net.Listener{router.NewServer(d.router, plain): d.http}
	if d.private != nil {
		servers[router.NewServer(d.router, router.ServerOptions{Log: log, Private: true})] = d.private
	}
	if d.https != nil {
		servers[router.NewServer(d.router, router.ServerOptions{Log: log, TLS: d.certificates.TLS()})] = d.https
	}
	return servers
}

const (
	// apiIdle is how long clients of a daemon that was replaced may keep a connection to its API that they
	// do not use.
	apiIdle = 20 * time.Second
	// leastLeave is how long a daemon that was replaced is there at least: who asked for it is to hear that
	// it went well.
	leastLeave = 100 * time.Millisecond
)

// leave has another process accept all connections, and returns when the last one here is gone, or ctx
// ends.
func (f *front) leave(ctx context.Context) {
	all := f.each(func(s server) { _ = s.Leave(ctx) })
	idle := time.Now().Add(apiIdle)
	for pause := leastLeave; ctx.Err() == nil; pause = 20 * time.Millisecond {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		if f.conns.none() || time.Now().After(idle) {
			break
		}
	}
	_ = f.api.Shutdown(ctx) // what it forwards or moves ends in its own time
	all.Wait()
}

// shutdown ends everything. Requests under way have as long as ctx.
func (f *front) shutdown(ctx context.Context) {
	defer time.AfterFunc(unusedTime, f.conns.closeUnused).Stop()
	f.door.endStreams()
	all := f.each(func(s server) {
		if s.Shutdown(ctx) != nil {
			_ = s.Close() // those that are left are cut off
		}
	})
	if f.api.Shutdown(ctx) != nil {
		_ = f.api.Close()
	}
	all.Wait()
	f.work.Wait()
}

// each does something with every server of applications, side by side.
func (f *front) each(do func(server)) *sync.WaitGroup {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := &sync.WaitGroup{}
	for _, s := range f.servers {
		all.Go(func() { do(s) })
	}
	return all
}
