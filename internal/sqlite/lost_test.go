package sqlite_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/sqlite"
	"github.com/slipway-run/slipway/internal/vault"
)

const kmsKey = "arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111"

// sealedApart stores a service with a KMS key, an operation under way, a revision and a custom domain.
func sealedApart(t *testing.T, store *sqlite.Store, name string) (apprunner.Service, apprunner.Operation, apprunner.Revision) {
	t.Helper()
	s, o := newService(name)
	s.KMSKey = kmsKey
	err := store.CreateService(t.Context(), here, func([]apprunner.Service, apprunner.Scalings, apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		return s, o, nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := apprunner.Revision{ID: apprunner.NewID(), ServiceID: s.ID, Number: 1, Spec: s.Spec}
	if err := store.Record(t.Context(), s, o, &r); err != nil {
		t.Fatal(err)
	}
	err = store.AddDomain(t.Context(), s.ID, func(apprunner.Service, apprunner.Domains) (apprunner.CustomDomain, error) {
		return apprunner.CustomDomain{ServiceID: s.ID, Name: name + ".example.com"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, o, r
}

// Who destroys the key of a service has destroyed what is stored of that service, and nothing else.
func TestLostKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := open(t, filepath.Join(dir, "slipway.db"))
	s, o, r := sealedApart(t, store, "lost-app")
	other, otherOperation := create(t, store, "web-app")
	keys, err := filepath.Glob(filepath.Join(dir, "vault.keys", "*"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("the keys are %q, %v", keys, err)
	}
	if got, err := store.Service(t.Context(), s.ID); err != nil || cmp.Diff(s, got) != "" {
		t.Errorf("%v, %s", err, cmp.Diff(s, got))
	}
	if err := os.Rename(keys[0], keys[0]+".backup"); err != nil {
		t.Fatal(err)
	}
	wantLost := func(what string, err error) {
		t.Helper()
		if apprunner.CodeOf(err) != apprunner.InvalidRequest || !strings.Contains(err.Error(), "lost-app") || !strings.Contains(err.Error(), kmsKey) || !strings.Contains(err.Error(), keys[0]) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = store.Service(t.Context(), s.ID)
	wantLost("the service", err)
	_, err = store.Operations(t.Context(), s.ID)
	wantLost("its operations", err)
	_, err = store.Revision(t.Context(), r.ID)
	wantLost("its revision", err)
	_, err = store.Revisions(t.Context(), "")
	wantLost("all revisions, of which those that seem unused are deleted", err)
	wantLost("recording", store.Record(t.Context(), s, o, nil))
	err = store.CreateService(t.Context(), here, func([]apprunner.Service, apprunner.Scalings, apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		again, o := newService("lost-app")
		return again, o, nil
	}, nil)
	wantLost("a service of the same name", err)
	taken := apprunner.CustomDomain{ServiceID: other.ID, Name: "lost-app.example.com"}
	err = store.AddDomain(t.Context(), other.ID, func(_ apprunner.Service, all apprunner.Domains) (apprunner.CustomDomain, error) { return taken, nil })
	if apprunner.CodeOf(err) != apprunner.InvalidRequest {
		t.Errorf("its domain was given to another service: %v", err)
	}

	again := open(t, filepath.Join(dir, "slipway.db")) // as the next daemon does
	if lost, err := again.Lost(t.Context()); err != nil || len(lost) != 1 {
		t.Errorf("lost are %v, %v", lost, err)
	} else {
		wantLost("Lost", lost[0])
	}
	if all, err := again.Services(t.Context(), ""); err != nil || len(all) != 1 || all[0].ID != other.ID {
		t.Errorf("services: %+v, %v", all, err)
	}
	if all, err := again.Unfinished(t.Context()); err != nil || len(all) != 1 || all[0].ID != otherOperation.ID {
		t.Errorf("unfinished: %+v, %v", all, err)
	}
	if all, err := again.Domains(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("domains: %+v, %v", all, err)
	}

	// With its key everything is back.
	if err := os.Rename(keys[0]+".backup", keys[0]); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Revision(t.Context(), r.ID); err != nil || cmp.Diff(r, got) != "" {
		t.Errorf("%v, %s", err, cmp.Diff(r, got))
	}
	if err := store.Record(t.Context(), s, o, nil); err != nil {
		t.Error(err)
	}
}

func arnOf(t *testing.T, s apprunner.Service) apprunner.ARN {
	t.Helper()
	a, err := apprunner.ParseARN(s.ARN)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A service whose key is lost can be deleted.
func TestAbandon(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := open(t, filepath.Join(dir, "slipway.db"))
	s, _, _ := sealedApart(t, store, "lost-app")
	if err := store.Abandon(t.Context(), arnOf(t, s)); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Service(t.Context(), s.ID); err != nil || got.Status != s.Status {
		t.Errorf("a service that can be read became %s, %v", got.Status, err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "vault.keys")); err != nil {
		t.Fatal(err)
	}
	other := arnOf(t, s)
	other.Name = "web-app" // that a caller may delete, with the id of one that it may not
	if err := store.Abandon(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Service(t.Context(), s.ID); err == nil {
		t.Error("a service was given up by the name of another")
	}
	for range 2 {
		if err := store.Abandon(t.Context(), arnOf(t, s)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.Service(t.Context(), s.ID)
	if err != nil || got.Status != apprunner.ServiceDeleteFailed || got.ARN != s.ARN || got.Name != s.Name || got.Spec.Image.Variables != nil {
		t.Errorf("what is left is %+v, %v", got, err)
	}
	gone, o, err := apprunner.Begin(got, apprunner.DeleteService, apprunner.NewID(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Record(t.Context(), gone, o, nil); err != nil {
		t.Fatal(err)
	}
	if revisions, err := store.Revisions(t.Context(), ""); err != nil || len(revisions) != 0 {
		t.Errorf("revisions: %+v, %v", revisions, err)
	}
}

// A service of before there were such keys stays with the key that it was sealed with.
func TestServiceFromBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "slipway.db")
	s, o, r := sealedApart(t, open(t, file), "old-app")
	resealed(t, dir, s.ID)
	store := open(t, file)
	if err := os.RemoveAll(filepath.Join(dir, "vault.keys")); err != nil {
		t.Fatal(err)
	}
	if err := store.Record(t.Context(), s, o, &r); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Revision(t.Context(), r.ID); err != nil || got.ID != r.ID {
		t.Errorf("%+v, %v", got, err)
	}
}

// resealed makes the documents of a service what an earlier version wrote.
func resealed(t *testing.T, dir, id string) {
	t.Helper()
	box, err := vault.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "slipway.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(context.Background(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	var document []byte
	if err := db.QueryRowContext(t.Context(), "SELECT document FROM service WHERE id = ?", id).Scan(&document); err != nil {
		t.Fatal(err)
	}
	plain, err := box.Open(document, id, kmsKey)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := box.Seal(plain, id, "")
	if err != nil {
		t.Fatal(err)
	}
	exec("UPDATE service SET document = ?, kms_key = '' WHERE id = ?", sealed, id)
	exec("DELETE FROM operation")
	exec("DELETE FROM revision")
	exec("DELETE FROM domain")
}
