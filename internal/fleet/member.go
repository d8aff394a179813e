package fleet

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
)

// member is one instance and the goroutine that watches it.
type member struct {
	group    *group
	id       string
	revision apprunner.Revision
	born     time.Time

	healthy atomic.Bool
	served  atomic.Bool // may have requests
	ending  atomic.Bool // being ended on purpose; not replaced
	leaving atomic.Bool // somebody ends it
	lost    error       // why it is of no use, while no revision of it serves; guarded by the group

	ready  chan struct{} // closed when first healthy, or failed
	failed error         // why it never became healthy; read after ready
	gone   chan struct{} // closed when it exited
	ended  chan struct{} // closed when nothing of it is left
	once   sync.Once
	left   engine.Exit // read after gone
	check  chan struct{}
	cancel context.CancelFunc

	address atomic.Pointer[netip.Addr]

	spare bool          // prepared, and not used yet; guarded by the group
	used  chan struct{} // closed when a spare is used

	sleeping sync.Mutex                     // held while it falls asleep or wakes
	asleep   atomic.Pointer[apprunner.Idle] // how it sleeps; nil while it does not
	naps     atomic.Int64                   // how often it fell asleep
}

func (g *group) newMemberLocked(id string, revision apprunner.Revision) (*member, context.Context) {
	ctx, cancel := context.WithCancel(g.fleet.ctx)
	m := &member{
		group: g, id: id, revision: revision, born: time.Now(), cancel: cancel, check: make(chan struct{}, 1),
		ready: make(chan struct{}), gone: make(chan struct{}), ended: make(chan struct{}), used: make(chan struct{}),
	}
	g.members[id] = m
	return m, ctx
}

// addLocked starts a new instance of a revision and watches it.
func (g *group) addLocked(revision apprunner.Revision) {
	m, ctx := g.newMemberLocked(apprunner.NewID(), revision)
	g.fleet.do(func() {
		begin := time.Now()
		m.failed = m.start(ctx)
		m.did(DeedStart, "", begin, m.failed)
		m.becameReady()
		m.watch(ctx)
	})
}

// start makes the instance, runs it and waits until it is healthy. The error is a *Failure when it is
// the application's.
func (m *member) start(ctx context.Context) error {
	m.group.fleet.starting.Add(1)
	err := m.prepare(ctx)
	m.group.fleet.starting.Add(-1)
	if err != nil {
		return err
	}
	return m.run(ctx)
}

// prepare makes the instance up to the point where it needs only to be started.
func (m *member) prepare(ctx context.Context) error {
	spec := instanceSpec(m.id, m.group.serviceNow(), m.revision)
	m.group.fleet.lend(&spec, m.group.serviceNow(), m.revision)
	if limits := m.group.fleet.opts.Egress; limits != nil {
		spec.Egress = limits(m.revision.Spec.Network)
	}
	if err := m.create(ctx, spec); err != nil {
		return failureOf(err)
	}
	return nil
}

// run starts the prepared instance and waits until it is healthy.
func (m *member) run(ctx context.Context) error {
	f := m.group.fleet
	f.starting.Add(1)
	defer f.starting.Add(-1)
	f.journal.Started(m.group.serviceNow(), m.id)
	instance, err := f.engine.Start(ctx, m.id)
	if err != nil {
		return failureOf(err)
	}
	m.address.Store(&instance.Address)
	return m.becomeHealthy(ctx)
}

func (m *member) becameReady() {
	if m.failed == nil {
		m.settle()
		m.served.Store(true)
		m.healthy.Store(true)
	}
	close(m.ready)
	if m.failed == nil {
		m.group.route()
	}
}

// settle ends the boost of the start: from now on the instance has the CPU of its configuration.
func (m *member) settle() {
	f := m.group.fleet
	err := f.engine.SetCPU(f.ctx, m.id, m.revision.Spec.Instance.CPU)
	if err != nil && f.ctx.Err() == nil && !engine.Is(err, engine.NotFound) {
		f.log.Error("the CPU of an instance was not limited", "instance", m.id, "error", err)
	}
}

// watch checks a healthy instance until it fails or ends, and then has it replaced.
func (m *member) watch(ctx context.Context) {
	why := m.failed
	if why == nil {
		why = m.stayHealthy(ctx)
	}
	if ctx.Err() != nil || m.ending.Load() {
		return
	}
	m.healthy.Store(false)
	m.group.lose(m, why)
}

// exit is told once that the instance's process ended.
func (m *member) exit(e engine.Exit) {
	m.once.Do(func() {
		m.left = e
		close(m.gone)
	})
}

func (m *member) checkNow() {
	select {
	case m.check <- struct{}{}:
	default:
	}
}

// waitHealthy returns when the instance is healthy or cannot become so.
func (m *member) waitHealthy(ctx context.Context) error {
	select {
	case <-m.ready:
		return m.failed
	case <-ctx.Done():
		return ctx.Err()
	case <-m.group.fleet.ctx.Done():
		return m.group.fleet.ctx.Err()
	}
}

// end drains the instance, stops it and removes it. It can be called again when it failed.
func (m *member) end(ctx context.Context) error {
	f := m.group.fleet
	m.cancel()
	m.drain(ctx)
	select {
	case <-m.ready: // an instance that is being started must not be left behind
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, f.opts.StopGrace+endPatience) // an engine that hangs is asked again
	defer cancel()
	if m.sleeps() != awake { // to say goodbye takes more than a health check
		m.wake()
	}
	if err := f.remove(ctx, m.id); err != nil {
		return err
	}
	f.journal.Ended(m.group.serviceNow(), m.id)
	m.group.mu.Lock()
	delete(m.group.members, m.id)
	m.group.mu.Unlock()
	close(m.ended)
	return nil
}

// drain waits for the instance's requests, unless there can be none.
func (m *member) drain(ctx context.Context) {
	if !m.served.Load() {
		return
	}
	select {
	case <-m.gone:
		return
	default:
	}
	f := m.group.fleet
	ctx, cancel := context.WithTimeout(ctx, f.opts.DrainTimeout)
	defer cancel()
	f.router.Drain(ctx, m.group.serviceNow().ID, m.id)
}

// remove stops an instance, politely first, and removes it. One that is gone is no error.
func (f *Fleet) remove(ctx context.Context, id string) error {
	err := f.engine.Stop(ctx, id, f.opts.StopGrace)
	if err == nil || engine.Is(err, engine.NotFound) {
		err = f.engine.Remove(ctx, id)
	}
	if err != nil && !engine.Is(err, engine.NotFound) {
		return fmt.Errorf("end instance %s: %w", id, err)
	}
	return nil
}

func (m *member) backend() Backend {
	return Backend{ID: m.id, Address: m.target(), Asleep: m.sleeps() != awake}
}

// target is where the application should listen.
func (m *member) target() netip.AddrPort {
	return netip.AddrPortFrom(*m.address.Load(), uint16(m.revision.Spec.Image.Port))
}

func (g *group) serviceNow() apprunner.Service {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.service
}

// tail returns the last lines of an instance's output.
func (m *member) tail(n int) []string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	lines, err := m.group.fleet.engine.Logs(ctx, m.id, time.Time{}, false)
	if err != nil {
		return nil
	}
	var last []string
	for line := range lines {
		last = append(last, line.Text)
		if len(last) > n {
			last = last[1:]
		}
	}
	return last
}
