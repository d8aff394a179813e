package telemetry

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func requestLine(at time.Time, n int) string {
	return fmt.Sprintf(`{"time":%q,"n":%d}`+"\n", at.UTC().Format(timeLayout), n)
}

// TestAccess keeps requests as they are, apart from events, and lets one read and follow them.
func TestAccess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := Open(dir, nil, Options{AccessSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	web := Service{Name: "web", ID: "0123456789abcdef"}
	now := time.UnixMilli(1_800_000_000_000)
	if err := l.Event(web, now, "an event"); err != nil {
		t.Fatal(err)
	}
	for batch := range 200 { // more than is kept
		at := now.Add(time.Duration(batch) * time.Second)
		if err := l.Access(web, []byte(requestLine(at, 2*batch)+requestLine(at, 2*batch+1))); err != nil {
			t.Fatal(err)
		}
	}
	newest := filepath.Join(dir, "web", web.ID, "access")
	files, _ := filepath.Glob(filepath.Join(newest, "*"))
	if len(files) != 4 {
		t.Errorf("%q, want the last four files", files)
	}
	data, _ := os.ReadFile(files[len(files)-1])
	if last := requestLine(now.Add(199*time.Second), 399); !strings.HasSuffix(string(data), last) {
		t.Errorf("the file ends with %.100q, want the line as it was given", data)
	}
	read := func(q Query) (texts []string) {
		for line, err := range l.Read(t.Context(), q) {
			if err != nil {
				t.Error(err)
			}
			texts = append(texts, line.Text)
		}
		return texts
	}
	got := read(Query{Group: web.AccessGroup(), Since: now.Add(197 * time.Second)})
	if want := strings.TrimSpace(requestLine(now.Add(198*time.Second), 396)); len(got) != 4 || got[0] != want {
		t.Errorf("since a time: %q, want four from %s on", got, want)
	}
	if got := read(Query{Group: web.ServiceGroup()}); len(got) != 1 || got[0] != "an event" {
		t.Errorf("the service group has %q", got)
	}
	streams, err := l.Streams(web.AccessGroup())
	if err != nil || len(streams) != 1 || streams[0].Name != AccessStream || streams[0].Bytes == 0 {
		t.Errorf("streams: %v, %v", streams, err)
	}
	if err := l.Delete(t.Context(), web); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(newest); !os.IsNotExist(err) {
		t.Errorf("requests of a deleted service: %v", err)
	}
}

// TestFollowingRequests begins before there is one.
func TestFollowingRequests(t *testing.T) {
	t.Parallel()
	l, err := Open(t.TempDir(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	web := Service{Name: "web", ID: "0123456789abcdef"}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	lines := make(chan Line)
	go func() {
		defer close(lines)
		for line, err := range l.Read(ctx, Query{Group: web.AccessGroup(), Follow: true}) {
			if err != nil {
				t.Error(err)
			}
			lines <- line
		}
	}()
	for n := range 3 {
		if err := l.Access(web, []byte(requestLine(time.Now(), n))); err != nil {
			t.Fatal(err)
		}
		if line := <-lines; !strings.HasSuffix(line.Text, fmt.Sprintf(`"n":%d}`, n)) || line.Stream != AccessStream {
			t.Errorf("got %+v", line)
		}
	}
	cancel()
	for range lines {
	}
}
