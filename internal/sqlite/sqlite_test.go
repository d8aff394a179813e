package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/sqlite"
	"github.com/slipway-run/slipway/internal/vault"
)

var (
	here = apprunner.Place{Account: "123456789012", Region: "us-east-1"}
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

func open(t *testing.T, file string) *sqlite.Store {
	t.Helper()
	box, err := vault.Open(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), file, box)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newService(name string) (apprunner.Service, apprunner.Operation) {
	s := apprunner.Service{
		ID: apprunner.NewID(), Name: name, Region: here.Region, Subdomain: apprunner.NewSubdomain(),
		Status: apprunner.ServiceInProgress, Spec: apprunner.DefaultSpec(), CreatedAt: noon, UpdatedAt: noon,
	}
	s.ARN = apprunner.ARN{Place: here, Type: apprunner.TypeService, Name: name, ID: s.ID}.String()
	s.Spec.Image.Variables = map[string]string{"PASSWORD": "correct horse"}
	return s, apprunner.FirstOperation(s, apprunner.NewID(), noon)
}

func create(t *testing.T, store *sqlite.Store, name string) (apprunner.Service, apprunner.Operation) {
	t.Helper()
	s, o := newService(name)
	err := store.CreateService(t.Context(), here, func([]apprunner.Service, apprunner.Scalings, apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		return s, o, nil
	}, map[string]string{"team": "blue"})
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

func TestServiceSurvives(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "slipway.db")
	first := open(t, file)
	s, o := create(t, first, "web-app")

	again := open(t, file) // as the next daemon does after a crash
	got, err := again.Service(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Errorf("the service changed in the store (-want +got):\n%s", diff)
	}
	unfinished, err := again.Unfinished(t.Context())
	if err != nil || len(unfinished) != 1 || unfinished[0].ID != o.ID {
		t.Errorf("unfinished operations: %+v, %v; want %s", unfinished, err, o.ID)
	}
	if tags, err := again.Tags(t.Context(), s.ARN); err != nil || tags["team"] != "blue" {
		t.Errorf("tags: %v, %v", tags, err)
	}
}

func TestSealedAtRest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := open(t, filepath.Join(dir, "slipway.db"))
	create(t, store, "web-app")
	if err := store.SetLogin(t.Context(), "ghcr.io", "me", "battery staple"); err != nil {
		t.Fatal(err)
	}
	if err := store.AddAccessKey(t.Context(), "AKIA", []byte(`{"SecretAccessKey":"tr0ub4dor"}`)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"correct horse", "battery staple", "tr0ub4dor"} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s shows %q", filepath.Base(file), secret)
			}
		}
	}
}

func TestOneOperationAtATime(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "slipway.db"))
	s, o := create(t, store, "web-app")
	running, done := apprunner.Succeed(s, o, noon)
	if err := store.Record(t.Context(), running, done, nil); err != nil {
		t.Fatal(err)
	}
	var began, refused atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			err := store.ChangeService(t.Context(), here, s.ID, func(s apprunner.Service, _ apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
				return apprunner.Begin(s, apprunner.PauseService, apprunner.NewID(), noon)
			})
			switch apprunner.CodeOf(err) {
			case "":
				began.Add(1)
			case apprunner.InvalidState:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if began.Load() != 1 || refused.Load() != 19 {
		t.Errorf("%d operations began and %d were refused, want 1 and 19", began.Load(), refused.Load())
	}
}

func TestNothingStoredOnRefusal(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "slipway.db"))
	refusal := errors.New("no")
	err := store.CreateService(t.Context(), here, func([]apprunner.Service, apprunner.Scalings, apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		s, o := newService("web-app")
		return s, o, refusal
	}, nil)
	if !errors.Is(err, refusal) {
		t.Errorf("error %v, want the refusal", err)
	}
	if all, err := store.Services(t.Context(), here.Region); err != nil || len(all) != 0 {
		t.Errorf("services: %+v, %v; want none", all, err)
	}
}

func TestTooManyTagsChangeNothing(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "slipway.db"))
	s, _ := create(t, store, "web-app")
	many := map[string]string{}
	for i := range 50 {
		many[fmt.Sprint("k", i)] = ""
	}
	if err := store.ChangeTags(t.Context(), s.ARN, many, nil); apprunner.CodeOf(err) != apprunner.InvalidRequest {
		t.Errorf("51 tags: %v, want InvalidRequest", err)
	}
	if tags, err := store.Tags(t.Context(), s.ARN); err != nil || len(tags) != 1 {
		t.Errorf("after the refusal: %v, %v; want only team", tags, err)
	}
	if err := store.ChangeTags(t.Context(), s.ARN, map[string]string{"a": "1"}, []string{"team", "never"}); err != nil {
		t.Error(err)
	}
	if tags, err := store.Tags(t.Context(), s.ARN); err != nil || !cmp.Equal(tags, map[string]string{"a": "1"}) {
		t.Errorf("after the change: %v, %v; want a=1", tags, err)
	}
}

func TestRevisions(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "slipway.db"))
	s, o := create(t, store, "web-app")
	var ids []string
	for n := range 5 {
		r := apprunner.Revision{ID: apprunner.NewID(), ServiceID: s.ID, Number: n + 1, Spec: s.Spec, CreatedAt: noon}
		ids = append(ids, r.ID)
		if err := store.Record(t.Context(), s, o, &r); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.DropRevisions(t.Context(), s.ID, 2, ids[0]); err != nil {
		t.Fatal(err)
	}
	var left []int
	all, err := store.Revisions(t.Context(), s.ID)
	for _, r := range all {
		left = append(left, r.Number)
	}
	if err != nil || !cmp.Equal(left, []int{5, 4, 1}) {
		t.Errorf("revisions left: %v, %v; want the newest two and the one in use", left, err)
	}
}

func TestDefaultScaling(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "slipway.db"))
	before, err := store.Scalings(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	err = store.ChangeScalings(t.Context(), here, nil, func(all apprunner.Scalings, _ map[string]bool) ([]apprunner.ScalingConfiguration, error) {
		c, err := all.Add(here, "big-one", apprunner.DefaultScaling(), apprunner.ScalingNamesQuota, apprunner.NewID(), noon)
		return []apprunner.ScalingConfiguration{c}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	after, err := store.Scalings(t.Context(), here)
	if err != nil || len(after) != 2 || !cmp.Equal(after[0], before[0]) {
		t.Errorf("after another was made: %+v, %v; want the default unchanged and the new one", after, err)
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "slipway.db"))
	s, o := create(t, store, "web-app")
	if err := store.PurgeService(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Service(t.Context(), s.ID); err != nil {
		t.Errorf("a service that is not deleted was purged: %v", err)
	}
	s.Status = apprunner.ServiceDeleted
	if err := store.Record(t.Context(), s, o, nil); err != nil {
		t.Fatal(err)
	}
	if err := store.PurgeService(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Service(t.Context(), s.ID); apprunner.CodeOf(err) != apprunner.ResourceNotFound {
		t.Errorf("a purged service is still there: %v", err)
	}
	create(t, store, "web-app") // the name is free again
}

// The database is in the file that was named, whatever characters its path has.
func TestOddPaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a#b", "a?b", "a%20b", "a b", "é", "a&b=c"} {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "slipway.db")
		create(t, open(t, file), "web")
		if info, err := os.Stat(file); err != nil || info.Size() == 0 {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAccessKeys(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "slipway.db")
	store := open(t, file)
	for _, id := range []string{"B", "A"} {
		if err := store.AddAccessKey(t.Context(), id, fmt.Appendf(nil, `{"id":%q}`, id)); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.AddAccessKey(t.Context(), "A", []byte("{}")); err == nil {
		t.Error("a key was replaced")
	}
	want := []string{`{"id":"B"}`, `{"id":"A"}`}
	for _, s := range []*sqlite.Store{store, open(t, file)} {
		var got []string
		documents, err := s.AccessKeys(t.Context())
		for _, d := range documents {
			got = append(got, string(d))
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v, keys (-want +got):\n%s", err, diff)
		}
	}
	for _, want := range []bool{true, false} {
		if found, err := store.RemoveAccessKey(t.Context(), "B"); found != want || err != nil {
			t.Errorf("remove: %v, %v", found, err)
		}
	}
	if documents, err := store.AccessKeys(t.Context()); err != nil || len(documents) != 1 {
		t.Errorf("%d keys are left, %v", len(documents), err)
	}
}
