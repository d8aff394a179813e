package domain_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/domain"
	"github.com/slipway-run/slipway/internal/sqlite"
	"github.com/slipway-run/slipway/internal/vault"
)

// world is a worker with a real store, a DNS that a test writes, and an authority that does as told.
type world struct {
	t       *testing.T
	store   *sqlite.Store
	names   *domain.Names
	service apprunner.Service

	mu       sync.Mutex
	cnames   map[string]string
	lookups  []time.Time
	refusal  error           // of the authority
	stuck    bool            // the authority never answers
	stays    error           // why a certificate cannot be released
	issued   map[string]int  // how often each name was asked for
	released map[string]bool // names
	events   []string
	routed   int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	box, err := vault.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "slipway.db"), box)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{
		t: t, store: store, names: &domain.Names{}, cnames: map[string]string{}, issued: map[string]int{}, released: map[string]bool{},
	}
	w.service = w.newService("web-app")
	return w
}

func (w *world) newService(name string) apprunner.Service {
	w.t.Helper()
	here := apprunner.Place{Account: "123456789012", Region: "us-east-1"}
	s := apprunner.Service{ID: apprunner.NewID(), Name: name, Region: here.Region, Subdomain: apprunner.NewSubdomain(), Status: apprunner.ServiceRunning}
	s.ARN = apprunner.ARN{Place: here, Type: apprunner.TypeService, Name: name, ID: s.ID}.String()
	err := w.store.CreateService(w.t.Context(), here, func([]apprunner.Service, apprunner.Scalings, apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		return s, apprunner.FirstOperation(s, apprunner.NewID(), time.Now()), nil
	}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// record stores what became of the service.
func (w *world) record(s apprunner.Service) {
	w.t.Helper()
	operations, err := w.store.Operations(w.t.Context(), s.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Record(w.t.Context(), s, operations[0], nil); err != nil {
		w.t.Fatal(err)
	}
}

// start runs a worker until stop is called, as one daemon would.
func (w *world) start(https bool) (worker *domain.Worker, stop func()) {
	w.t.Helper()
	c := domain.Config{
		Store: w.store, Resolver: w, Journal: w, Names: w.names, Domain: "localhost", Routed: func() { w.routed++ },
		Targets:   func(s apprunner.Service) []string { return []string{s.Host("localhost")} },
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Log: slog.New(slog.DiscardHandler),
	}
	if https {
		c.Certificates = w
	}
	worker = domain.NewWorker(c)
	if err := worker.Publish(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	running.Go(func() { worker.Run(ctx) })
	return worker, func() {
		cancel()
		running.Wait()
	}
}

func (w *world) add(name string, www bool) {
	w.t.Helper()
	err := w.store.AddDomain(w.t.Context(), w.service.ID, func(s apprunner.Service, all apprunner.Domains) (apprunner.CustomDomain, error) {
		return all.Add(s, name, www, "localhost", 5, time.Now())
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) delete(name string) {
	w.t.Helper()
	err := w.store.ChangeDomain(w.t.Context(), name, func(_ apprunner.Service, d apprunner.CustomDomain) (apprunner.CustomDomain, error) {
		return d.Delete(time.Now())
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// domain reads a domain; one without a name is gone.
func (w *world) domain(name string) apprunner.CustomDomain {
	w.t.Helper()
	all, err := w.store.Domains(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range all {
		if d.Name == name {
			return d
		}
	}
	return apprunner.CustomDomain{}
}

func (w *world) want(name string, status apprunner.DomainStatus) apprunner.CustomDomain {
	w.t.Helper()
	d := w.domain(name)
	if d.Status != status {
		w.t.Fatalf("domain %s is %q (%s), want %q", name, d.Status, d.Reason, status)
	}
	return d
}

// make makes the validation records of a domain.
func (w *world) make(d apprunner.CustomDomain) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range d.Records {
		w.cnames[r.Name] = r.Value[:len(r.Value)-1]
	}
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) happened(event string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.events, event)
}

// CNAME implements domain.Resolver.
func (w *world) CNAME(_ context.Context, name string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookups = append(w.lookups, time.Now())
	return w.cnames[name], nil
}

// Lookup implements domain.Resolver.
func (w *world) Lookup(context.Context, string) ([]string, []netip.Addr, error) { return nil, nil, nil }

// Event implements domain.Journal.
func (w *world) Event(s apprunner.Service, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, s.Name+": "+message)
}

// Obtain implements domain.Certificates.
func (w *world) Obtain(ctx context.Context, name string) error {
	w.mu.Lock()
	w.issued[name]++
	stuck, refusal := w.stuck, w.refusal
	w.mu.Unlock()
	if stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	return refusal
}

// Release implements domain.Certificates.
func (w *world) Release(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stays == nil {
		w.released[name] = true
	}
	return w.stays
}

var errRefused = errors.New("the authority is on holiday")
