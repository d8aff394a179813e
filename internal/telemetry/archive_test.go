package telemetry

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/logs"
)

// scan reads a stream and returns the texts.
func scan(t *testing.T, l *Log, group, stream string, r logs.Range) (texts []string) {
	t.Helper()
	last := uint64(0)
	must(t, l.Scan(t.Context(), group, stream, r, func(e logs.Event) bool {
		if e.Stream != stream || len(texts) > 0 && (e.Position > last) == r.Newest {
			t.Errorf("%+v comes after position %d", e, last)
		}
		texts, last = append(texts, e.Text), e.Position
		return true
	}))
	return texts
}

func TestArchive(t *testing.T) {
	out := newOutput()
	l := open(t, t.TempDir(), out, Options{SegmentSize: 300, Segments: 1000, Now: func() time.Time { return at(1_000_000) }})
	var all []string
	for i := range 100 {
		text := fmt.Sprintf("event %d\nof %d", i, i%7)
		all = append(all, text)
		must(t, l.Event(hello, at(i), text))
	}
	must(t, l.Deployment(hello, "op", at(5), "begun"))
	must(t, l.AddInstance(hello, "a", at(0)))
	must(t, l.AddInstance(hello, "silent", at(0)))
	out.write("a", at(1), "one")
	out.write("a", at(2), "two")

	group, newest := hello.ServiceGroup(), slices.Clone(all)
	slices.Reverse(newest)
	expect(t, all, scan(t, l, group, "events", logs.Range{}))
	expect(t, newest, scan(t, l, group, "events", logs.Range{Newest: true}))
	expect(t, all[10:20], scan(t, l, group, "events", logs.Range{From: at(10), To: at(20)}))
	expect(t, []string{all[31]}, scan(t, l, group, "events", logs.Range{Contains: "event 31\nof"}))
	expect(t, []string{"[AppRunner] begun"}, scan(t, l, group, "deployment/op", logs.Range{}))
	expect(t, nil, scan(t, l, group, "deployment/none", logs.Range{}))
	expect(t, []string{"two", "one"}, scan(t, l, hello.ApplicationGroup(), "instance/a", logs.Range{Newest: true}))
	for _, none := range []string{"instance/silent", "instance/b", "a"} {
		expect(t, nil, scan(t, l, hello.ApplicationGroup(), none, logs.Range{}))
	}

	streams, err := l.Describe(t.Context(), group)
	must(t, err)
	if len(streams) != 2 || streams[0].Name != "deployment/op" || streams[1].Name != "events" || !streams[1].First().Equal(at(0)) || len(streams[1].Parts) < 10 || streams[1].Bytes() < 1000 {
		t.Errorf("streams of the service: %+v", streams)
	}
	streams, err = l.Describe(t.Context(), hello.ApplicationGroup())
	must(t, err)
	if len(streams) != 2 || streams[0].Name != "instance/a" || !streams[0].Last().Equal(at(2)) || streams[1].Bytes() != 0 {
		t.Errorf("streams of instances: %+v", streams)
	}
	if _, err := l.Describe(t.Context(), "/aws/apprunner/none/0/service"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a group that is not there: %v", err)
	}
}

func TestRetention(t *testing.T) {
	out, dir, now := newOutput(), t.TempDir(), time.Now()
	day := 24 * time.Hour
	options := Options{SegmentSize: 100, Segments: 1000, Now: func() time.Time { return now }}
	l := open(t, dir, out, options)
	for d := 20; d >= 0; d-- {
		must(t, l.Event(hello, now.Add(-time.Duration(d)*day), fmt.Sprintf("%d days ago, %060d", d, 0)))
	}
	group := hello.ServiceGroup()
	count := func(l *Log) int { return len(scan(t, l, group, "events", logs.Range{})) }
	if kept, err := l.Retention(group); err != nil || kept != 14*day || count(l) != 15 {
		t.Errorf("two weeks: %v, %v, %d events", kept, err, count(l))
	}
	must(t, l.SetRetention(group, 3))
	for name, l := range map[string]*Log{"at once": l, "after a restart": open(t, dir, out, options)} {
		if kept, err := l.Retention(group); err != nil || kept != 3*day || count(l) != 4 {
			t.Errorf("%s: %v, %v, %d events", name, kept, err, count(l))
		}
		if kept, err := l.Retention(hello.ApplicationGroup()); err != nil || kept != 14*day {
			t.Errorf("%s, the other group: %v, %v", name, kept, err)
		}
	}
	must(t, l.SetRetention(group, 0))
	if count(l) != 15 {
		t.Errorf("%d events are left: what is not yet deleted comes back", count(l))
	}
	if err := l.SetRetention("/aws/apprunner/none/0/service", 1); !errors.Is(err, ErrNotFound) {
		t.Errorf("a group that is not there: %v", err)
	}

	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "events.*.log"))
	must(t, err)
	for i, file := range files { // as old as what they have
		must(t, os.Chtimes(file, time.Time{}, now.Add(-time.Duration(20-i)*day)))
	}
	must(t, l.Tidy(t.Context()))
	if left, _ := filepath.Glob(filepath.Join(dir, "*", "*", "events.*.log")); len(left) != 15 || len(files) != 21 {
		t.Errorf("%d of %d files are left", len(left), len(files))
	}
}

func TestOutputIsBounded(t *testing.T) {
	out, now := newOutput(), time.Now()
	l := open(t, t.TempDir(), out, Options{MaxBytes: 250, Now: func() time.Time { return now }})
	for i, removed := range []time.Duration{0, 30 * 24 * time.Hour, 3 * time.Hour, 2 * time.Hour, time.Hour} {
		id := fmt.Sprint(i)
		must(t, l.AddInstance(hello, id, now.Add(-100*24*time.Hour)))
		out.write(id, now.Add(-removed-time.Minute), fmt.Sprintf("%0100d", i))
		if removed > 0 {
			must(t, l.RemoveInstance(t.Context(), hello, id, now.Add(-removed)))
		}
	}
	expect(t, []string{"0", "1", "2", "3", "4"}, out.kept())
	must(t, l.Tidy(t.Context()))
	// One runs, one was removed a month ago, and of the others one has room.
	expect(t, []string{"0", "4"}, out.kept())
	streams, err := l.Describe(t.Context(), hello.ApplicationGroup())
	must(t, err)
	if len(streams) != 2 {
		t.Errorf("streams: %+v", streams)
	}
	must(t, l.Tidy(t.Context()))
	expect(t, []string{"0", "4"}, out.kept())
}
