package operation_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/operation"
	"github.com/slipway-run/slipway/internal/source"
	"github.com/slipway-run/slipway/internal/sqlite"
	"github.com/slipway-run/slipway/internal/vault"
)

var (
	here = apprunner.Place{Account: "123456789012", Region: "us-east-1"}
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

// store opens a real database.
func store(t testing.TB, file string) *sqlite.Store {
	t.Helper()
	s := open(t, file)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func open(t rapid.TB, file string) *sqlite.Store {
	t.Helper()
	box, err := vault.Open(filepath.Dir(file))
	must(t, err)
	s, err := sqlite.Open(context.Background(), file, box)
	must(t, err)
	return s
}

// world is everything around a runner. The store is real; the rest keeps a note of each call and
// fails where a test wants it to.
type world struct {
	operation.Store

	mu      sync.Mutex
	calls   []string            // in order, without ids
	events  []string            // of the service
	log     []string            // the deployment log
	steps   []string            // as they were recorded
	faults  map[string][]error  // by method: what its next calls return; a nil lets one through
	always  map[string]error    // by method: what every call returns
	serving map[string]string   // service id → revision id that gets traffic
	held    map[string]string   // service id → why it gets none
	live    map[string][]string // service id → revision ids with instances
	images  []string            // that are in the engine
	digest  string
	pulling chan struct{} // if set, a pull waits for it
	canary  apprunner.Canary
	onCall  func() // if set, told of each call before it is done
}

func newWorld(s operation.Store) *world {
	return &world{
		Store: s, faults: map[string][]error{}, always: map[string]error{}, digest: "sha256:1",
		serving: map[string]string{}, held: map[string]string{}, live: map[string][]string{},
	}
}

// runner makes a runner as a new daemon does.
func (w *world) runner() *operation.Runner {
	return &operation.Runner{
		Store: faultyStore{w.Store, w}, Sources: w, Builder: builds{w}, Images: w, Fleet: w, Journal: w, Log: slog.New(slog.DiscardHandler),
		Place: func(region string) apprunner.Place { return apprunner.Place{Account: here.Account, Region: region} },
		Reference: func(spec apprunner.Spec, region string) (source.Reference, error) {
			return source.Parse(spec.Image.Identifier, source.Here{Place: apprunner.Place{Account: here.Account, Region: region}})
		},
		Canary:   func(apprunner.Service) apprunner.Canary { return w.canary },
		Recorded: func(o apprunner.Operation) { w.step(o) },
	}
}

func (w *world) step(o apprunner.Operation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps = append(w.steps, fmt.Sprintf("%s %s", o.Status, o.Step))
}

// do notes a call and returns what it is to fail with.
func (w *world) do(method, format string, args ...any) error {
	if w.onCall != nil {
		w.onCall()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, strings.TrimSpace(method+" "+fmt.Sprintf(format, args...)))
	if err := w.always[method]; err != nil {
		return err
	}
	if queue := w.faults[method]; len(queue) > 0 {
		w.faults[method] = queue[1:]
		return queue[0]
	}
	return nil
}

func (w *world) Resolve(_ context.Context, ref source.Reference) (source.Resolved, error) {
	err := w.do("Resolve", "%s", ref)
	return source.Resolved{Reference: ref, Digest: w.digest}, err
}

func (w *world) Endpoints(_ context.Context, ref source.Reference) ([]engine.Endpoint, error) {
	return []engine.Endpoint{{URL: "https://" + ref.Host + "/v2"}}, w.do("Endpoints", "")
}

func (w *world) Pull(ctx context.Context, req engine.PullRequest) (engine.Image, error) {
	if err := w.do("Pull", "%s/%s@%s", req.Host, req.Repository, req.Digest); err != nil {
		return engine.Image{}, err
	}
	name := req.Host + "/" + req.Repository + "@" + req.Digest
	w.mu.Lock()
	if !slices.Contains(w.images, name) {
		w.images = append(w.images, name)
	}
	w.mu.Unlock()
	if w.pulling != nil {
		select {
		case <-w.pulling:
		case <-ctx.Done():
			return engine.Image{}, ctx.Err()
		}
	}
	return engine.Image{Name: name, Digest: req.Digest}, nil
}

func (w *world) KeepImages(_ context.Context, names []string) error {
	err := w.do("KeepImages", "%d", len(names))
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.images = slices.DeleteFunc(w.images, func(have string) bool { return !slices.Contains(names, have) })
	}
	return err
}

func (w *world) Deploy(ctx context.Context, s apprunner.Service, r apprunner.Revision) error {
	w.mu.Lock()
	if !slices.Contains(w.images, r.Image) {
		w.calls = append(w.calls, "Deploy without its image")
	}
	if !slices.Contains(w.live[s.ID], r.ID) {
		w.live[s.ID] = append(w.live[s.ID], r.ID)
	}
	w.mu.Unlock()
	if err := w.do("Deploy", "%d", r.Number); err != nil {
		return err
	}
	return ctx.Err()
}

func (w *world) Try(ctx context.Context, _ apprunner.Service, r apprunner.Revision, percent int, until time.Time) (string, error) {
	if err := w.do("Try", "%d with %d %%", r.Number, percent); err != nil {
		return "", err
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(time.Until(until)):
		return "It does no worse.", nil
	}
}

func (w *world) Discard(_ context.Context, s apprunner.Service, revisionID string) error {
	err := w.do("Discard", "")
	if err == nil {
		w.end(s, func(id string) bool { return id == revisionID })
	}
	return err
}

func (w *world) Serve(s apprunner.Service, r apprunner.Revision) {
	_ = w.do("Serve", "%d", r.Number)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serving[s.ID] = r.ID
	delete(w.held, s.ID)
	if !slices.Contains(w.live[s.ID], r.ID) {
		w.live[s.ID] = append(w.live[s.ID], r.ID)
	}
}

func (w *world) Retire(_ context.Context, s apprunner.Service) error {
	err := w.do("Retire", "")
	if err == nil {
		w.end(s, func(id string) bool { return id != w.serving[s.ID] })
	}
	return err
}

func (w *world) Stop(_ context.Context, s apprunner.Service, why fleet.Hold) error {
	w.mu.Lock()
	delete(w.serving, s.ID)
	w.held[s.ID] = string(why)
	w.mu.Unlock()
	err := w.do("Stop", "%s", why)
	if err == nil {
		w.end(s, func(string) bool { return true })
	}
	return err
}

func (w *world) end(s apprunner.Service, which func(revisionID string) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live[s.ID] = slices.DeleteFunc(w.live[s.ID], which)
}

func (w *world) Event(_ apprunner.Service, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, message)
}

func (w *world) Deployment(_ apprunner.Service, _, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, message)
}

func (w *world) Build(_ apprunner.Service, _ string, phase plan.Phase, line string) {
	w.Deployment(apprunner.Service{}, "", "["+string(phase)+"] "+line)
}

// faultyStore is the store of a world that can fail to record.
type faultyStore struct {
	operation.Store
	w *world
}

func (f faultyStore) Record(ctx context.Context, s apprunner.Service, o apprunner.Operation, r *apprunner.Revision) error {
	f.w.mu.Lock()
	err := f.w.always["Record "+string(o.Step)]
	f.w.mu.Unlock()
	if err != nil {
		return err
	}
	return f.Store.Record(ctx, s, o, r)
}

// create stores a service and the operation that creates it.
func (w *world) create(t rapid.TB, db *sqlite.Store) (apprunner.Service, apprunner.Operation) {
	t.Helper()
	s := apprunner.Service{
		ID: apprunner.NewID(), Name: "web", Region: here.Region, Subdomain: apprunner.NewSubdomain(),
		Status: apprunner.ServiceInProgress, Spec: apprunner.DefaultSpec(), CreatedAt: noon, UpdatedAt: noon,
	}
	s.ARN = apprunner.ARN{Place: here, Type: apprunner.TypeService, Name: s.Name, ID: s.ID}.String()
	s.Spec.Image.Identifier, s.Spec.Image.Type = "registry.example/web:1", apprunner.ECR
	o := apprunner.FirstOperation(s, apprunner.NewID(), noon)
	err := db.CreateService(context.Background(), here, func(_ []apprunner.Service, all apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		s.Spec.ScalingARN = all.Default().ARN
		return s, o, nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

// begin stores the next operation of a service, as control does. An update sets a start command.
func begin(t testing.TB, db *sqlite.Store, id string, kind apprunner.OperationType) apprunner.Operation {
	t.Helper()
	o, err := change(db, id, kind)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// tryBegin is begin, and false in a state that does not allow the operation or needs none.
func tryBegin(t rapid.TB, db *sqlite.Store, id string, kind apprunner.OperationType) bool {
	t.Helper()
	o, err := change(db, id, kind)
	if apprunner.CodeOf(err) == apprunner.Internal {
		t.Fatal(err)
	}
	return err == nil && o.ID != ""
}

func change(db *sqlite.Store, id string, kind apprunner.OperationType) (o apprunner.Operation, err error) {
	err = db.ChangeService(context.Background(), here, id, func(s apprunner.Service, _ apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		var err error
		s, o, err = apprunner.Begin(s, kind, apprunner.NewID(), noon)
		if kind == apprunner.UpdateService {
			s.Spec.Image.Start = "serve --new"
		}
		return s, o, err
	})
	return o, err
}

// finish runs one operation to its end.
func (w *world) finish(t testing.TB) {
	t.Helper()
	r := w.runner()
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Wait()
	if strings.HasPrefix(w.calls[0], "KeepImages") { // of the start
		w.calls = w.calls[1:]
	}
}

// clear forgets what was noted.
func (w *world) clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls, w.events, w.log, w.steps = nil, nil, nil, nil
}

// state is a service and its newest operation as the store has them.
func state(t testing.TB, db *sqlite.Store, id string) (apprunner.Service, apprunner.Operation) {
	t.Helper()
	s, err := db.Service(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	all, err := db.Operations(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s, all[0]
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "slipway.db") }

var errMachine = errors.New("the disk is on fire")
