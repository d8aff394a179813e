package logfile

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// filled is a directory with lines at the milliseconds 1000, 1001, …, several in each.
func filled(t *testing.T, lines int, size int64) (dir string, all []Line) {
	t.Helper()
	dir = t.TempDir()
	w := newWriter(t, dir, size, 1000)
	now := int64(1000)
	w.now = func() time.Time { return time.UnixMilli(now) }
	for i := range lines {
		text := fmt.Sprintf("line %d %s", i, strings.Repeat("x", i%97))
		if i%10 == 3 {
			text += " needle"
		}
		write(t, w, Stdout, text+"\n")
		all = append(all, Line{Time: time.UnixMilli(now).UTC(), Stream: Stdout, Text: text})
		if i%3 == 2 {
			now++
		}
	}
	return dir, all
}

// expected are the lines that a scan has to visit.
func expected(all []Line, r Range) (want []string) {
	for _, l := range all {
		if l.Time.Before(r.From) || !r.To.IsZero() && !l.Time.Before(r.To) || !strings.Contains(l.Text, r.Contains) {
			continue
		}
		want = append(want, l.Text)
	}
	if r.Newest {
		slices.Reverse(want)
	}
	return want
}

func scan(t testing.TB, dir string, r Range) (got []string, positions []uint64) {
	t.Helper()
	err := Scan(context.Background(), dir, r, func(e Entry) bool {
		got, positions = append(got, e.Text), append(positions, e.Position)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, positions
}

func TestScan(t *testing.T) {
	t.Parallel()
	const lines = 2000
	dir, all := filled(t, lines, 40_000)
	if list, err := numbers(dir); err != nil || len(list) < 4 {
		t.Fatalf("%d files, %v", len(list), err)
	}
	places := map[uint64]bool{}
	_, positions := scan(t, dir, Range{})
	for _, p := range positions {
		places[p] = true
	}
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(990, 1010+lines/3))
		r := Range{Contains: rapid.SampledFrom([]string{"", "needle", "line 17", "x needle", "nowhere", "100", " o "}).Draw(t, "text"), Newest: rapid.Bool().Draw(t, "newest")}
		if ms := at.Draw(t, "from"); ms > 0 {
			r.From = time.UnixMilli(ms)
		}
		if ms := at.Draw(t, "to"); ms > 0 {
			r.To = time.UnixMilli(ms)
		}
		var got []string
		var last uint64
		err := Scan(context.Background(), dir, r, func(e Entry) bool {
			if len(got) > 0 && (e.Position > last) == r.Newest || !places[e.Position] {
				t.Fatalf("%q is at %d after %d", e.Text, e.Position, last)
			}
			got, last = append(got, e.Text), e.Position
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(expected(all, r), got); diff != "" {
			t.Fatalf("%+v (-want +got):\n%s", r, diff)
		}
	})
}

func TestScanEnds(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t, 3000, 50_000)
	n := 0
	if err := Scan(t.Context(), dir, Range{}, func(Entry) bool { n++; return n < 5 }); err != nil || n != 5 {
		t.Errorf("visited %d, %v", n, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := Scan(ctx, dir, Range{}, func(Entry) bool { t.Error("visited"); return true }); err == nil {
		t.Error("a scan goes on after its end")
	}
	if err := Scan(t.Context(), dir+"/none", Range{}, nil); err != nil {
		t.Errorf("a directory that is not there: %v", err)
	}
}

// What is damaged is passed over, and what is not whole yet is not visited.
func TestScanOfDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := "bad\n1000 o good\n" + strings.Repeat("y", 50_000) + "\n\n-5 o bad\n1001 x bad\n2000 e good too\n2001 o not whole"
	if err := os.WriteFile(fileName(dir, 3), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]Range{"all": {}, "text": {Contains: "good"}, "time": {From: time.UnixMilli(900), To: time.UnixMilli(3000)}} {
		if got, _ := scan(t, dir, r); !slices.Equal(got, []string{"good", "good too"}) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got, _ := scan(t, dir, Range{From: time.UnixMilli(1001)}); !slices.Equal(got, []string{"good too"}) {
		t.Errorf("the second half: %q", got)
	}
}

// The clock that files have is late by up to some milliseconds.
func TestPartThatEndsBeforeItBegins(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t, 10, 50_000)
	list, err := numbers(dir)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	late := time.UnixMilli(999)
	if err := os.Chtimes(fileName(dir, list[0]), late, late); err != nil {
		t.Fatal(err)
	}
	if parts, err := Parts(dir); err != nil || len(parts) != 1 || !parts[0].Last.Equal(parts[0].First) {
		t.Errorf("%+v, %v", parts, err)
	}
}

func TestPartsAndTrim(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t, 3000, 50_000)
	parts, err := Parts(dir)
	if err != nil || len(parts) < 3 || !parts[0].First.Equal(time.UnixMilli(1000)) || !parts[1].First.After(parts[0].First) || parts[0].Bytes < 40_000 {
		t.Fatalf("%+v, %v", parts, err)
	}
	if err := Trim(dir, parts[0].Last.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if again, _ := Parts(dir); len(again) != len(parts) {
		t.Errorf("%d parts, of %d of which none is old", len(again), len(parts))
	}
	if err := os.Chtimes(fileName(dir, parts[0].number), time.Time{}, parts[0].Last.Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := Trim(dir, parts[0].Last.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if again, _ := Parts(dir); len(again) != len(parts)-1 || !again[0].First.Equal(parts[1].First) {
		t.Errorf("after the first is old: %+v", again)
	}
	if err := Trim(dir, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if again, _ := Parts(dir); len(again) != 1 {
		t.Errorf("of old files the newest stays: %+v", again)
	}
}
