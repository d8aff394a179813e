package secret_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/secret"
	"github.com/slipway-run/slipway/internal/sqlite"
	"github.com/slipway-run/slipway/internal/vault"
)

var here = apprunner.Place{Account: "123456789012", Region: "us-east-1"}

// world is a store with what uses it, at a time that the test sets.
type world struct {
	*secret.Resolver
	dir     string
	store   *sqlite.Store
	now     time.Time
	changes int
	denied  string // action that no role may do
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	box, err := vault.Open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	if w.store, err = sqlite.Open(t.Context(), filepath.Join(w.dir, "slipway.db"), box); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	clock, changed := func() time.Time { return w.now }, func() { w.changes++ }
	w.Resolver = &secret.Resolver{
		Account:    here.Account,
		Secrets:    &secret.Secrets{Account: here.Account, Store: w.store.Secrets(), Tags: w.store, Now: clock, Changed: changed},
		Parameters: &secret.Parameters{Account: here.Account, Store: w.store.Parameters(), Tags: w.store, Now: clock, Changed: changed},
		Allowed:    w.allowed,
	}
	return w
}

func (w *world) create(t testing.TB, name, value string) secret.Secret {
	t.Helper()
	s, _, err := w.Secrets.Create(t.Context(), here, secret.New{Name: name, Value: secret.TextValue(value)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) put(t testing.TB, name, value string) secret.Parameter {
	t.Helper()
	p, err := w.Parameters.Put(t.Context(), here, secret.NewParameter{Name: name, Type: secret.SecureString, Value: value, Overwrite: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
