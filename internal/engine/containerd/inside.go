package containerd

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/engine"
)

// Offer takes a connection that an instance, by its id, has made to a port of its own loopback address. The
// connection is its to close. It returns soon: others of the instance wait for it.
type Offer func(ctx context.Context, id string, inside net.Conn)

// Inside is a listener on the loopback address of an instance.
type Inside struct {
	ID string
	*net.TCPListener
}

func (i Inside) port() int { return i.Addr().(*net.TCPAddr).Port }

// insides are the listeners inside of instances.
type insides struct {
	mu     sync.Mutex
	byID   map[string][]Inside
	held   bool // connections are not taken, and wait
	ended  bool
	taking sync.WaitGroup
}

// add has connections taken by a function that returns when no more come. It is false after the end.
func (s *insides) add(l Inside, take func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	if s.byID == nil {
		s.byID = map[string][]Inside{}
	}
	s.byID[l.ID] = append(s.byID[l.ID], l)
	if !s.held {
		_ = l.SetDeadline(time.Time{}) // that of hold
		s.taking.Go(take)
	}
	return true
}

// close ends the listeners of an instance. An open socket would keep its namespace.
func (s *insides) close(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.byID[id] {
		_ = l.Close()
	}
	delete(s.byID, id)
}

// hold has no more connections taken.
func (s *insides) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
	for _, listeners := range s.byID {
		for _, l := range listeners {
			_ = l.SetDeadline(time.Unix(1, 0)) // that is over, for this process alone
		}
	}
}

// leave returns all listeners, and takes no more.
func (s *insides) leave() (all []Inside) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, listeners := range s.byID {
		all = append(all, listeners...)
	}
	s.byID = nil
	return all
}

// ports returns the ports of an instance that are forwarded.
func (s *insides) ports(id string) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ports []int
	for _, l := range s.byID[id] {
		ports = append(ports, l.port())
	}
	return ports
}

// HoldInside takes no more connections from inside of instances: they wait for whoever takes over. It returns
// when all that were taken are passed on, or ctx ends.
func (e *Engine) HoldInside(ctx context.Context) {
	e.insides.hold()
	passed := make(chan struct{})
	go func() { // ends with Close, at the latest
		e.insides.taking.Wait()
		close(passed)
	}()
	select {
	case <-passed:
	case <-ctx.Done():
	}
}

// LeaveInside returns the listeners inside of instances, with the connections that wait there. They are the
// caller's to close, soon: an open one keeps the namespace of an instance that has ended.
func (e *Engine) LeaveInside() []Inside { return e.insides.leave() }

// resumeInside goes on with the listeners of an earlier process, or opens them again. An instance that has
// taken the port for itself meanwhile goes on without.
func (e *Engine) resumeInside(found map[string]netip.Addr) {
	for id, address := range found {
		if err := e.listenInside(id, address, e.wiring(id).Forward); err != nil {
			e.log.Warn("a port inside of an instance is not forwarded", "id", id, "error", err)
		}
	}
	for _, l := range e.opts.Inherited { // of instances that have ended
		_ = l.Close()
	}
	e.opts.Inherited = nil
}

func (e *Engine) listenInside(id string, address netip.Addr, ports []int) error {
	for _, port := range ports {
		offer := e.opts.Forward[port]
		if offer == nil {
			continue
		}
		l, ok := e.inherited(id, port)
		if !ok {
			opened, err := e.net.Listen(address, port)
			if err != nil {
				return err
			}
			l = Inside{id, opened}
		}
		if !e.insides.add(l, func() { e.take(l, offer) }) {
			return l.Close()
		}
	}
	return nil
}

// inherited returns what an earlier process had at a port of an instance.
func (e *Engine) inherited(id string, port int) (Inside, bool) {
	at := slices.IndexFunc(e.opts.Inherited, func(l Inside) bool { return l.ID == id && l.port() == port })
	if at < 0 {
		return Inside{}, false
	}
	l := e.opts.Inherited[at]
	e.opts.Inherited = slices.Delete(e.opts.Inherited, at, at+1)
	return l, true
}

// take passes connections on until the listener is held or closed.
func (e *Engine) take(l Inside, offer Offer) {
	for {
		inside, err := l.Accept()
		switch {
		case err == nil:
			offer(e.life, l.ID, inside)
			continue
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return
		}
		e.log.Warn("a connection inside of an instance was not taken", "id", l.ID, "error", err)
		if retryPause(e.life) != nil {
			return
		}
	}
}

// withoutInside leaves out of what an instance listens on what is not its own.
func (e *Engine) withoutInside(id string, list []engine.Listener) []engine.Listener {
	ports := e.insides.ports(id)
	return slices.DeleteFunc(list, func(l engine.Listener) bool {
		return l.Address.IsLoopback() && slices.Contains(ports, l.Port)
	})
}
