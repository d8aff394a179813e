package containerd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"

	"context"

	"github.com/slipway-run/slipway/internal/engine"
)

// wiring is what of an instance's Spec a later process needs to know of its network.
type wiring struct {
	Egress  *engine.Egress `json:",omitempty"`
	Forward []int          `json:",omitempty"`
}

const wiringFile = "wiring.json"

// writeWiring keeps the wiring of an instance that has any. It comes before the instance has an
// address.
func (d instanceDir) writeWiring(spec engine.Spec) error {
	w := wiring{spec.Egress, spec.Forward}
	if w.Egress == nil && len(w.Forward) == 0 {
		return nil
	}
	b, err := json.Marshal(w)
	if err == nil {
		err = writeFile(d.file(wiringFile), b)
	}
	if err != nil {
		return fmt.Errorf("keep the wiring of instance %q: %w", spec.ID, err)
	}
	return nil
}

// wiring reads what writeWiring kept. When it is damaged the instance may connect to nothing, which
// is the safe mistake.
func (e *Engine) wiring(id string) (w wiring) {
	b, err := os.ReadFile(e.paths.instance(id).file(wiringFile))
	if errors.Is(err, fs.ErrNotExist) {
		return w
	}
	if err == nil {
		err = json.Unmarshal(b, &w)
	}
	if err != nil {
		e.log.Error("the wiring of an instance is lost: it may connect to nothing until it is replaced", "id", id, "error", err)
		return wiring{Egress: &engine.Egress{}}
	}
	return w
}

// wire limits and forwards as the spec says, before anything of the instance runs.
func (e *Engine) wire(spec engine.Spec, address netip.Addr) error {
	if spec.Egress != nil {
		if err := e.net.Restrict(address, *spec.Egress); err != nil {
			return fmt.Errorf("wire instance %q: %w", spec.ID, err)
		}
	}
	if err := e.startForwards(spec.ID, address, spec.Forward); err != nil {
		return fmt.Errorf("wire instance %q: %w", spec.ID, err)
	}
	return nil
}

// forwards are the listeners inside of instances.
type forwards struct {
	mu    sync.Mutex
	byID  map[string][]net.Listener
	ended bool
}

func (f *forwards) add(id string, l net.Listener) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return false
	}
	if f.byID == nil {
		f.byID = map[string][]net.Listener{}
	}
	f.byID[id] = append(f.byID[id], l)
	return true
}

// close ends the listeners of an instance. An open socket would keep its namespace.
func (f *forwards) close(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.byID[id] {
		_ = l.Close()
	}
	delete(f.byID, id)
}

func (f *forwards) closeAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for _, listeners := range f.byID {
		for _, l := range listeners {
			_ = l.Close()
		}
	}
	f.byID = nil
}

// ports returns the ports of an instance that are forwarded.
func (f *forwards) ports(id string) []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ports []int
	for _, l := range f.byID[id] {
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// resumeForwards opens again what ended with an earlier process. An instance that has taken the port
// for itself meanwhile goes on without.
func (e *Engine) resumeForwards(found map[string]netip.Addr) {
	for id, address := range found {
		if err := e.startForwards(id, address, e.wiring(id).Forward); err != nil {
			e.log.Warn("a port inside of an instance is not forwarded", "id", id, "error", err)
		}
	}
}

func (e *Engine) startForwards(id string, address netip.Addr, ports []int) error {
	for _, port := range ports {
		connect := e.opts.Forward[port]
		if connect == nil {
			continue
		}
		l, err := e.net.Listen(address, port)
		if err != nil {
			return err
		}
		if !e.forwards.add(id, l) {
			return l.Close()
		}
		e.wg.Go(func() { e.forward(id, l, connect) })
	}
	return nil
}

// forward takes connections until the listener is closed.
func (e *Engine) forward(id string, l net.Listener, connect func(context.Context, string) (net.Conn, error)) {
	for {
		inside, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			e.log.Warn("a connection inside of an instance was not taken", "id", id, "error", err)
			if retryPause(e.life) != nil {
				return
			}
			continue
		}
		e.wg.Go(func() {
			defer inside.Close()
			outside, err := connect(e.life, id)
			if err != nil {
				e.log.Warn("a connection was not forwarded", "id", id, "port", l.Addr(), "error", err)
				return
			}
			defer outside.Close()
			stop := context.AfterFunc(e.life, func() { _ = inside.Close(); _ = outside.Close() })
			defer stop()
			exchange(inside, outside)
		})
	}
}

// exchange copies in both directions until both have ended. The end of one is passed on as such.
func exchange(a, b net.Conn) {
	var wg sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		wg.Go(func() {
			from, to := way[0], way[1]
			_, err := io.Copy(to, from)
			if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
				_ = half.CloseWrite()
				return
			}
			_, _ = from.Close(), to.Close()
		})
	}
	wg.Wait()
}

// withoutForwards leaves out of what an instance listens on what is not its own.
func (e *Engine) withoutForwards(id string, list []engine.Listener) []engine.Listener {
	ports := e.forwards.ports(id)
	return slices.DeleteFunc(list, func(l engine.Listener) bool {
		return l.Address.IsLoopback() && slices.Contains(ports, l.Port)
	})
}
