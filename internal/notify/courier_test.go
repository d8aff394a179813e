package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// shelf is a store in memory, with the deliveries of one target.
type shelf struct {
	mu   sync.Mutex
	all  []apprunner.Delivery
	due  map[int64]time.Time
	fail bool // what was delivered is not noted, as when the daemon is killed
}

func (s *shelf) add(service string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := int64(len(s.due) + 1)
	if s.due == nil {
		s.due = map[int64]time.Time{}
	}
	s.due[n] = time.Time{}
	s.all = append(s.all, apprunner.Delivery{Sequence: n, Event: apprunner.Event{ID: fmt.Sprint(n), ServiceID: service, ServiceName: service}})
}

func (s *shelf) Due(_ context.Context, _ string, now time.Time, limit int) (due []apprunner.Delivery, next time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[string]bool{}
	for _, d := range s.all {
		at := s.due[d.Sequence]
		switch first := !seen[d.Event.ServiceID]; {
		case first && !at.After(now) && len(due) < limit:
			due = append(due, d)
		case first && at.After(now) && (next.IsZero() || at.Before(next)):
			next = at
		}
		seen[d.Event.ServiceID] = true
	}
	return due, next, nil
}

func (s *shelf) Delivered(_ context.Context, _ string, d apprunner.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail {
		return errors.New("the disk is full")
	}
	s.all = slices.DeleteFunc(s.all, func(o apprunner.Delivery) bool { return o.Sequence == d.Sequence })
	return nil
}

func (s *shelf) Postpone(_ context.Context, _ string, d apprunner.Delivery, due time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due[d.Sequence] = due
	for i := range s.all {
		if s.all[i].Sequence == d.Sequence {
			s.all[i].Attempts++
		}
	}
	return nil
}

// receiver notes what arrives, and fails as it is told.
type receiver struct {
	mu    sync.Mutex
	got   []string
	begin time.Time
	fail  func(e apprunner.Event) error
}

func (r *receiver) Send(ctx context.Context, e apprunner.Event) error {
	if r.fail != nil {
		if err := r.fail(e); errors.Is(err, context.DeadlineExceeded) {
			<-ctx.Done()
			return ctx.Err()
		} else if err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, fmt.Sprintf("%s%s@%v", e.ServiceName, e.ID, time.Since(r.begin)))
	return nil
}

// carry has a courier deliver what is on a shelf for a while.
func carry(t *testing.T, s *shelf, r *receiver, span time.Duration, meanwhile func(*Courier)) string {
	t.Helper()
	r.begin = time.Now()
	c := NewCourier([]Target{{Name: "one", Sender: r}}, s, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithTimeout(t.Context(), span)
	defer stop()
	done := make(chan struct{})
	go func() { c.Run(ctx); close(done) }()
	if meanwhile != nil {
		meanwhile(c)
	}
	<-done
	return strings.Join(r.got, " ")
}

func TestCourierKeepsTheOrderOfAServiceAndHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		for _, service := range []string{"a", "b", "a", "b"} {
			s.add(service)
		}
		tries := 0
		r := &receiver{fail: func(e apprunner.Event) error {
			if e.ID == "1" && tries < 3 {
				tries++
				return errors.New("not yet")
			}
			return nil
		}}
		got := carry(t, s, r, time.Minute, nil)
		if want := "b2@0s b4@0s a1@7s a3@7s"; got != want { // after 1, 2 and 4 seconds
			t.Errorf("delivered %s, want %s", got, want)
		}
	})
}

func TestCourierWaitsForNewEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := &shelf{}, &receiver{}
		got := carry(t, s, r, 3*time.Hour, func(c *Courier) {
			time.Sleep(time.Hour)
			s.add("a")
			c.Wake()
			c.Wake()
		})
		if got != "a1@1h0m0s" {
			t.Errorf("delivered %s", got)
		}
	})
}

func TestCourierGivesUpAnAttemptThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		s.add("a")
		hung := false
		r := &receiver{fail: func(apprunner.Event) error {
			if !hung {
				hung = true
				return context.DeadlineExceeded
			}
			return nil
		}}
		if got := carry(t, s, r, time.Minute, nil); got != "a1@16s" { // 15 s for the attempt, 1 s before the next
			t.Errorf("delivered %s", got)
		}
	})
}

func TestCourierOutlastsADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		s.add("a")
		tries, begin := 0, time.Now()
		r := &receiver{fail: func(apprunner.Event) error {
			if tries++; time.Since(begin) < 24*time.Hour {
				return errors.New("down")
			}
			return nil
		}}
		if got := carry(t, s, r, 25*time.Hour, nil); !strings.HasPrefix(got, "a1@24h") || tries < 280 || tries > 310 {
			t.Errorf("delivered %q after %d tries", got, tries)
		}
	})
}

// What arrived and could not be noted arrives again, and not all the time.
func TestCourierWhoseStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{fail: true}
		s.add("a")
		if got := carry(t, s, &receiver{}, 6*time.Second, nil); got != "a1@0s a1@1s a1@3s" {
			t.Errorf("delivered %s", got)
		}
	})
}

func TestTargetsWant(t *testing.T) {
	t.Parallel()
	status := apprunner.Event{ServiceName: "web", Current: apprunner.ServiceRunning}
	begun := apprunner.Event{ServiceName: "web", Operation: "DeploymentStarted"}
	failed := apprunner.Event{ServiceName: "web", Operation: "DeploymentFailed", Failed: true}
	for _, tt := range []struct {
		reason string
		target Target
		want   []bool // status, begun, failed
	}{
		{"everything", Target{}, []bool{true, true, true}},
		{"operations", Target{Operations: true}, []bool{false, true, true}},
		{"failures", Target{FailuresOnly: true}, []bool{false, false, true}},
		{"this service", Target{Services: []string{"other", "w*"}}, []bool{true, true, true}},
		{"another service", Target{Services: []string{"other"}}, []bool{false, false, false}},
	} {
		for i, e := range []apprunner.Event{status, begun, failed} {
			if got := tt.target.wants(e); got != tt.want[i] {
				t.Errorf("%s: %+v is wanted: %v", tt.reason, e, got)
			}
		}
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1<<30).Draw(t, "attempts")
		if p := pauseAfter(n); p < time.Second || p > longestWait || p < pauseAfter(max(n-1, 0)) {
			t.Fatalf("after %d failures it waits %v", n, p)
		}
	})
}
