package sqlite_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/sqlite"
)

func happened(t *testing.T, store *sqlite.Store, serviceID string, after int64) (all []string) {
	t.Helper()
	events, err := store.Events(t.Context(), serviceID, after, time.Time{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range events {
		all = append(all, d.Event.ServiceName+": "+d.Event.Message)
	}
	return all
}

// advance records how far an operation is.
func advance(t *testing.T, store *sqlite.Store, s apprunner.Service, o apprunner.Operation) {
	t.Helper()
	if err := store.Record(t.Context(), s, o, nil); err != nil {
		t.Fatal(err)
	}
}

func TestEventsAreWrittenWithTheChange(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "slipway.db")
	store := open(t, file)
	written := 0
	store.Listen(sqlite.Listeners{Written: func() { written++ }})
	s, o := create(t, store, "web")
	create(t, store, "other")
	advance(t, store, s, apprunner.Advance(o, noon)) // nothing to tell
	s, o = apprunner.Succeed(s, o, noon)
	advance(t, store, s, o)
	advance(t, store, s, o) // the step was done twice
	err := store.ChangeService(t.Context(), here, s.ID, func(s apprunner.Service, _ apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		return apprunner.Begin(s, apprunner.PauseService, apprunner.NewID(), noon)
	})
	if err != nil {
		t.Fatal(err)
	}
	refusal := errors.New("refused")
	if err := store.ChangeService(t.Context(), here, s.ID, func(s apprunner.Service, _ apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		return s, apprunner.Operation{}, refusal
	}); !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
	want := []string{
		"web: Service creation started.", "other: Service creation started.", "web: Service creation completed successfully.",
		"web: Service status is set to RUNNING.", "web: Service pause started.", "web: Service status is set to OPERATION_IN_PROGRESS.",
	}
	again := open(t, file) // as the next daemon does after a crash
	if diff := cmp.Diff(want, happened(t, again, "", 0)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[2:3], happened(t, again, s.ID, 1)[:1]); diff != "" {
		t.Errorf("events of one service after the first (-want +got):\n%s", diff)
	}
	if written != 4 {
		t.Errorf("it was told %d times that there are events, want 4", written)
	}
}

func due(t *testing.T, store *sqlite.Store, target string, now time.Time) (all []apprunner.Delivery, words []string, next time.Time) {
	t.Helper()
	all, next, err := store.Due(t.Context(), target, now, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		words = append(words, fmt.Sprint(d.Event.ServiceName, " ", d.Event.Operation, d.Event.Current, " ", d.Attempts))
	}
	return all, words, next
}

func TestDeliveriesComeInOrderForEachService(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "slipway.db"))
	store.Listen(sqlite.Listeners{Targets: func(e apprunner.Event) []string {
		if e.ServiceName == "quiet" {
			return nil
		}
		return []string{"one", "two"}
	}})
	a, o := create(t, store, "a")
	create(t, store, "b")
	create(t, store, "quiet")
	a, o = apprunner.Succeed(a, o, noon)
	advance(t, store, a, o)

	expect := func(when string, target string, now time.Time, want ...string) []apprunner.Delivery {
		t.Helper()
		all, got, _ := due(t, store, target, now)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
		return all
	}
	heads := expect("at first", "one", noon, "a CreateServiceStarted 0", "b CreateServiceStarted 0")
	if err := store.Postpone(t.Context(), "one", heads[0], noon.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := store.Delivered(t.Context(), "one", heads[1]); err != nil {
		t.Fatal(err)
	}
	expect("while a waits", "one", noon)
	if _, _, next := due(t, store, "one", noon); !next.Equal(noon.Add(time.Second)) {
		t.Errorf("the next attempt is due at %v", next)
	}
	heads = expect("later", "one", noon.Add(time.Second), "a CreateServiceStarted 1")
	if err := store.Delivered(t.Context(), "one", heads[0]); err != nil {
		t.Fatal(err)
	}
	expect("after the first of a", "one", noon, "a CreateServiceCompletedSuccessfully 0")
	expect("the other target", "two", noon, "a CreateServiceStarted 0", "b CreateServiceStarted 0")

	// A target that is configured no more is forgotten, and what is old is told to be lost.
	if err := store.KeepTargets(t.Context(), []string{"two"}); err != nil {
		t.Fatal(err)
	}
	expect("a target that is gone", "one", noon)
	lost, err := store.ForgetEvents(t.Context(), noon.Add(-time.Hour), 3)
	if diff := cmp.Diff(map[string]int{"two": 2}, lost); err != nil || diff != "" {
		t.Errorf("more than is kept: %v, %s", err, diff)
	}
	lost, err = store.ForgetEvents(t.Context(), noon.Add(time.Hour), 100)
	if diff := cmp.Diff(map[string]int{"two": 2}, lost); err != nil || diff != "" {
		t.Errorf("older than is kept: %v, %s", err, diff)
	}
	expect("after that", "two", noon)
	if left := happened(t, store, "", 0); left != nil {
		t.Errorf("events are left: %q", left)
	}
}
