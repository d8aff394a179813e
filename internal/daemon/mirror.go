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
	"github.com/slipway-run/slipway/internal/autoscale"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/handover"
)

// mirror has the daemon that was replaced route its last requests as this one does. No instance is ended
// that it still has requests on.
type mirror struct {
	routing
	last *predecessor
}

var (
	_ fleet.Router = mirror{}
	_ fleet.Demand = mirror{}
)

// Serve implements fleet.Router.
func (m mirror) Serve(s apprunner.Service, scaling apprunner.Scaling, canary int, backends []fleet.Backend) {
	m.routing.Serve(s, scaling, canary, backends)
	m.last.tell(sayServe, serveWords{s, scaling.MaxConcurrency, scaling.MaxSize, canary, backends})
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

// Sleep implements fleet.Router. While the daemon that was replaced has clients, no instance falls asleep:
// it would send the next request to it.
func (m mirror) Sleep(serviceID, instanceID string, quiet time.Duration) bool {
	return m.last.ended() && m.routing.Sleep(serviceID, instanceID, quiet)
}

// Awake implements fleet.Router.
func (m mirror) Awake(serviceID, instanceID string) {
	m.routing.Awake(serviceID, instanceID)
	m.last.tell(sayAwake, awakeWords{serviceID, instanceID})
}

// Sample implements fleet.Demand. Requests that wait in the daemon that was replaced count.
func (m mirror) Sample(serviceID string) (autoscale.Sample, bool) {
	s, ok := m.routing.Sample(serviceID)
	more := m.last.load(serviceID)
	s.Now += more
	s.Peak = max(s.Peak, s.Now)
	s.Average += float64(more)
	return s, ok
}

// predecessor is the daemon that this one replaced, for as long as it has clients. A nil one is gone.
type predecessor struct {
	conn  *handover.Conn
	hears func(kind string, n news)
	keeps func(requestWords)
	log   *slog.Logger
	gone  chan struct{} // closed when it has ended

	mu     sync.Mutex
	drains map[uint64]chan struct{}
	number uint64
	loads  map[string]lastLoad // by service id
}

// lastLoad is how many requests it had of a service when one had to wait there.
type lastLoad struct {
	requests int
	at       time.Time
}

// loadCounts is how long that counts: it tells again with the next request that waits.
const loadCounts = 3 * time.Second

func newPredecessor(conn *handover.Conn, hears func(string, news), keeps func(requestWords), log *slog.Logger) *predecessor {
	return &predecessor{conn: conn, hears: hears, keeps: keeps, log: log, gone: make(chan struct{}), drains: map[uint64]chan struct{}{}, loads: map[string]lastLoad{}}
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
	case sayRequests:
		var w requestWords
		if m.Read(&w) == nil {
			p.keeps(w)
		}
	case sayFailed, sayDemand, sayWake:
		var n news
		if m.Read(&n) != nil {
			return
		}
		if m.Kind == sayDemand {
			p.mu.Lock()
			p.loads[n.ServiceID] = lastLoad{n.Load, time.Now()}
			p.mu.Unlock()
		}
		p.hears(m.Kind, n)
	}
}

func (p *predecessor) tell(kind string, body any) {
	if p.ended() {
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

// load is how many requests of a service it has, if some have to wait.
func (p *predecessor) load(serviceID string) int {
	if p.ended() {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.loads[serviceID]; time.Since(l.at) < loadCounts {
		return l.requests
	}
	return 0
}

func (p *predecessor) ended() bool {
	if p == nil {
		return true
	}
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
