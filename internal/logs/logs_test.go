package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// archive is streams in memory.
type archive struct {
	streams map[string][]Event
	scanned atomic.Int64
	slow    time.Duration // that a scan takes
	parts   int           // that each stream is in
	pretend int64         // bytes that each part has
}

func (a *archive) Describe(context.Context, string) (all []Stream, err error) {
	for name, events := range a.streams {
		s := Stream{Name: name}
		for part := range slices.Chunk(events, max(1, len(events)/max(1, a.parts))) {
			s.Parts = append(s.Parts, Part{First: part[0].Time, Last: part[len(part)-1].Time, Bytes: a.pretend})
		}
		all = append(all, s)
	}
	return all, nil
}

func (a *archive) Scan(_ context.Context, _, stream string, r Range, visit func(Event) bool) error {
	time.Sleep(a.slow)
	a.scanned.Add(1)
	events := slices.Clone(a.streams[stream])
	if r.Newest {
		slices.Reverse(events)
	}
	for _, e := range events {
		if e.Time.Before(r.From) || !r.To.IsZero() && !e.Time.Before(r.To) || !strings.Contains(e.Text, r.Contains) {
			continue
		}
		if !visit(e) {
			return nil
		}
	}
	return nil
}

type text string

func (t text) Match(s string) bool { return strings.Contains(s, string(t)) }
func (t text) Literal() string     { return string(t) }

func ms(n int) time.Time { return time.UnixMilli(int64(n)).UTC() }

// draw makes streams with events of which many are of the same millisecond.
func draw(t *rapid.T) *archive {
	a := &archive{streams: map[string][]Event{}, parts: rapid.IntRange(1, 5).Draw(t, "parts"), pretend: firstStretch / 3}
	for s := range rapid.IntRange(1, 4).Draw(t, "streams") {
		name, now := fmt.Sprintf("stream/%d", s), 1000
		for i := range rapid.IntRange(0, 40).Draw(t, "events") {
			now += rapid.SampledFrom([]int{0, 0, 1, 7}).Draw(t, "pause")
			a.streams[name] = append(a.streams[name], Event{ms(now), name, fmt.Sprintf("%s %d %s", name, i, strings.Repeat("x", i%3)), uint64(i)})
		}
	}
	return a
}

func bound(t *rapid.T, name string) (at time.Time) {
	if n := rapid.OneOf(rapid.Just(0), rapid.IntRange(995, 1200)).Draw(t, name); n > 0 {
		at = ms(n)
	}
	return at
}

func TestPagesOfASearchHaveEveryEventOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := draw(t)
		s := Search{From: bound(t, "from"), To: bound(t, "to"), Limit: rapid.IntRange(1, 20).Draw(t, "limit"), Pattern: text(rapid.SampledFrom([]string{"", "xx", "1"}).Draw(t, "text"))}
		s.Streams, _ = a.Describe(t.Context(), "")
		var want []Event
		for _, events := range a.streams {
			for _, e := range events {
				if !e.Time.Before(s.From) && (s.To.IsZero() || e.Time.Before(s.To)) && s.Pattern.Match(e.Text) {
					want = append(want, e)
				}
			}
		}
		slices.SortFunc(want, func(x, y Event) int { return x.place().compare(y.place()) })
		var got []Event
		for pages := 0; ; pages++ {
			page, err := Find(t.Context(), a, s)
			if err != nil || len(page.Events) > s.Limit || pages > 1000 {
				t.Fatalf("page %d has %d events, %v", pages, len(page.Events), err)
			}
			got = append(got, page.Events...)
			if s.Token = page.Token; s.Token == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		ids := map[string]bool{}
		for _, e := range got {
			if ids[e.ID()] || len(e.ID()) != 56 {
				t.Fatalf("id %q", e.ID())
			}
			ids[e.ID()] = true
		}
	})
}

func TestPagesOfAStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := draw(t)
		q := Query{Stream: "stream/0", From: bound(t, "from"), To: bound(t, "to"), Limit: rapid.IntRange(1, 20).Draw(t, "limit"), FromHead: rapid.Bool().Draw(t, "head")}
		var want []Event
		for _, e := range a.streams[q.Stream] {
			if !e.Time.Before(q.From) && (q.To.IsZero() || e.Time.Before(q.To)) {
				want = append(want, e)
			}
		}
		read := func(q Query, token func(Page) string) (all []Event, end string) {
			for pages := 0; ; pages++ {
				page, err := Events(t.Context(), a, q)
				if err != nil || len(page.Events) > q.Limit || pages > 1000 {
					t.Fatalf("page %d has %d events, %v", pages, len(page.Events), err)
				}
				if q.FromHead {
					all = append(all, page.Events...)
				} else {
					all = slices.Concat(page.Events, all)
				}
				if next := token(page); next == q.Token {
					return all, next
				} else if q.Token = next; len(page.Events) == 0 && pages > 0 {
					t.Fatalf("the end of the stream leads on to %s", next)
				}
			}
		}
		turn := func(p Page) string {
			if q.FromHead {
				return p.Forward
			}
			return p.Backward
		}
		got, _ := read(q, turn)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v: %s", q, diff)
		}
		// From the first page on, the other direction has what is on the other side of it.
		first, err := Events(t.Context(), a, q)
		if err != nil {
			t.Fatal(err)
		}
		other := q
		if other.Token = first.Backward; !q.FromHead {
			other.Token = first.Forward
		}
		if rest, err := Events(t.Context(), a, other); err != nil || len(rest.Events) > 0 {
			t.Fatalf("beyond the first page there are %d events, %v", len(rest.Events), err)
		}
	})
}

// A follower asks again with its last token, and gets what came meanwhile.
func TestFollowing(t *testing.T) {
	a := &archive{streams: map[string][]Event{}}
	q := Query{Stream: "s", Limit: 10, From: ms(500)}
	for i := range 5 {
		page, err := Events(t.Context(), a, q)
		if err != nil || len(page.Events) != min(i, 1) {
			t.Fatalf("%d: %+v, %v", i, page, err)
		}
		q.Token = page.Forward
		a.streams["s"] = append(a.streams["s"], Event{ms(1000 + i/2), "s", "x", uint64(i)})
	}
}

// A search that takes long tells what it has, and goes on where it was.
func TestSearchIsPatientForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &archive{streams: map[string][]Event{}, parts: 10, pretend: firstStretch, slow: 300 * time.Millisecond}
		for i := range 100 {
			a.streams["s"] = append(a.streams["s"], Event{ms(1000 + 10*i), "s", fmt.Sprint("event ", i), uint64(i)})
		}
		s := Search{Limit: 10, Pattern: text("event 99")}
		s.Streams, _ = a.Describe(t.Context(), "")
		pages, events := 0, 0
		for {
			began := time.Now()
			page, err := Find(t.Context(), a, s)
			if err != nil || time.Since(began) > time.Second {
				t.Fatalf("took %v, %v", time.Since(began), err)
			}
			pages, events = pages+1, events+len(page.Events)
			if s.Token = page.Token; s.Token == "" {
				if events != 1 || pages < 2 {
					t.Errorf("found %d events on %d pages", events, pages)
				}
				return
			}
		}
	})
}

// The first page of what is everywhere needs the first stretch only.
func TestSearchReadsNoMoreThanItHasTo(t *testing.T) {
	a := &archive{streams: map[string][]Event{}, parts: 10, pretend: firstStretch}
	for i := range 100 {
		a.streams["s"] = append(a.streams["s"], Event{ms(1000 + 10_000*i), "s", "event", uint64(i)})
	}
	s := Search{Limit: 5, Pattern: text("event")}
	s.Streams, _ = a.Describe(t.Context(), "")
	if page, err := Find(t.Context(), a, s); err != nil || len(page.Events) != 5 || page.Token == "" || a.scanned.Load() != 1 {
		t.Errorf("%d events of %d scans, %v", len(page.Events), a.scanned.Load(), err)
	}
}

func TestPagesAreBoundedInBytes(t *testing.T) {
	a := &archive{streams: map[string][]Event{}}
	for i := range 100 {
		a.streams["s"] = append(a.streams["s"], Event{ms(i), "s", strings.Repeat("x", 16<<10), uint64(i)})
	}
	page, err := Events(t.Context(), a, Query{Stream: "s", Limit: MaxEvents, FromHead: true})
	if err != nil || len(page.Events) != 63 {
		t.Errorf("%d events, %v", len(page.Events), err)
	}
	s := Search{Limit: MaxEvents, Pattern: text("x")}
	s.Streams, _ = a.Describe(t.Context(), "")
	if found, err := Find(t.Context(), a, s); err != nil || len(found.Events) != 63 || found.Token == "" {
		t.Errorf("%d events, %v", len(found.Events), err)
	}
}

func TestTokensThatAreNone(t *testing.T) {
	a := &archive{}
	for _, token := range []string{"x", "f/1/s", "g/0000000000000000000000000000000000000000/s", "f/0000000000000000000000000000000000000000/sx", "e30"} {
		if _, err := Events(t.Context(), a, Query{Limit: 1, Token: token}); !errors.Is(err, ErrToken) {
			t.Errorf("%s: %v", token, err)
		}
		if _, err := Find(t.Context(), a, Search{Limit: 1, Pattern: text(""), Token: token}); !errors.Is(err, ErrToken) {
			t.Errorf("%s: %v", token, err)
		}
	}
}
