package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/autoscale"
	"github.com/slipway-run/slipway/internal/engine"
)

// app is how the application of an instance behaves. The zero value serves at once and for ever.
type app struct {
	startErr  error
	slow      time.Duration // from start to health
	exitAfter time.Duration // from start; 0 for never
	exit      engine.Exit
	check     func() error // what the health check finds, once it is not slow any more
	listening []engine.Listener
	output    []string
}

var errRefused = errors.New("connection refused")

// world is a fleet in a synctest bubble, with an engine, a router and a load of the test.
type world struct {
	*Fleet
	t     *testing.T
	begin time.Time
	stop  context.CancelFunc

	events chan engine.Event

	mu        sync.Mutex
	behave    func(spec engine.Spec) app
	instances map[string]*fakeInstance
	order     []string // instances as they were prepared
	born      []time.Duration
	probes    []time.Duration
	did       []string // calls that end or route instances, in order
	journal   []string
	routed    []Backend
	hold      Hold
	share     int
	draining  chan struct{} // if set, Drain waits for it
	sample    autoscale.Sample
	tallies   Tallies
	scaled    []autoscale.Record
	use       func(running time.Duration) engine.Stats // of each instance
	loaded    bool
	prepare   error
	thaw      error
}

type fakeInstance struct {
	engine.Instance
	app
	spec  engine.Spec
	since time.Time
	cpu   []int // what SetCPU was told

	busy, asleep bool // for the router
	quiet        time.Time
}

// run plays f in a bubble and ends the fleet afterwards: the bubble then sees whether any goroutine
// of it is left.
func run(t *testing.T, opts Options, f func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := &world{
			t: t, stop: cancel, begin: time.Now(), events: make(chan engine.Event), instances: map[string]*fakeInstance{},
			behave: func(engine.Spec) app { return app{} },
		}
		w.Fleet = New(ctx, (*fakeEngine)(w), (*fakeRouter)(w), (*fakeDemand)(w), (*fakeJournal)(w), slog.New(slog.DiscardHandler), opts)
		w.Fleet.probe = w.check
		ended := make(chan struct{})
		go func() { defer close(ended); w.Run() }()
		f(t, w)
		cancel()
		<-ended
	})
}

// locked runs f with the world standing still.
func (w *world) locked(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *world) check(_ context.Context, _ apprunner.HealthCheck, target netip.AddrPort) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.probes = append(w.probes, time.Since(w.begin))
	for _, i := range w.instances {
		if i.Address != target.Addr() {
			continue
		}
		if i.State != engine.Running || time.Since(i.since) < i.slow {
			return errRefused
		}
		if i.app.check != nil {
			return i.app.check()
		}
		return nil
	}
	return errRefused
}

// kill ends the process of an instance.
func (w *world) kill(id string, exit engine.Exit) {
	w.mu.Lock()
	i := w.instances[id]
	alive := i != nil && i.State == engine.Running
	if alive {
		i.State, i.Exit = engine.Exited, &exit
	}
	w.mu.Unlock()
	if alive {
		select {
		case w.events <- engine.Event{ID: id, State: engine.Exited, Exit: &exit}:
		case <-w.ctx.Done():
		}
	}
}

func (w *world) running() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []string
	for _, id := range w.order {
		if i := w.instances[id]; i != nil && i.State == engine.Running {
			ids = append(ids, id)
		}
	}
	return ids
}

func (w *world) backends() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []string
	for _, b := range w.routed {
		ids = append(ids, b.ID)
	}
	slices.Sort(ids)
	return ids
}

// wait lets everything that can happen now happen.
func wait() { synctest.Wait() }

// sleep lets time pass.
func sleep(d time.Duration) { time.Sleep(d); synctest.Wait() }

// service makes a service with a revision of n to most instances.
func service(n, most int) (apprunner.Service, apprunner.Revision) {
	s := apprunner.Service{ID: apprunner.NewID(), Name: "web"}
	return s, revision(s, n, most)
}

func revision(s apprunner.Service, n, most int) apprunner.Revision {
	return apprunner.Revision{
		ID: apprunner.NewID(), ServiceID: s.ID, Image: "image@sha256:1", Spec: apprunner.DefaultSpec(),
		Scaling: apprunner.Scaling{MinSize: n, MaxSize: most, MaxConcurrency: 10},
	}
}

// deploy brings a revision to traffic.
func (w *world) deploy(s apprunner.Service, r apprunner.Revision) {
	w.t.Helper()
	if err := w.Deploy(w.t.Context(), s, r); err != nil {
		w.t.Fatalf("deploy: %v", err)
	}
	w.Serve(s, r)
	wait()
}

// fakeEngine is the engine of a world. What the fleet has no use for is missing and panics.
type fakeEngine world

func (e *fakeEngine) Prepare(ctx context.Context, spec engine.Spec) (engine.Instance, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ctx.Err() != nil {
		return engine.Instance{}, ctx.Err()
	}
	if e.prepare != nil {
		return engine.Instance{}, e.prepare
	}
	e.born = append(e.born, time.Since(e.begin))
	n := byte(len(e.order) + 1)
	i := &fakeInstance{
		Instance: engine.Instance{ID: spec.ID, Labels: spec.Labels, State: engine.Prepared, Address: netip.AddrFrom4([4]byte{10, 0, 0, n})},
		app:      e.behave(spec), spec: spec,
	}
	e.instances[spec.ID] = i
	e.order = append(e.order, spec.ID)
	return i.Instance, nil
}

func (e *fakeEngine) Start(_ context.Context, id string) (engine.Instance, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := e.instances[id]
	if i.startErr != nil {
		return engine.Instance{}, i.startErr
	}
	i.State, i.since, i.quiet = engine.Running, time.Now(), time.Now()
	if i.exitAfter > 0 {
		time.AfterFunc(i.exitAfter, func() { (*world)(e).kill(id, i.app.exit) })
	}
	return i.Instance, nil
}

func (e *fakeEngine) Stop(_ context.Context, id string, grace time.Duration) error {
	e.mu.Lock()
	i := e.instances[id]
	e.did = append(e.did, fmt.Sprintf("stop %s within %v", id, grace))
	e.mu.Unlock()
	if i == nil {
		return engine.Errorf(engine.NotFound, "there is no instance %q", id)
	}
	(*world)(e).kill(id, engine.Exit{Code: 143})
	return nil
}

func (e *fakeEngine) Remove(_ context.Context, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.did = append(e.did, "remove "+id)
	if e.instances[id] == nil {
		return engine.Errorf(engine.NotFound, "there is no instance %q", id)
	}
	delete(e.instances, id)
	return nil
}

func (e *fakeEngine) List(context.Context) ([]engine.Instance, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []engine.Instance
	for _, i := range e.instances {
		all = append(all, i.Instance)
	}
	return all, nil
}

func (e *fakeEngine) Listening(_ context.Context, id string) ([]engine.Listener, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := e.instances[id]; i != nil {
		return i.listening, nil
	}
	return nil, engine.Errorf(engine.NotFound, "there is no instance %q", id)
}

func (e *fakeEngine) Logs(_ context.Context, id string, _ time.Time, _ bool) (<-chan engine.Line, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	lines := make(chan engine.Line, 100)
	defer close(lines)
	if i := e.instances[id]; i != nil {
		for _, text := range i.output {
			lines <- engine.Line{Text: text, Stream: "stdout"}
		}
	}
	return lines, nil
}

func (e *fakeEngine) Events(ctx context.Context) <-chan engine.Event {
	out := make(chan engine.Event)
	go func() {
		defer close(out)
		for {
			select {
			case <-ctx.Done():
				return
			case event := <-e.events:
				select {
				case out <- event:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}

func (e *fakeEngine) SetCPU(_ context.Context, id string, units int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := e.instances[id]
	if i == nil {
		return engine.Errorf(engine.NotFound, "there is no instance %q", id)
	}
	i.cpu = append(i.cpu, units)
	return nil
}

func (e *fakeEngine) Freeze(_ context.Context, id string) error { return e.set(id, engine.Frozen) }
func (e *fakeEngine) Thaw(_ context.Context, id string) error {
	if e.thaw != nil {
		return e.thaw
	}
	return e.set(id, engine.Running)
}

func (e *fakeEngine) set(id string, state engine.State) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := e.instances[id]
	if i == nil {
		return engine.Errorf(engine.NotFound, "there is no instance %q", id)
	}
	i.State = state
	return nil
}

func (e *fakeEngine) Inspect(context.Context, string) (engine.Instance, error) {
	panic("not used by the fleet")
}

func (e *fakeEngine) Stats(_ context.Context, id string) (engine.Stats, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := e.instances[id]
	if i == nil || e.use == nil {
		return engine.Stats{}, engine.Errorf(engine.NotFound, "there is no instance %q", id)
	}
	return e.use(time.Since(i.since)), nil
}
func (e *fakeEngine) ScanLogs(context.Context, string, engine.LogRange, func(engine.LogEntry) bool) error {
	panic("not used by the fleet")
}

func (e *fakeEngine) LogParts(context.Context, string) ([]engine.LogPart, error) {
	panic("not used by the fleet")
}

func (e *fakeEngine) TrimLogs(context.Context, string, time.Time) error {
	panic("not used by the fleet")
}

func (e *fakeEngine) ForgetLogs(context.Context, string) error { panic("not used by the fleet") }
func (e *fakeEngine) Pull(context.Context, engine.PullRequest) (engine.Image, error) {
	panic("not used by the fleet")
}
func (e *fakeEngine) KeepImages(context.Context, []string) error { panic("not used by the fleet") }

type fakeRouter world

func (r *fakeRouter) Serve(_ apprunner.Service, _ apprunner.Scaling, share int, backends []Backend) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routed, r.hold, r.share = backends, "", share
	r.did = append(r.did, fmt.Sprintf("serve %d", len(backends)))
}

func (r *fakeRouter) Hold(_ apprunner.Service, why Hold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routed, r.hold = nil, why
	r.did = append(r.did, "hold "+string(why))
}

func (r *fakeRouter) Drain(ctx context.Context, _, id string) {
	r.mu.Lock()
	draining := r.draining
	r.did = append(r.did, "drain "+id)
	r.mu.Unlock()
	if draining == nil {
		return
	}
	select {
	case <-draining:
	case <-ctx.Done():
	}
}

func (r *fakeRouter) Sleep(_, id string, quiet time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.instances[id]
	if i == nil || i.busy || i.asleep || time.Since(i.quiet) < quiet || !slices.ContainsFunc(r.routed, func(b Backend) bool { return b.ID == id }) {
		return false
	}
	i.asleep = true
	return true
}

func (r *fakeRouter) Awake(_, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := r.instances[id]; i != nil {
		i.asleep, i.quiet = false, time.Now()
	}
}

type fakeDemand world

func (d *fakeDemand) Sample(string) (autoscale.Sample, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sample
	s.Time = time.Now()
	return s, d.loaded
}

func (d *fakeDemand) Tallies(string) (Tallies, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tallies, d.loaded
}

type fakeJournal world

func (j *fakeJournal) Event(_ apprunner.Service, message string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.journal = append(j.journal, message)
}
func (j *fakeJournal) Scaled(_ apprunner.Service, r autoscale.Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.scaled = append(j.scaled, r)
}
func (j *fakeJournal) Started(apprunner.Service, string) {}
func (j *fakeJournal) Ended(apprunner.Service, string)   {}

// after returns the calls that were made since the one that begins with prefix, that one included.
func (w *world) after(prefix string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, call := range w.did {
		if strings.HasPrefix(call, prefix) {
			return slices.Clone(w.did[i:])
		}
	}
	return nil
}

// snapshot is what a test may look at while the world goes on.
type snapshot struct {
	probes, born        []time.Duration
	order, did, journal []string
	instances           map[string]fakeInstance
	hold                Hold
	scaled              []autoscale.Record
}

func (w *world) now() snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	instances := map[string]fakeInstance{}
	for id, i := range w.instances {
		instances[id] = *i
	}
	return snapshot{
		probes: slices.Clone(w.probes), born: slices.Clone(w.born), order: slices.Clone(w.order), did: slices.Clone(w.did),
		journal: slices.Clone(w.journal), instances: instances, hold: w.hold, scaled: slices.Clone(w.scaled),
	}
}
