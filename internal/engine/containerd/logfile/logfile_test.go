package logfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, w *Writer, stream Stream, text string) {
	t.Helper()
	if err := w.Copy(stream, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}

func newWriter(t *testing.T, dir string, size int64, keep int) *Writer {
	t.Helper()
	w, err := NewWriter(dir, size, keep)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func readAll(t *testing.T, r *Reader) []string {
	t.Helper()
	var all []string
	for {
		l, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(l.Stream)+" "+l.Text)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", MaxText)
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"none", "", nil},
		{"one", "a\n", []string{"o a"}},
		{"empty lines count", "\n\na\n", []string{"o ", "o ", "o a"}},
		{"no end", "a\nb", []string{"o a", "o b"}},
		{"of Windows", "a\r\nb\r\n", []string{"o a", "o b"}},
		{"as long as allowed", long + "\nb\n", []string{"o " + long, "o b"}},
		{"longer", long + "yz\nb\n", []string{"o " + long, "o yz", "o b"}},
		{"much longer without end", long + long + "z", []string{"o " + long, "o " + long, "o z"}},
		{"not text", "\x00\xff 1 o\n", []string{"o \x00\xff 1 o"}},
	} {
		for how, reader := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "by byte": iotest.OneByteReader, "with its end": iotest.DataErrReader,
		} {
			t.Run(c.name+" "+how, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				w := newWriter(t, dir, 1<<20, 2)
				if err := w.Copy(Stdout, reader(strings.NewReader(c.in))); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, readAll(t, NewReader(dir))); diff != "" {
					t.Errorf("lines (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestRotationKeepsTheNewest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWriter(t, dir, 1000, 3)
	early := NewReader(dir)
	write(t, w, Stdout, "first\n")
	if got := readAll(t, early); len(got) != 1 {
		t.Fatalf("got %q", got)
	}
	for i := range 500 {
		write(t, w, Stderr, fmt.Sprintf("line %d\n", i))
	}
	list, err := numbers(dir)
	if err != nil || len(list) != 3 {
		t.Errorf("files: %v, %v, want 3", list, err)
	}
	for _, n := range list {
		if info, err := os.Stat(fileName(dir, n)); err != nil || info.Size() > 1000 {
			t.Errorf("file %d: %v, %v, want at most 1000 bytes", n, info, err)
		}
	}
	for name, r := range map[string]*Reader{"new": NewReader(dir), "early": early} {
		got := readAll(t, r)
		if len(got) < 60 || got[len(got)-1] != "e line 499" {
			t.Errorf("%s reader: got %d lines, the last is %q", name, len(got), got[max(len(got)-1, 0):])
		}
	}
}

func TestReaderFollowsAcrossFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWriter(t, dir, 100, 1000)
	r := NewReader(dir)
	for i := range 300 {
		write(t, w, Stdout, fmt.Sprintf("%d\n", i))
		if got := readAll(t, r); len(got) != 1 || got[0] != fmt.Sprintf("o %d", i) {
			t.Fatalf("after line %d: got %q", i, got)
		}
	}
}

func TestWriterGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(fileName(dir, 7), []byte("1000 o whole\n1000 o cut o"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, dir, 1000, 3)
	write(t, w, Stdout, "next\n")
	if diff := cmp.Diff([]string{"o whole", "o cut o", "o next"}, readAll(t, NewReader(dir))); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestDamagedLinesAreLeftOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := "1000 o good\nbad\n\n-5 o bad\n1 x bad\n1 o\n99999999999999999999 o bad\n2000 e good\n"
	if err := os.WriteFile(fileName(dir, 1), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"o good", "e good"}, readAll(t, NewReader(dir))); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWriter(t, dir, 1<<20, 1)
	now := time.UnixMilli(5000)
	w.now = func() time.Time { return now }
	write(t, w, Stdout, "a\n")
	now = time.UnixMilli(4000)
	write(t, w, Stdout, "b\n")
	r := NewReader(dir)
	a, _ := r.Next()
	b, err := r.Next()
	if err != nil || b.Time.Before(a.Time) || a.Time.UnixMilli() != 5000 {
		t.Errorf("times are %s and %s, %v", a.Time, b.Time, err)
	}
}

func TestAwait(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := NewWriter(dir, 1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := Await(ctx, dir); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Await with a writer: %v, want deadline exceeded", err)
	}
	done := make(chan error, 1)
	go func() { done <- Await(t.Context(), dir) }()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Await: %v", err)
	}
	if err := Await(t.Context(), dir+"/missing"); err != nil {
		t.Errorf("Await without a directory: %v", err)
	}
}

// FuzzLines holds whatever an application writes to: no line is too long, nothing is lost.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\n\n"), 3)
	f.Add(bytes.Repeat([]byte("x"), 3*MaxText), 1000)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		dir := t.TempDir()
		w := newWriter(t, dir, 1<<30, 1)
		r, p := io.Pipe()
		go func() {
			for rest := in; len(rest) > 0; {
				n := min(max(size, 1), len(rest))
				_, _ = p.Write(rest[:n])
				rest = rest[n:]
			}
			p.Close()
		}()
		if err := w.Copy(Stdout, r); err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, l := range readAll(t, NewReader(dir)) {
			if len(l) > 2+MaxText {
				t.Fatalf("a line has %d bytes", len(l))
			}
			got.WriteString(l[2:])
		}
		squeeze := strings.NewReplacer("\n", "", "\r", "")
		if squeeze.Replace(got.String()) != squeeze.Replace(string(in)) {
			t.Errorf("wrote %q, read %q", in, got.String())
		}
	})
}
