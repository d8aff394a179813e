package metrics

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

const web = "0123456789abcdef0123456789abcdef" // a service

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := OpenStore(dir)
	must(t, err)
	return s
}

// minute is one in which a service had n requests.
func minute(at time.Time, n float64) *Minute {
	m := &Minute{Time: at}
	m.Service[Requests] = sample(n)
	m.instance(web)[Requests] = sample(n)
	return m
}

// numbers of requests in each minute that is stored.
func (s *Store) numbers(t *testing.T, from, to time.Time) (all []float64) {
	t.Helper()
	must(t, s.read(web, from, to, nil, func(m *Minute) { all = append(all, m.Service[Requests].Sum) }))
	return all
}

func TestStoreReadsARange(t *testing.T) {
	s := openStore(t, t.TempDir())
	for i := range 3 * 24 * 60 {
		must(t, s.Append(web, minute(noon.Add(time.Duration(i)*time.Minute), float64(i))))
	}
	for name, c := range map[string]struct {
		from, to    time.Time
		first, last float64
		n           int
	}{
		"everything":      {noon, noon.Add(72 * time.Hour), 0, 4319, 4320},
		"two minutes":     {noon.Add(time.Minute), noon.Add(3 * time.Minute), 1, 2, 2},
		"over midnight":   {noon.Add(12*time.Hour - time.Minute), noon.Add(12*time.Hour + time.Minute), 719, 720, 2},
		"part of minutes": {noon.Add(30 * time.Second), noon.Add(90 * time.Second), 1, 1, 1},
	} {
		got := s.numbers(t, c.from, c.to)
		if len(got) != c.n || got[0] != c.first || got[len(got)-1] != c.last {
			t.Errorf("%s: got %d minutes %v … %v", name, len(got), got[:1], got[len(got)-1:])
		}
	}
	if got := s.numbers(t, noon.Add(-time.Hour), noon); len(got) != 0 {
		t.Errorf("before the first there are %v", got)
	}
}

// A process that is killed, or a disk that is full, leaves any part of the last frame.
func TestStoreGoesOnAfterAnyCut(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	must(t, s.Append(web, minute(noon, 1)))
	must(t, s.Append(web, minute(noon.Add(time.Minute), 2)))
	file := filepath.Join(dir, web, "20261123")
	whole, err := os.ReadFile(file)
	must(t, err)
	first := len(appendFrame(nil, minute(noon, 1)))
	for cut := first; cut < len(whole); cut++ {
		must(t, os.WriteFile(file, whole[:cut], 0o600))
		if got := s.numbers(t, noon, noon.Add(time.Hour)); !slices.Equal(got, []float64{1}) {
			t.Fatalf("cut at %d: read %v", cut, got)
		}
		must(t, openStore(t, dir).Append(web, minute(noon.Add(2*time.Minute), 3)))
		if got := s.numbers(t, noon, noon.Add(time.Hour)); !slices.Equal(got, []float64{1, 3}) {
			t.Fatalf("cut at %d and written to: read %v", cut, got)
		}
	}
}

func TestStoreIsBounded(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	for day := range 20 {
		must(t, s.Append(web, minute(noon.AddDate(0, 0, -day), 1)))
	}
	must(t, s.Append("other", minute(noon, 1)))
	must(t, s.Tidy(noon))
	if days, err := s.days(filepath.Join(dir, web)); err != nil || len(days) != 15 || days[0] != "20261109" {
		t.Errorf("after two weeks there are %v, %v", days, err)
	}
	big, err := os.OpenFile(filepath.Join(dir, web, "20261120"), os.O_WRONLY, 0)
	must(t, err)
	must(t, errors.Join(big.Truncate(maxBytes), big.Close()))
	must(t, s.Tidy(noon))
	if days, err := s.days(filepath.Join(dir, web)); err != nil || !slices.Equal(days, []string{"20261121", "20261122", "20261123"}) {
		t.Errorf("with a file that is too big there are %v, %v", days, err)
	}
	must(t, s.Forget(web))
	must(t, s.Forget(web))
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("a forgotten service leaves %v, %v", entries, err)
	}
	if err := s.Append("../x", minute(noon, 1)); err == nil {
		t.Error("a path was taken for the id of a service")
	}
}
