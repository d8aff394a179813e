package control_test

import (
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/control"
	"github.com/slipway-run/slipway/internal/sqlite"
	"github.com/slipway-run/slipway/internal/vault"
)

var (
	here      = apprunner.Place{Account: "123456789012", Region: "us-east-1"}
	elsewhere = apprunner.Place{Account: "123456789012", Region: "eu-west-1"}
	noon      = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

// world is a control with a real store and a runner that only notes.
type world struct {
	*control.Control
	store *sqlite.Store
	now   time.Time

	mu        sync.Mutex
	submitted []apprunner.Operation
}

// Submit implements control.Runner.
func (w *world) Submit(o apprunner.Operation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.submitted = append(w.submitted, o)
}

// Cancel implements control.Runner: nothing runs.
func (w *world) Cancel(id string) bool {
	return w.count() > 0 && w.last().ID == id
}

// count is how many operations were submitted.
func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.submitted)
}

// last is the operation that was submitted last.
func (w *world) last() apprunner.Operation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.submitted[len(w.submitted)-1]
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
	w := &world{store: store, now: noon}
	w.Control = &control.Control{
		Store: store, Runner: w, ServiceQuota: 3, Domains: control.DomainRules{Our: "localhost", Quota: 5}, Now: func() time.Time { return w.now },
		CheckImage: func(image apprunner.Image, _ string, _ apprunner.Place) error {
			if image.Identifier == "BAD" {
				return apprunner.Errorf(apprunner.InvalidRequest, "ImageIdentifier %q is not valid", image.Identifier)
			}
			return nil
		},
		CheckCode: func(_ *apprunner.CodeRepository, spec apprunner.Spec, _ apprunner.Place) error {
			if spec.Code.URL == "BAD" {
				return apprunner.Errorf(apprunner.InvalidRequest, "RepositoryUrl %q is not valid", spec.Code.URL)
			}
			return nil
		},
	}
	return w
}

// code asks for a service of source code.
func code(url string) control.NewService {
	return control.NewService{Name: "code", Change: apprunner.Change{Source: &apprunner.SourceChange{Code: &apprunner.CodeChange{URL: url, Branch: "main"}}}}
}

// image is a change that names an image.
func image(identifier string) apprunner.Change {
	return apprunner.Change{Source: &apprunner.SourceChange{Image: &apprunner.ImageChange{Identifier: identifier, Type: apprunner.ECR}}}
}

// create makes a service whose operation has yet to run.
func (w *world) create(t *testing.T, name string) apprunner.Service {
	t.Helper()
	w.now = w.now.Add(time.Second)
	s, _, err := w.CreateService(t.Context(), here, control.NewService{Name: name, Change: image("registry.example/" + name)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// become ends the newest operation of a service well, with a revision of a digest, and puts the
// service in a state.
func (w *world) become(t *testing.T, s apprunner.Service, status apprunner.ServiceStatus, digest string) apprunner.Service {
	t.Helper()
	s, err := w.store.Service(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	all, err := w.store.Operations(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	o := all[0]
	revisions, err := w.store.Revisions(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	r := apprunner.Revision{ID: apprunner.NewID(), ServiceID: s.ID, Number: len(revisions) + 1, Spec: s.Spec, Digest: digest, CreatedAt: w.now}
	o.RevisionID = r.ID
	s, o = apprunner.Succeed(s, o, w.now)
	s.Status = status
	if err := w.store.Record(t.Context(), s, o, &r); err != nil {
		t.Fatal(err)
	}
	return s
}

// fail ends the newest operation of a service badly.
func (w *world) fail(t *testing.T, s apprunner.Service, digest string) {
	t.Helper()
	s, err := w.store.Service(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	all, err := w.store.Operations(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	r := apprunner.Revision{ID: apprunner.NewID(), ServiceID: s.ID, Number: 99, Spec: s.Spec, Digest: digest, CreatedAt: w.now}
	o := all[0]
	o.RevisionID = r.ID
	s, o = apprunner.RolledBack(s, apprunner.Fail(o, "it fails", w.now), w.now)
	if err := w.store.Record(t.Context(), s, o, &r); err != nil {
		t.Fatal(err)
	}
}

// wantCode checks the code of an error, "" for none.
func wantCode(t *testing.T, err error, code apprunner.Code, words string) {
	t.Helper()
	if got := apprunner.CodeOf(err); got != code {
		t.Errorf("error %v has code %q, want %q", err, got, code)
		return
	}
	if err != nil && !contains(err.Error(), words) {
		t.Errorf("error %q does not say %q", err, words)
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
