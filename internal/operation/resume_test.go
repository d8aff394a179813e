package operation_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/operation"
	"github.com/slipway-run/slipway/internal/sqlite"
)

// final is everything that must be the same however often the daemon was stopped.
type final struct {
	Service   apprunner.ServiceStatus
	Start     string
	Operation apprunner.OperationStatus
	Reason    string
	Serving   int   // number of the revision that gets traffic
	Recorded  int   // number of the revision that the service names
	Live      []int // numbers of the revisions with instances
	Held      string
	Images    []string
	Revisions int
}

func (w *world) final(t rapid.TB, db *sqlite.Store, id string) final {
	ctx := context.Background()
	s, err := db.Service(ctx, id)
	must(t, err)
	all, err := db.Operations(ctx, id)
	must(t, err)
	revisions, err := db.Revisions(ctx, id)
	must(t, err)
	numbers := map[string]int{}
	for _, r := range revisions {
		numbers[r.ID] = r.Number
	}
	f := final{
		Service: s.Status, Start: s.Spec.Image.Start, Operation: all[0].Status, Reason: all[0].Reason,
		Serving: numbers[w.serving[id]], Recorded: numbers[s.RevisionID], Held: w.held[id], Revisions: len(revisions),
		Images: slices.Sorted(slices.Values(w.images)), Live: []int{},
	}
	for _, revision := range w.live[id] {
		f.Live = append(f.Live, numbers[revision])
	}
	return f
}

func must(t rapid.TB, err error) {
	if err != nil {
		t.Helper()
		t.Fatal(err)
	}
}

// stopper ends the daemon's context at the n-th thing that the world is asked or told.
type stopper struct {
	*world
	left int
	stop context.CancelFunc
}

func (s *stopper) count() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left--; s.left == 0 {
		s.stop()
	}
}

// life runs what the store has unfinished, as one daemon does, and stops after n calls and records.
// It reports whether everything ended before that.
func (w *world) life(t rapid.TB, n int) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := &stopper{world: w, left: n, stop: cancel}
	w.onCall = s.count
	defer func() { w.onCall = nil }()
	r := w.runner()
	recorded := r.Recorded
	r.Recorded = func(o apprunner.Operation) { recorded(o); s.count() }
	must(t, r.Start(ctx))
	r.Wait()
	unfinished, err := w.Unfinished(context.Background())
	must(t, err)
	return len(unfinished) == 0
}

// TestStoppedAnywhere: whatever is asked for, whatever fails, and wherever the daemon is stopped, the
// next ones bring the operation to the same end as one that is never stopped.
func TestStoppedAnywhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		kinds := rapid.SliceOfN(rapid.SampledFrom([]apprunner.OperationType{
			apprunner.UpdateService, apprunner.StartDeployment, apprunner.PauseService, apprunner.ResumeService, apprunner.DeleteService,
		}), 0, 4).Draw(t, "kinds")
		type plan struct {
			kind   apprunner.OperationType
			fails  string
			canary bool
			stops  []int
		}
		plans := []plan{{kind: apprunner.CreateService}}
		for _, kind := range kinds {
			plans = append(plans, plan{kind: kind})
		}
		for i := range plans {
			plans[i].fails = rapid.SampledFrom([]string{"", "", "", "Resolve", "Endpoints", "Pull", "Deploy", "Try", "Stop"}).Draw(t, "fails")
			plans[i].canary = rapid.Bool().Draw(t, "canary") || plans[i].fails == "Try"
			plans[i].stops = rapid.SliceOfN(rapid.IntRange(1, 14), 0, 3).Draw(t, "stops")
		}
		var finals [2][]final
		for i, stopped := range []bool{false, true} {
			file := filepath.Join(dir, fmt.Sprintf("%d-%d.db", runs, i))
			db := open(t, file)
			w := newWorld(db)
			s, _ := w.create(t, db)
			for n, p := range plans {
				if n > 0 && !tryBegin(t, db, s.ID, p.kind) {
					continue
				}
				w.digest = fmt.Sprintf("sha256:%d", n)
				clear(w.always)
				w.canary = apprunner.Canary{}
				if p.canary {
					w.canary = apprunner.Canary{Percent: 10, For: time.Millisecond}
				}
				if p.fails == "Stop" {
					w.always["Stop"] = refused // as what ends a deployment would be
				} else if p.fails != "" {
					w.always[p.fails] = failure
				}
				if p.fails == "Stop" && p.kind != apprunner.PauseService && p.kind != apprunner.DeleteService {
					clear(w.always) // a rollback must not fail here: that ends differently by design
				}
				if stopped {
					for _, at := range p.stops {
						if w.life(t, at) {
							break
						}
					}
				}
				if !w.life(t, -1) {
					t.Fatal("an operation did not end")
				}
				finals[i] = append(finals[i], w.final(t, db, s.ID))
			}
			must(t, db.Close())
			_ = os.Remove(file)
		}
		if diff := cmp.Diff(finals[0], finals[1]); diff != "" {
			t.Fatalf("stopped on the way, it ends differently (-never stopped +stopped):\n%s", diff)
		}
	})
}

var _ operation.Store = (*sqlite.Store)(nil)
