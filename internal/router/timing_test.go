package router

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMillis(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0", time.Nanosecond: "0", time.Microsecond: "0.001", 120 * time.Microsecond: "0.12", 1500 * time.Microsecond: "1.5",
		2 * time.Second: "2000", 2*time.Second + 10*time.Microsecond: "2000.01", -time.Second: "0",
	} {
		if got := string(appendMillis(nil, d)); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

func TestTimingOfAWake(t *testing.T) {
	t.Parallel()
	began := time.Now()
	var timing timing
	timing.waited(began, began.Add(50*time.Millisecond), 40*time.Millisecond)
	timing.app = 3 * time.Millisecond
	if got, want := string(timing.appendTiming(nil)), "queue;dur=10, wake;dur=40, app;dur=3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestServerTiming has a request wait for another one.
func TestServerTiming(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving, MaxConcurrency: 1})
	arrived, proceed := make(chan struct{}, 2), make(chan struct{})
	f.backend("a", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add(headerTiming, "db;dur=1")
		arrived <- struct{}{}
		<-proceed
	})
	first, second := make(chan []string, 1), make(chan []string, 1)
	ask := func(answer chan<- []string) { res, _ := f.get("/"); answer <- res.Header[headerTiming] }
	go ask(first)
	<-arrived
	go ask(second)
	eventually(t, "the second request waits", func() bool { return f.stats().Queued == 1 })
	time.Sleep(20 * time.Millisecond)
	close(proceed)
	for answer, least := range map[chan []string]float64{first: 0, second: 20} {
		got := <-answer
		var queue, app float64
		if !slices.Contains(got, "db;dur=1") || len(got) != 2 {
			t.Fatalf("got %q, want the application's and ours", got)
		}
		ours := got[slices.IndexFunc(got, func(v string) bool { return strings.HasPrefix(v, "queue") })]
		if _, err := fmt.Sscanf(ours, "queue;dur=%g, app;dur=%g", &queue, &app); err != nil || queue < least {
			t.Errorf("%q, want a queue of at least %v ms (%v)", ours, least, err)
		}
		if least == 0 && app < 20 {
			t.Errorf("%q, want that the application took 20 ms", ours)
		}
	}
}
