package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/handover"
)

// mirror has the daemon that was replaced route its last requests as this one does. No instance is ended
// that it still has requests on.
type mirror struct {
	routing
	last *predecessor
}

var _ fleet.Router = mirror{}

// Serve implements fleet.Router.
func (m mirror) Serve(s apprunner.Service, concurrency int, backends []fleet.Backend) {
	m.routing.Serve(s, concurrency, backends)
	m.last.tell(sayServe, serveWords{s, concurrency, backends})
}

// Hold implements fleet.Router.
func (m mirror) Hold(s apprunner.Service, why fleet.Hold) {
	m.routing.Hold(s, why)
	m.last.tell(sayHold, holdWords{s, why})
}

// Drain implements fleet.Router.
func (m mirror) Drain(ctx context.Context, serviceID, instanceID string) {
	var both sync.WaitGroup
	both.Go(func() { m.last.drain(ctx, serviceID, instanceID) })
	m.routing.Drain(ctx, serviceID, instanceID)
	both.Wait()
}

// predecessor is the daemon that this one replaced, for as long as it has clients. A nil one is gone.
type predecessor struct {
	conn  *handover.Conn
	hears func(kind string, n news)
	log   *slog.Logger
	gone  chan struct{} // closed when it has ended

	mu     sync.Mutex
	drains map[uint64]chan struct{}
	number uint64
}

func newPredecessor(conn *handover.Conn, hears func(string, news), log *slog.Logger) *predecessor {
	return &predecessor{conn: conn, hears: hears, log: log, gone: make(chan struct{}), drains: map[uint64]chan struct{}{}}
}

// listen hears what it says until it ends.
func (p *predecessor) listen() {
	defer close(p.gone)
	for {
		m, files, err := p.conn.Receive()
		handover.CloseAll(files)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				p.log.Warn("the daemon that was replaced is not heard any more", "error", err)
			}
			_ = p.conn.Close()
			return
		}
		p.heard(m)
	}
}

func (p *predecessor) heard(m handover.Message) {
	switch m.Kind {
	case sayDrained:
		var d drained
		if m.Read(&d) == nil {
			p.mu.Lock()
			if c := p.drains[d.ID]; c != nil {
				close(c)
				delete(p.drains, d.ID)
			}
			p.mu.Unlock()
		}
	case sayFailed, sayDemand:
		var n news
		if m.Read(&n) == nil {
			p.hears(m.Kind, n)
		}
	}
}

func (p *predecessor) tell(kind string, body any) {
	if p == nil || p.ended() {
		return
	}
	err := p.conn.Send(kind, body)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = p.conn.Close() // it hangs, and must not hang this one
	}
	if err != nil && !p.ended() {
		p.log.Warn("the daemon that was replaced does not know", "what", kind, "error", err)
	}
}

func (p *predecessor) ended() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// drain returns when it has no request on an instance, or is gone, or ctx ends: when the time of ctx is
// over, it cuts them.
func (p *predecessor) drain(ctx context.Context, serviceID, instanceID string) {
	if p == nil {
		return
	}
	done := make(chan struct{})
	p.mu.Lock()
	p.number++
	id := p.number
	p.drains[id] = done
	p.mu.Unlock()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(apprunner.RequestTimeout)
	}
	p.tell(sayDrain, drainWords{id, serviceID, instanceID, deadline})
	select {
	case <-done:
	case <-p.gone:
	case <-ctx.Done():
	}
}

// await returns when it is gone, or ctx ends.
func (p *predecessor) await(ctx context.Context) {
	if p == nil {
		return
	}
	select {
	case <-p.gone:
	case <-ctx.Done():
	}
}
