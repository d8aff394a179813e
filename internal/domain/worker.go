package domain

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Store remembers custom domains.
type Store interface {
	Domains(ctx context.Context) (apprunner.Domains, error)
	Service(ctx context.Context, id string) (apprunner.Service, error)
	ChangeDomain(ctx context.Context, name string, decide func(apprunner.Service, apprunner.CustomDomain) (apprunner.CustomDomain, error)) error
	RemoveDomain(ctx context.Context, name string) error
}

// Certificates gets certificates. Both methods can be called again for the same name.
type Certificates interface {
	// Obtain returns when there is a certificate for a name and it is used.
	Obtain(ctx context.Context, name string) error
	// Release ends the use and the renewal of a certificate.
	Release(name string) error
}

// Journal writes the events of a service.
type Journal interface {
	Event(s apprunner.Service, message string)
}

// Config is what a Worker needs.
type Config struct {
	Store        Store
	Resolver     Resolver
	Certificates Certificates // nil without HTTPS
	Journal      Journal
	Names        *Names
	// Routed is told that the names of services have changed.
	Routed func()
	// Targets lists what a custom name may be an alias of to lead to a service: its own host name, and
	// those that it has inside of a VPC.
	Targets   func(s apprunner.Service) []string
	Domain    string       // of service URLs
	Addresses []netip.Addr // that lead to this Slipway
	Log       *slog.Logger
}

// Worker does what custom domains need, each on its own: one that waits keeps no other from its turn.
type Worker struct {
	Config
	prover prover
	wake   chan struct{}

	publishing sync.Mutex // held from reading the store until Names has it

	mu    sync.Mutex
	tasks map[string]*task // by name of domain
}

// task is the work on one domain.
type task struct {
	poke   chan struct{}      // the store may say something else now
	cancel context.CancelFunc // of the step under way
	status apprunner.DomainStatus
}

// NewWorker makes a Worker, which works while Run does.
func NewWorker(c Config) *Worker {
	return &Worker{
		Config: c, prover: prover{resolver: c.Resolver, addresses: c.Addresses},
		wake: make(chan struct{}, 1), tasks: map[string]*task{},
	}
}

// Look has the store looked at soon. It never blocks.
func (w *Worker) Look() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Publish tells the router which names there are. The daemon does so before it serves; from then on
// the worker does.
func (w *Worker) Publish(ctx context.Context) error {
	w.publishing.Lock()
	defer w.publishing.Unlock()
	all, err := w.Store.Domains(ctx)
	if err != nil {
		return err
	}
	w.Names.set(all)
	w.Routed()
	return nil
}

// Run works until ctx ends.
func (w *Worker) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		again := time.Minute
		if err := w.assign(ctx, &running); err != nil && ctx.Err() == nil {
			w.Log.Error("custom domains could not be read", "error", err)
			again = time.Second
		}
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		case <-time.After(again):
		}
	}
}

// assign has every domain worked on, and interrupts work that the store no longer wants.
func (w *Worker) assign(ctx context.Context, running *sync.WaitGroup) error {
	all, err := w.Store.Domains(ctx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range all {
		t := w.tasks[d.Name]
		if t == nil {
			t = &task{poke: make(chan struct{}, 1), cancel: func() {}}
			w.tasks[d.Name] = t
			running.Go(func() { w.work(ctx, d.Name, t) })
			continue
		}
		if d.Status == apprunner.DomainDeleting && t.status != d.Status {
			t.cancel()
		}
		select {
		case t.poke <- struct{}{}:
		default:
		}
	}
	return nil
}

// work does the steps of one domain until it is gone or ctx ends.
func (w *Worker) work(ctx context.Context, name string, t *task) {
	defer func() {
		w.mu.Lock()
		delete(w.tasks, name)
		w.mu.Unlock()
		w.Look() // a domain of the same name may have come meanwhile
	}()
	job := &job{Worker: w}
	for ctx.Err() == nil {
		wait, gone := w.turn(ctx, name, t, job)
		if gone {
			return
		}
		var timer <-chan time.Time // never, unless there is something to wait for
		if wait >= 0 {
			timer = time.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-t.poke:
		case <-timer:
		}
	}
}

// forever is a wait that only news end.
const forever = -1

// turn does the step that the store says a domain is at. It returns how long to wait for the next.
func (w *Worker) turn(ctx context.Context, name string, t *task, j *job) (wait time.Duration, gone bool) {
	d, s, err := w.find(ctx, name)
	if apprunner.CodeOf(err) == apprunner.ResourceNotFound {
		return 0, true
	}
	if err == nil {
		step, cancel := context.WithCancel(ctx)
		defer cancel()
		w.mu.Lock()
		t.cancel, t.status = cancel, d.Status
		w.mu.Unlock()
		wait, err = j.step(step, s, d)
	}
	if err == nil {
		return wait, false
	}
	switch apprunner.CodeOf(err) {
	case apprunner.ResourceNotFound, apprunner.InvalidState:
		return 0, false // it was deleted, or is being deleted, since it was read
	}
	if ctx.Err() == nil {
		w.Log.Error("the work on a custom domain goes on after an error", "domain", name, "error", err)
	}
	return time.Second, false
}

func (w *Worker) find(ctx context.Context, name string) (apprunner.CustomDomain, apprunner.Service, error) {
	all, err := w.Store.Domains(ctx)
	if err != nil {
		return apprunner.CustomDomain{}, apprunner.Service{}, err
	}
	for _, d := range all {
		if d.Name == name {
			s, err := w.Store.Service(ctx, d.ServiceID)
			return d, s, err
		}
	}
	return apprunner.CustomDomain{}, apprunner.Service{}, apprunner.Errorf(apprunner.ResourceNotFound, "There is no custom domain %s.", name)
}
