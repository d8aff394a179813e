package connect_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/control"
	"github.com/slipway-run/slipway/internal/daemon/connect"
	"github.com/slipway-run/slipway/internal/source/git"
	"github.com/slipway-run/slipway/internal/sqlite"
	"github.com/slipway-run/slipway/internal/vault"
	"github.com/slipway-run/slipway/test/githost"
)

var here = apprunner.Place{Account: "123456789012", Region: "us-east-1"}

// world is a connector with a real store, a real Git server, and nobody who deploys.
type world struct {
	*connect.Connector
	t       *testing.T
	control *control.Control
	store   *sqlite.Store
	host    *githost.Host
	url     string // of the connector's own pages

	mu     sync.Mutex
	now    time.Duration // that the clock is ahead
	looked []string
	told   []string
}

// Submit implements control.Runner.
func (w *world) Submit(apprunner.Operation) {}

func (w *world) Cancel(string) bool { return false }

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.now)
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now += d
	w.host.Lock()
	defer w.host.Unlock()
	w.host.API.Ahead = w.now
}

// looks returns what was looked at since the last call.
func (w *world) looks() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.looked
	w.looked = nil
	return all
}

func (w *world) events() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.told, "\n")
}

func newWorld(t *testing.T) *world {
	t.Helper()
	box, err := vault.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, host: githost.New(t)}
	if w.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "slipway.db"), box); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	repositories, err := git.New(git.Config{Dir: filepath.Join(t.TempDir(), "git"), AllowHTTP: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	place := func(region string) apprunner.Place { return apprunner.Place{Account: here.Account, Region: region} }
	w.control = &control.Control{
		Store: w.store, Runner: w, ServiceQuota: 30, Now: time.Now,
		CheckCode: func(*apprunner.CodeRepository, apprunner.Spec, apprunner.Place) error { return nil },
		Tell: func(s apprunner.Service, message string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.told = append(w.told, s.Name+": "+message)
		},
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.url = server.URL
	w.Connector = connect.New(connect.Config{
		Store: w.store, Control: w.control, Git: repositories, Place: place, PublicURL: server.URL, PollInterval: 50 * time.Millisecond,
		Look: func(id string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.looked = append(w.looked, id)
		},
		Own: func(string) bool { return false }, ServiceURL: func(s apprunner.Service) string { return "http://" + s.Name },
		Now: w.time, Log: slog.New(slog.DiscardHandler),
	})
	mux.Handle(connect.HooksPath, w.Hooks())
	mux.Handle(connect.CallbackPath, w.Callbacks())
	return w
}

// run has the connector work until the test ends.
func (w *world) run() {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	w.t.Cleanup(func() { cancel(); <-done })
}

// connection makes a connection to the host.
func (w *world) connection(name, provider string) admin.Connection {
	w.t.Helper()
	c, err := w.CreateConnection(w.t.Context(), here, admin.NewConnection{Name: name, Provider: provider, BaseURL: w.host.URL})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// connected makes a connection that is AVAILABLE, by a token.
func (w *world) connected(name, provider string) admin.Connection {
	w.t.Helper()
	c := w.connection(name, provider)
	w.host.Lock()
	w.host.Tokens["s3cret"] = true
	w.host.Unlock()
	done, err := w.Authorize(w.t.Context(), here, c.ARN, admin.Authorization{Method: admin.MethodToken, Token: "s3cret", Username: map[bool]string{true: "ann"}[provider == "GIT"]})
	if err != nil {
		w.t.Fatal(err)
	}
	w.looks()
	return done.Connection
}

// service makes a running service of a repository.
func (w *world) service(name, connection, url string, auto bool) apprunner.Service {
	w.t.Helper()
	s, o, err := w.control.CreateService(w.t.Context(), here, control.NewService{Name: name, Change: apprunner.Change{Source: &apprunner.SourceChange{
		AutoDeploy: &auto, Connection: &connection, Code: &apprunner.CodeChange{URL: url, Branch: "main"},
	}}})
	if err != nil {
		w.t.Fatal(err)
	}
	commit, err := w.Commit(w.t.Context(), s, "")
	if err != nil {
		w.t.Fatal(err)
	}
	r := apprunner.Revision{ID: apprunner.NewID(), ServiceID: s.ID, Number: 1, Spec: s.Spec, Commit: &commit}
	o.RevisionID = r.ID
	s, o = apprunner.Succeed(s, o, time.Now())
	if err := w.store.Record(w.t.Context(), s, o, &r); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// status is that of a connection now.
func (w *world) status(name string) admin.Connection {
	w.t.Helper()
	all, err := w.Connections(w.t.Context(), here)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range all {
		if c.Name == name {
			return c
		}
	}
	return admin.Connection{}
}

// eventually waits until f is true.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not yet: %s", what)
		}
	}
}

// browser has connections of its own: a server of another test that ends closes those of the default client.
var browser = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// browse opens a page as a browser does, and returns what is shown at last.
func browse(t *testing.T, page string) (int, string) {
	t.Helper()
	response, err := browser.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, response)
}
