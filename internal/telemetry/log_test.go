package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/engine"
)

var hello = Service{Name: "hello", ID: "0123456789abcdef0123456789abcdef"}

// output is an engine's store of output in memory.
type output struct {
	mu      sync.Mutex
	lines   map[string][]engine.Line
	changed chan struct{}
	fails   error
}

func newOutput() *output {
	return &output{lines: map[string][]engine.Line{}, changed: make(chan struct{})}
}

func (o *output) write(id string, at time.Time, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines[id] = append(o.lines[id], engine.Line{Time: at, Stream: "stdout", Text: text})
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *output) Logs(ctx context.Context, id string, since time.Time, follow bool) (<-chan engine.Line, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lines[id] == nil {
		return nil, engine.Errorf(engine.NotFound, "no instance %q", id)
	}
	ch := make(chan engine.Line)
	go func() {
		defer close(ch)
		for sent := 0; ; {
			o.mu.Lock()
			lines, changed := o.lines[id][sent:], o.changed
			o.mu.Unlock()
			for _, l := range lines {
				sent++
				if !l.Time.After(since) {
					continue
				}
				select {
				case ch <- l:
				case <-ctx.Done():
					return
				}
			}
			if !follow {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ch, nil
}

// ScanLogs has the position of a line be its number.
func (o *output) ScanLogs(_ context.Context, id string, r engine.LogRange, visit func(engine.LogEntry) bool) error {
	o.mu.Lock()
	lines := slices.Clone(o.lines[id])
	o.mu.Unlock()
	if lines == nil {
		return engine.Errorf(engine.NotFound, "no instance %q", id)
	}
	for i := range lines {
		if r.Newest {
			i = len(lines) - 1 - i
		}
		l := lines[i]
		if l.Time.Before(r.From) || !r.To.IsZero() && !l.Time.Before(r.To) || !strings.Contains(l.Text, r.Contains) {
			continue
		}
		if !visit(engine.LogEntry{Line: l, Position: uint64(i)}) {
			break
		}
	}
	return nil
}

// LogParts has all lines in one part.
func (o *output) LogParts(_ context.Context, id string) ([]engine.LogPart, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.lines[id]
	if lines == nil {
		return nil, engine.Errorf(engine.NotFound, "no instance %q", id)
	}
	p := engine.LogPart{First: lines[0].Time, Last: lines[len(lines)-1].Time}
	for _, l := range lines {
		p.Bytes += int64(len(l.Text))
	}
	return []engine.LogPart{p}, nil
}

// TrimLogs deletes nothing: there is one part, which is the newest.
func (o *output) TrimLogs(context.Context, string, time.Time) error { return nil }

func (o *output) ForgetLogs(_ context.Context, id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fails != nil {
		return o.fails
	}
	if o.lines[id] == nil {
		return engine.Errorf(engine.NotFound, "no instance %q", id)
	}
	delete(o.lines, id)
	return nil
}

func (o *output) kept() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var ids []string
	for id := range o.lines {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func open(t *testing.T, dir string, out *output, o Options) *Log {
	t.Helper()
	l, err := Open(dir, out, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read returns what a query finds now, as "stream: text".
func read(t *testing.T, l *Log, q Query) []string {
	t.Helper()
	var lines []string
	for line, err := range l.Read(t.Context(), q) {
		if err != nil {
			t.Errorf("read %+v: %v", q, err)
			continue
		}
		lines = append(lines, line.Stream+": "+line.Text)
	}
	return lines
}

func expect(t *testing.T, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func at(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

func TestEventsAndDeploymentsInOrderOfTime(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, newOutput(), Options{})
	must(t, l.Event(hello, at(0), "Service creation started."))
	must(t, l.Deployment(hello, "op-1", at(2), "Starting to pull your application image."))
	must(t, l.Event(hello, at(3), "Two\nlines."))
	must(t, l.Deployment(hello, "op-2", at(1), "Earlier."))
	want := []string{
		"events: Service creation started.",
		"deployment/op-2: [AppRunner] Earlier.",
		"deployment/op-1: [AppRunner] Starting to pull your application image.",
		"events: Two\nlines.",
	}
	for name, l := range map[string]*Log{"at once": l, "after a restart": open(t, dir, newOutput(), Options{})} {
		t.Run(name, func(t *testing.T) {
			group := hello.ServiceGroup()
			expect(t, want, read(t, l, Query{Group: group}))
			expect(t, want[3:], read(t, l, Query{Group: group, Stream: "events", Since: at(0)}))
			expect(t, want[2:3], read(t, l, Query{Group: group, Stream: "deployment/op-1"}))
			streams, err := l.Streams(group)
			must(t, err)
			var names []string
			for _, s := range streams {
				names = append(names, s.Name)
				if s.Bytes == 0 || s.Written.IsZero() {
					t.Errorf("stream %+v has nothing", s)
				}
			}
			expect(t, []string{"deployment/op-1", "deployment/op-2", "events"}, names)
		})
	}
}

func TestReadingWhatDoesNotExist(t *testing.T) {
	l := open(t, t.TempDir(), newOutput(), Options{})
	must(t, l.Event(hello, noon, "x"))
	for name, q := range map[string]Query{
		"no group at all":  {Group: "/aws/lambda/x"},
		"another service":  {Group: Service{"other", "1"}.ServiceGroup()},
		"a path":           {Group: "/aws/apprunner/../../service"},
		"another kind":     {Group: "/aws/apprunner/hello/" + hello.ID + "/secrets"},
		"no such stream":   {Group: hello.ServiceGroup(), Stream: "deployment/x"},
		"a stream's path":  {Group: hello.ServiceGroup(), Stream: "deployment/../events"},
		"no such instance": {Group: hello.ApplicationGroup(), Stream: "instance/x"},
	} {
		errs := 0
		for line, err := range l.Read(t.Context(), q) {
			if errs++; !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: got %+v, %v", name, line, err)
			}
		}
		if errs != 1 {
			t.Errorf("%s: %d errors, want 1", name, errs)
		}
	}
}

func TestUnsafeNamesAreRefused(t *testing.T) {
	l := open(t, t.TempDir(), newOutput(), Options{})
	for _, bad := range []string{"", ".", "..", "a/b", "../x", ".hidden", "a\x00b", strings.Repeat("x", 101)} {
		for what, err := range map[string]error{
			"service name": l.Event(Service{Name: bad, ID: "1"}, noon, "x"),
			"service id":   l.Event(Service{Name: "hello", ID: bad}, noon, "x"),
			"operation":    l.Deployment(hello, bad, noon, "x"),
			"instance":     l.AddInstance(hello, bad, noon),
			"delete":       l.Delete(t.Context(), Service{Name: bad, ID: "1"}),
		} {
			if err == nil {
				t.Errorf("%s %q was accepted", what, bad)
			}
		}
	}
}

func TestTornLineIsCutOff(t *testing.T) {
	for name, tail := range map[string]string{
		"nothing torn":    "",
		"within the time": "2026-04-30T12:",
		"within the text": "2026-04-30T12:00:00.009Z half a li",
		"before line end": "2026-04-30T12:00:00.009Z whole but for its end",
		"zeros":           "\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, open(t, dir, newOutput(), Options{}).Event(hello, at(1), "before"))
			file := filepath.Join(dir, hello.Name, hello.ID, "events.000001.log")
			content, err := os.ReadFile(file)
			must(t, err)
			must(t, os.WriteFile(file, append(content, tail...), 0o600))

			l := open(t, dir, newOutput(), Options{})
			q := Query{Group: hello.ServiceGroup()}
			expect(t, []string{"events: before"}, read(t, l, q))
			must(t, l.Event(hello, at(2), "after"))
			expect(t, []string{"events: before", "events: after"}, read(t, l, q))
		})
	}
}

func TestDamagedLineIsPassedOver(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, newOutput(), Options{})
	must(t, l.Event(hello, at(1), "before"))
	f, err := os.OpenFile(filepath.Join(dir, hello.Name, hello.ID, "events.000001.log"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	fmt.Fprintln(f, "somebody edited this")
	must(t, f.Close())
	must(t, l.Event(hello, at(2), "after"))
	expect(t, []string{"events: before", "events: after"}, read(t, l, Query{Group: hello.ServiceGroup()}))
}

func TestStreamIsBounded(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, newOutput(), Options{SegmentSize: 1000, Segments: 3})
	for i := range 1000 {
		must(t, l.Event(hello, at(i), fmt.Sprintf("event %d", i)))
	}
	must(t, l.Event(hello, at(1000), strings.Repeat("x", 3*maxText))) // longer than a segment
	streams, err := l.Streams(hello.ServiceGroup())
	must(t, err)
	if limit := int64(3 * (maxText + 100)); streams[0].Bytes > limit {
		t.Errorf("the stream has %d bytes, want at most %d", streams[0].Bytes, limit)
	}
	for i := 1001; i < 1100; i++ {
		must(t, l.Event(hello, at(i), fmt.Sprintf("event %d", i)))
	}
	lines := read(t, l, Query{Group: hello.ServiceGroup()})
	if n := len(lines); n < 50 || n > 100 || lines[n-1] != "events: event 1099" {
		t.Errorf("%d lines are left, the last is %q", n, lines[n-1])
	}
}

func TestDeploymentLogsAreBounded(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, newOutput(), Options{KeepDeployments: 3})
	base := filepath.Join(dir, hello.Name, hello.ID, "deployment")
	for i := range 6 {
		must(t, l.Deployment(hello, fmt.Sprintf("op-%d", i), noon, "x"))
		old := time.Now().Add(time.Duration(i-100) * time.Second) // the order must not hang on the file system's clock
		must(t, os.Chtimes(filepath.Join(base, fmt.Sprintf("op-%d.000001.log", i)), old, old))
	}
	expect(t, []string{
		"deployment/op-3: [AppRunner] x", "deployment/op-4: [AppRunner] x", "deployment/op-5: [AppRunner] x",
	}, read(t, l, Query{Group: hello.ServiceGroup()}))
}

func TestOutputOfRemovedInstancesStaysAWhile(t *testing.T) {
	dir, out := t.TempDir(), newOutput()
	l := open(t, dir, out, Options{KeepInstances: 2})
	for i, id := range []string{"live", "a", "b", "c"} {
		must(t, l.AddInstance(hello, id, at(i)))
		out.write(id, at(i), "I am "+id)
	}
	for i, id := range []string{"a", "b", "c"} {
		must(t, l.RemoveInstance(t.Context(), hello, id, at(10+i)))
		must(t, l.RemoveInstance(t.Context(), hello, id, at(20+i))) // again, after a crash
	}
	must(t, l.RemoveInstance(t.Context(), hello, "unknown", at(30)))
	expect(t, []string{"b", "c", "live"}, out.kept())
	l = open(t, dir, out, Options{KeepInstances: 2})
	expect(t, []string{"instance/live: I am live", "instance/b: I am b", "instance/c: I am c"},
		read(t, l, Query{Group: hello.ApplicationGroup()}))
}

func TestForgettingGoesOnAfterAFailure(t *testing.T) {
	dir, out := t.TempDir(), newOutput()
	l := open(t, dir, out, Options{KeepInstances: 1})
	for i, id := range []string{"a", "b"} {
		must(t, l.AddInstance(hello, id, at(i)))
		out.write(id, at(i), "x")
	}
	must(t, l.RemoveInstance(t.Context(), hello, "a", at(2)))
	out.fails = errors.New("the engine does not answer")
	if err := l.RemoveInstance(t.Context(), hello, "b", at(3)); !errors.Is(err, out.fails) {
		t.Errorf("got %v", err)
	}
	if err := l.Delete(t.Context(), hello); !errors.Is(err, out.fails) {
		t.Errorf("delete: got %v", err)
	}
	out.fails = nil
	l = open(t, dir, out, Options{KeepInstances: 1})
	must(t, l.RemoveInstance(t.Context(), hello, "b", at(4)))
	expect(t, []string{"b"}, out.kept())
}

func TestDeleteLeavesNothing(t *testing.T) {
	dir, out := t.TempDir(), newOutput()
	l := open(t, dir, out, Options{})
	other := Service{Name: hello.Name, ID: "2"} // was created again under its name
	must(t, l.Event(hello, noon, "x"))
	must(t, l.Deployment(hello, "op", noon, "x"))
	must(t, l.AddInstance(hello, "a", noon))
	out.write("a", noon, "x")
	must(t, l.Event(other, noon, "still here"))
	must(t, l.Delete(t.Context(), hello))
	must(t, l.Delete(t.Context(), hello))
	if _, err := os.Stat(filepath.Join(dir, hello.Name, hello.ID)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory: %v", err)
	}
	expect(t, nil, out.kept())
	if _, err := l.Streams(hello.ServiceGroup()); !errors.Is(err, ErrNotFound) {
		t.Errorf("streams of a deleted service: %v", err)
	}
	expect(t, []string{"events: still here"}, read(t, l, Query{Group: other.ServiceGroup()}))
}

// Decisions of the autoscaler are kept like events, and are no stream of App Runner's.
func TestScalingStream(t *testing.T) {
	t.Parallel()
	l := open(t, t.TempDir(), newOutput(), Options{KeepDeployments: 1})
	if err := errors.Join(
		l.Scaling(hello, noon, `{"from":2,"to":5}`), l.Event(hello, noon, "Scaling from 2 to 5 instances."),
		l.Deployment(hello, "a", noon, "one"), l.Deployment(hello, "b", noon, "two"),
	); err != nil {
		t.Fatal(err)
	}
	for stream, want := range map[string]string{ScalingStream: `{"from":2,"to":5}`, EventStream: "Scaling from 2 to 5 instances.", "": "Scaling from 2 to 5 instances."} {
		var got []string
		for line, err := range l.Read(t.Context(), Query{Group: hello.ServiceGroup(), Stream: stream}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, line.Text)
		}
		if !slices.Contains(got, want) || slices.Contains(got, `{"from":2,"to":5}`) != (stream == ScalingStream) {
			t.Errorf("stream %q has %q", stream, got)
		}
	}
	streams, err := l.Streams(hello.ServiceGroup())
	if err != nil || slices.ContainsFunc(streams, func(s StreamInfo) bool { return s.Name == ScalingStream }) {
		t.Errorf("the streams are %v, %v", streams, err)
	}
}
