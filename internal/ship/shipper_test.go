package ship

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// book is logs in memory.
type book struct {
	mu      sync.Mutex
	lines   map[string][]Line // by the name of the stream
	ended   map[string]bool
	written map[string]time.Time // of streams that are read again and again
	changed chan struct{}
	read    int
}

func newBook() *book {
	return &book{lines: map[string][]Line{}, ended: map[string]bool{}, written: map[string]time.Time{}, changed: make(chan struct{})}
}

func (b *book) write(stream string, texts ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range texts {
		b.lines[stream] = append(b.lines[stream], Line{Stream: Stream{Service: "web", ServiceID: "1", Kind: Application, Name: stream}, Time: time.Now().Truncate(time.Millisecond), Text: text})
	}
	if strings.HasPrefix(stream, "deployment") {
		b.written[stream] = time.Now()
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *book) end(stream string) {
	b.write(stream)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended[stream] = true
}

func (b *book) Streams(context.Context) (all []Stream, _ error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name := range b.lines {
		all = append(all, Stream{Service: "web", ServiceID: "1", Kind: Application, Name: name, Written: b.written[name]})
	}
	return all, nil
}

func (b *book) Read(ctx context.Context, s Stream, since time.Time) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for n := 0; ; n++ {
			b.mu.Lock()
			lines, changed, ended := b.lines[s.Name], b.changed, b.ended[s.Name] || !s.Written.IsZero()
			b.mu.Unlock()
			if n < len(lines) {
				if lines[n].Time.After(since) {
					b.mu.Lock()
					b.read++
					b.mu.Unlock()
					if !yield(lines[n], nil) {
						return
					}
				}
				continue
			}
			n--
			if ended {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// target takes lines, or fails as it is told.
type target struct {
	mu   sync.Mutex
	got  []string
	fail error
}

func (t *target) Send(_ context.Context, lines []Line) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fail != nil {
		return t.fail
	}
	for _, l := range lines {
		t.got = append(t.got, l.Stream.Name+" "+l.Text)
	}
	return nil
}

func (t *target) set(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fail = err
}

func (t *target) Close() error { return nil }

// of returns what came of a stream.
func (t *target) of(stream string) (texts []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.got {
		if text, ok := strings.CutPrefix(l, stream+" "); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// run ships until stop is called, which waits for the end.
func run(t testing.TB, b *book, to *target, file string) (stop func()) {
	t.Helper()
	s, err := New(b, Options{Name: "one", File: file, Wants: func(s Stream) bool { return s.Name != "unwanted" }, Sink: to, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	return func() { cancel(); <-done }
}

func expect(t *testing.T, when string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

func TestShipsWhatComesAndGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, b, to := filepath.Join(t.TempDir(), "ship", "one.json"), newBook(), &target{}
		b.write("a", "from before there was a target")
		time.Sleep(time.Second)
		stop := run(t, b, to, file)
		b.write("a", "one", "two")
		b.write("unwanted", "x")
		b.write("deployment/1", "begun")
		time.Sleep(5 * time.Second)
		b.write("deployment/1", "ended")
		b.write("b", "other")
		time.Sleep(5 * time.Second)
		expect(t, "at first", to.of("a"), "one", "two")
		expect(t, "a stream that is read again", to.of("deployment/1"), "begun", "ended")
		stop()
		b.write("a", "three")
		b.write("c", "new while nobody shipped")
		b.end("b")
		stop = run(t, b, to, file)
		time.Sleep(5 * time.Second)
		b.write("a", "four")
		b.end("a")
		time.Sleep(5 * time.Second)
		stop()
		defer run(t, b, to, file)()
		time.Sleep(2 * time.Hour)
		expect(t, "after a restart", to.of("a"), "one", "two", "three", "four")
		expect(t, "a stream that ended", to.of("b"), "other")
		expect(t, "a new stream", to.of("c"), "new while nobody shipped")
		expect(t, "a stream that is read again", to.of("deployment/1"), "begun", "ended")
		expect(t, "an unwanted stream", to.of("unwanted"))
	})
}

// While the target is away nothing piles up in memory, and then everything comes.
func TestShipsLaterWhatTheTargetDoesNotTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, to := newBook(), &target{fail: errors.New("away")}
		defer run(t, b, to, filepath.Join(t.TempDir(), "one.json"))()
		var want []string
		for i := range 10 * batchLines {
			want = append(want, fmt.Sprint(i))
		}
		b.write("a", want...)
		time.Sleep(time.Hour)
		b.mu.Lock()
		if b.read > batchLines+1 {
			t.Errorf("%d lines were read while the target was away", b.read)
		}
		b.mu.Unlock()
		to.set(nil)
		time.Sleep(maxRetry + time.Second)
		expect(t, "when it is back", to.of("a"), want...)
		to.set(fmt.Errorf("%w: too old", ErrRefused))
		b.write("a", "refused")
		time.Sleep(2 * time.Second)
		to.set(nil)
		b.write("a", "next")
		time.Sleep(2 * time.Second)
		expect(t, "after what is refused", to.of("a"), append(want, "next")...)
	})
}

// Whatever happens, each stream arrives whole and in order; a shipper that is killed repeats a little.
func TestShipsEverythingOnce(t *testing.T) {
	dirs := 0
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dirs++
		file := filepath.Join(dir, fmt.Sprint(dirs), "one.json")
		actions := rapid.SliceOfN(rapid.SampledFrom([]string{"write a", "write b", "write deployment/1", "wait", "restart", "fail", "work"}), 1, 40).Draw(rt, "actions")
		synctest.Test(t, func(t *testing.T) {
			b, to := newBook(), &target{}
			stop := run(t, b, to, file)
			want := map[string][]string{}
			for i, action := range append(actions, "work", "wait") {
				stream, writes := strings.CutPrefix(action, "write ")
				switch {
				case writes:
					b.write(stream, fmt.Sprint(i), fmt.Sprint(i, "b"))
					want[stream] = append(want[stream], fmt.Sprint(i), fmt.Sprint(i, "b"))
				case action == "wait":
					time.Sleep(10 * maxRetry)
				case action == "restart":
					stop()
					stop = run(t, b, to, file)
				case action == "fail":
					to.set(errors.New("away"))
				default:
					to.set(nil)
				}
			}
			stop()
			for stream, lines := range want {
				if got := to.of(stream); !slices.Equal(got, lines) {
					t.Errorf("%q: of %s came %q, want %q", actions, stream, got, lines)
				}
			}
		})
	})
}

func TestKilledShipperRepeatsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, b, to := filepath.Join(t.TempDir(), "one.json"), newBook(), &target{}
		s, err := New(b, Options{Name: "one", File: file, Wants: func(Stream) bool { return true }, Sink: to, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range 100 {
			want = append(want, fmt.Sprint(i))
		}
		ctx, kill := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.Run(ctx); close(done) }()
		for _, text := range want {
			b.write("a", text)
			time.Sleep(100 * time.Millisecond)
		}
		noted, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kill()
		<-done
		if err := os.WriteFile(file, noted, 0o600); err != nil { // what one that is killed notes no more
			t.Fatal(err)
		}
		defer run(t, b, to, file)()
		time.Sleep(time.Minute)
		got := to.of("a")
		if repeated := len(got) - len(want); repeated < 0 || repeated > 45 {
			t.Errorf("%d of %d lines came twice", repeated, len(want))
		}
		slices.Sort(got)
		slices.Sort(want)
		expect(t, "in all", slices.Compact(got), want...)
	})
}

func TestDamagedPlaces(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "one.json")
	if err := writeFile(file, "{"); err != nil {
		t.Fatal(err)
	}
	if _, err := New(newBook(), Options{File: file}); err == nil || !strings.Contains(err.Error(), "Remove "+file) {
		t.Errorf("got %v", err)
	}
}
