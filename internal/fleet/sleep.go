package fleet

import (
	"context"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
)

// An instance without requests sleeps: it is throttled or frozen, as its service asks. The router puts
// it to sleep, since only there it is known that no request is on its way, and asks for it when the next
// one comes. Only instances that serve sleep, so what is deployed is proved awake.

const (
	// restEvery is how often the fleet looks for instances without requests.
	restEvery = time.Second
	// idleCPU is what an instance that is throttled keeps: 5 ms in every 100, which a health check or
	// a timer of the application gets at once, and which no work gets done with.
	idleCPU = 51
	// freezePatience bounds how long a request may have to wait because its instance is just being
	// frozen.
	freezePatience = 500 * time.Millisecond
)

// nap is one instance that is needed.
type nap struct{ service, instance string }

// Wake is told by the router that an instance that sleeps is needed. It does not block.
func (f *Fleet) Wake(serviceID, instanceID string) { f.needed.put(nap{serviceID, instanceID}) }

// followNeeded wakes instances until the fleet's context ends.
func (f *Fleet) followNeeded() {
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-f.needed.ready:
			for _, n := range f.needed.take() {
				if g := f.lookup(n.service); g != nil {
					if m := g.member(n.instance); m != nil {
						f.do(m.wake)
					}
				}
			}
		}
	}
}

// rest has the instances that serve sleep as the service asks.
func (g *group) rest() {
	g.mu.Lock()
	service := g.service
	var members []*member
	if g.serving != nil {
		members = g.ofLocked(g.serving.ID)
	}
	g.mu.Unlock()
	if len(members) == 0 {
		return
	}
	want := g.fleet.opts.Asked(service).Idle
	for _, m := range members {
		m.rest(want)
	}
}

// rest has the instance sleep if it has had no request for a while. One that sleeps in another way
// than is asked for wakes first.
func (m *member) rest(want apprunner.Idle) {
	f := m.group.fleet
	if want == apprunner.IdleAlwaysOn {
		want = awake
	}
	is := m.sleeps()
	if is == want || !m.healthy.Load() {
		return
	}
	if is != awake {
		m.wake()
		return
	}
	quiet := f.opts.ThrottleAfter
	if want == apprunner.IdleFreeze {
		quiet = f.opts.FreezeAfter
	}
	m.sleeping.Lock()
	defer m.sleeping.Unlock()
	if m.sleeps() != awake || m.ending.Load() || !f.router.Sleep(m.group.serviceNow().ID, m.id, quiet) {
		return
	}
	m.naps.Add(1)
	if err := m.fallAsleep(want); err != nil {
		m.complain("an instance was not put to sleep", err)
		f.router.Awake(m.group.serviceNow().ID, m.id)
		return
	}
	m.asleep.Store(&want)
}

func (m *member) fallAsleep(how apprunner.Idle) error {
	f := m.group.fleet
	if how == apprunner.IdleThrottle {
		return f.engine.SetCPU(f.ctx, m.id, min(idleCPU, m.revision.Spec.Instance.CPU))
	}
	ctx, cancel := context.WithTimeout(f.ctx, freezePatience)
	defer cancel()
	return f.engine.Freeze(ctx, m.id)
}

// awake is how an instance sleeps that does not.
const awake apprunner.Idle = ""

// sleeps returns how the instance sleeps.
func (m *member) sleeps() apprunner.Idle {
	if how := m.asleep.Load(); how != nil {
		return *how
	}
	return awake
}

// wake lets the instance run as before and tells the router. One that does not wake is replaced.
func (m *member) wake() {
	m.sleeping.Lock()
	defer m.sleeping.Unlock()
	f := m.group.fleet
	how, begin := m.sleeps(), time.Now()
	var err error
	switch how {
	case apprunner.IdleThrottle:
		err = f.engine.SetCPU(f.ctx, m.id, m.revision.Spec.Instance.CPU)
	case apprunner.IdleFreeze:
		err = f.engine.Thaw(f.ctx, m.id)
	}
	if how != awake {
		defer func() { m.did(DeedWake, string(how), begin, err) }()
	}
	if err != nil && f.ctx.Err() == nil {
		m.complain("an instance did not wake", err)
		if !m.ending.Load() {
			m.healthy.Store(false)
			m.group.lose(m, err)
		}
		return
	}
	m.asleep.Store(nil)
	f.router.Awake(m.group.serviceNow().ID, m.id)
}

// complain logs what is no news when the instance is gone: its end is told otherwise.
func (m *member) complain(what string, err error) {
	f := m.group.fleet
	if f.ctx.Err() == nil && !engine.Is(err, engine.NotFound) && !m.hasExited() {
		f.log.Warn(what, "instance", m.id, "error", err)
	}
}

func (m *member) hasExited() bool {
	select {
	case <-m.gone:
		return true
	default:
		return false
	}
}
