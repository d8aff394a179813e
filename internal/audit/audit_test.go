package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func opened(t *testing.T, dir string, maxSize int64) *Log {
	t.Helper()
	l, err := open(dir, maxSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func write(t *testing.T, l *Log, e Entry) {
	t.Helper()
	if err := l.Write(e); err != nil {
		t.Fatal(err)
	}
}

// entries reads a file of the log.
func entries(t *testing.T, file string) (all []Entry) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%s: line %q: %v", file, line, err)
		}
		all = append(all, e)
	}
	return all
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "audit")
	want := []Entry{
		{
			Time: noon, RequestID: "1-2", AccessKeyID: "AKIA", User: "arn:aws:iam::000000000000:user/ci", Action: "apprunner:DeleteService",
			Resources: []string{"arn:a", "arn:b"}, Region: "us-east-1", Source: "127.0.0.1", Status: 403, ErrorCode: "AccessDeniedException",
		},
		{Time: noon, Action: "a line\nbreak and <html>", Source: "::1", Status: 200},
	}
	for _, e := range want { // each by a daemon of its own
		l := opened(t, dir, MaxSize)
		write(t, l, e)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, entries(t, filepath.Join(dir, name))); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
}

func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := opened(t, dir, MaxSize)
	long := strings.Repeat("x", 1<<20)
	write(t, l, Entry{Action: long, Region: long, Source: long, Resources: strings.Split(strings.Repeat("y,", 10000), ",")})
	got := entries(t, filepath.Join(dir, name))[0]
	if len(got.Action) != maxText || len(got.Resources) != maxResources {
		t.Errorf("%d characters and %d resources are kept", len(got.Action), len(got.Resources))
	}
}

func TestRotationIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := opened(t, dir, 1000)
	const calls = 100
	for i := range calls {
		write(t, l, Entry{Time: noon, Action: fmt.Sprint(i)})
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != Files {
		t.Fatalf("files %v, %v", files, err)
	}
	last := calls
	for n := range Files { // from the newest to the oldest, nothing is missing
		got := entries(t, l.path(n))
		for i := len(got) - 1; i >= 0; i-- {
			if last--; got[i].Action != fmt.Sprint(last) {
				t.Fatalf("%s has call %s where %d belongs", l.path(n), got[i].Action, last)
			}
		}
		if info, _ := os.Stat(l.path(n)); info.Size() > 1000 {
			t.Errorf("%s has %d bytes", l.path(n), info.Size())
		}
	}
}

// Wherever a crash interrupts a rotation, the next one drops nothing that it need not.
func TestInterruptedRotation(t *testing.T) {
	t.Parallel()
	for gap := range Files - 1 {
		dir := t.TempDir()
		for n := range Files {
			if n != gap+1 {
				if err := os.WriteFile(filepath.Join(dir, filepath.Base((&Log{}).path(n))), fmt.Appendf(nil, "{\"action\":\"%d\"}\n", n), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		l := opened(t, dir, 1)
		write(t, l, Entry{Action: "new"})
		seen := map[string]bool{}
		for n := range Files {
			seen[entries(t, l.path(n))[0].Action] = true
		}
		if len(seen) != Files {
			t.Errorf("without file %d, the files have %v after the next rotation", gap+1, seen)
		}
	}
}

func TestEndsALineThatWasCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(`{"time":"20`), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, opened(t, dir, MaxSize), Entry{Time: noon, Action: "x"})
	data, err := os.ReadFile(file)
	if lines := strings.Split(string(data), "\n"); err != nil || len(lines) != 3 || !strings.Contains(lines[1], `"action":"x"`) {
		t.Errorf("%q, %v", data, err)
	}
}

// A directory that is gone for a while costs the entries of that while alone.
func TestComesBack(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "audit")
	l := opened(t, dir, 1)
	write(t, l, Entry{Action: "1"})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := l.Write(Entry{Action: "2"}); err == nil {
		t.Fatal("writing succeeded without a directory")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, l, Entry{Action: "3"})
	if got := entries(t, filepath.Join(dir, name)); len(got) != 1 || got[0].Action != "3" {
		t.Errorf("the log has %v", got)
	}
}

func TestManyWriters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := opened(t, dir, MaxSize)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if err := l.Write(Entry{Action: strings.Repeat("a", 500)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := entries(t, filepath.Join(dir, name)); len(got) != 1600 {
		t.Errorf("%d entries, want 1600", len(got))
	}
}
