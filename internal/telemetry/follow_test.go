package telemetry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"testing/synctest"
)

// follower reads in the background, until it is stopped or reads "end".
type follower struct {
	mu    sync.Mutex
	lines []string
	stop  context.CancelFunc
	done  chan struct{}
}

func follow(t *testing.T, l *Log, q Query) *follower {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	f := &follower{stop: stop, done: make(chan struct{})}
	q.Follow = true
	go func() {
		defer close(f.done)
		for line, err := range l.Read(ctx, q) {
			f.mu.Lock()
			f.lines = append(f.lines, fmt.Sprint(line.Stream, ": ", line.Text))
			f.mu.Unlock()
			if err != nil {
				t.Errorf("follow %+v: %v", q, err)
			}
			if line.Text == "end" {
				return
			}
		}
	}()
	return f
}

func (f *follower) got() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.lines)
}

func TestFollowGoesOnWithNewLinesAndStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, t.TempDir(), newOutput(), Options{})
		f := follow(t, l, Query{Group: hello.ServiceGroup()}) // before there is anything
		synctest.Wait()
		want := []string{"events: one", "deployment/op: [AppRunner] two", "events: three", "deployment/op: [AppRunner] four"}
		for i, write := range []func() error{
			func() error { return l.Event(hello, at(1), "one") },
			func() error { return l.Deployment(hello, "op", at(2), "two") },
			func() error { return l.Event(hello, at(3), "three") },
			func() error { return l.Deployment(hello, "op", at(4), "four") },
		} {
			must(t, write())
			synctest.Wait()
			expect(t, want[:i+1], f.got())
		}
		f.stop()
		<-f.done
	})
}

func TestFollowMergesInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newOutput()
		l := open(t, t.TempDir(), out, Options{})
		for _, id := range []string{"a", "b"} {
			must(t, l.AddInstance(hello, id, at(0)))
		}
		out.write("b", at(2), "b2")
		out.write("a", at(1), "a1")
		out.write("a", at(3), "a3")
		out.write("a", at(3), "a3 again") // in the same millisecond
		f := follow(t, l, Query{Group: hello.ApplicationGroup()})
		one := follow(t, l, Query{Group: hello.ApplicationGroup(), Stream: "instance/b", Since: at(2)})
		synctest.Wait()
		want := []string{"instance/a: a1", "instance/b: b2", "instance/a: a3", "instance/a: a3 again"}
		expect(t, want, f.got())

		out.write("a", at(3), "a3 once more") // still in the same millisecond
		synctest.Wait()
		out.write("b", at(4), "b4")
		synctest.Wait()
		out.write("c", at(5), "c5")
		must(t, l.AddInstance(hello, "c", at(5)))
		synctest.Wait()
		expect(t, append(want, "instance/a: a3 once more", "instance/b: b4", "instance/c: c5"), f.got())
		expect(t, []string{"instance/b: b4"}, one.got())
		f.stop()
		one.stop()
		<-f.done
		<-one.done
	})
}

func TestFollowEndsWithTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newOutput()
		l := open(t, t.TempDir(), out, Options{})
		must(t, l.Event(hello, at(1), "one"))
		must(t, l.AddInstance(hello, "a", at(1)))
		out.write("a", at(1), "x")
		service := follow(t, l, Query{Group: hello.ServiceGroup()})
		application := follow(t, l, Query{Group: hello.ApplicationGroup()})
		synctest.Wait()
		must(t, l.Delete(t.Context(), hello))
		<-service.done
		<-application.done
	})
}

func TestReaderMayStopAtAnyLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails when a goroutine is left
		out := newOutput()
		l := open(t, t.TempDir(), out, Options{})
		for _, id := range []string{"a", "b"} {
			must(t, l.AddInstance(hello, id, at(0)))
			for i := range 5 {
				out.write(id, at(i), "x")
			}
		}
		for stop := 1; stop <= 10; stop++ {
			n := 0
			for _, err := range l.Read(t.Context(), Query{Group: hello.ApplicationGroup(), Follow: true}) {
				must(t, err)
				if n++; n == stop {
					break
				}
			}
		}
	})
}

// TestConcurrentWritersRotationAndFollowers has followers miss nothing while segments come, and
// go only when they are far behind.
func TestConcurrentWritersRotationAndFollowers(t *testing.T) {
	const writers, each = 4, 300
	l := open(t, t.TempDir(), newOutput(), Options{SegmentSize: 2000, Segments: 1000})
	must(t, l.Event(hello, at(0), "begin"))
	var followers []*follower
	for range 3 {
		followers = append(followers, follow(t, l, Query{Group: hello.ServiceGroup(), Stream: EventStream}))
	}
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				if err := l.Event(hello, at(i), fmt.Sprintf("%d %d %s", w, i, strings.Repeat("x", i%50))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	must(t, l.Event(hello, at(each), "end"))
	for _, f := range followers {
		<-f.done
		if got := len(f.got()); got != writers*each+2 {
			t.Errorf("a follower got %d lines, want %d", got, writers*each+2)
		}
		next := map[string]int{}
		for _, line := range f.got() {
			var w, i int
			if n, _ := fmt.Sscanf(line, "events: %d %d", &w, &i); n != 2 {
				continue
			}
			if key := fmt.Sprint(w); next[key] != i {
				t.Fatalf("writer %d: line %d came where %d was due", w, i, next[key])
			} else {
				next[key]++
			}
		}
	}
}

func TestFollowerFarBehindLosesOnlyWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, t.TempDir(), newOutput(), Options{SegmentSize: 200, Segments: 2})
		must(t, l.Event(hello, at(0), "event 0"))
		written := false
		var lines []string
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		for line, err := range l.Read(ctx, Query{Group: hello.ServiceGroup(), Follow: true}) {
			must(t, err)
			lines = append(lines, line.Text)
			if !written { // while the reader stands at the first line
				written = true
				for i := 1; i <= 100; i++ {
					must(t, l.Event(hello, at(i), fmt.Sprintf("event %d", i)))
				}
			}
			if line.Text == "event 100" {
				break
			}
		}
		if len(lines) < 6 || len(lines) > 30 {
			t.Errorf("read %d lines: %q", len(lines), lines)
		}
		if !slices.IsSortedFunc(lines[1:], func(a, b string) int { return number(a) - number(b) }) {
			t.Errorf("out of order: %q", lines)
		}
	})
}

func number(line string) (n int) {
	if _, err := fmt.Sscanf(line, "event %d", &n); err != nil {
		panic(errors.New("not an event: " + line))
	}
	return n
}
