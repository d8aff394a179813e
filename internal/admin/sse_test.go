package admin_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
)

// stream opens a stream of server-sent events.
func stream(t *testing.T, url string, header http.Header) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	for name, values := range header {
		r.Header[name] = values
	}
	if err := sigv4.Sign(r, nil, keyID, secret, region, admin.Service, time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s, %v", response.Status, response.Header)
	}
	return response
}

// Lines that come together go together, and none is lost on the way.
func TestLogEvents(t *testing.T) {
	t.Parallel()
	w := &world{}
	for i := range 2500 {
		w.lines = append(w.lines, admin.Line{Time: noon.Add(time.Duration(i)), Stream: "events", Text: fmt.Sprint(i)})
	}
	response := stream(t, serve(t, w)+"services/web/logs?stream=events", http.Header{"Last-Event-Id": {"2026-11-23T11:00:00Z"}})
	var got []admin.Line
	events, id := 0, ""
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if v, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			id = v
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			events++
			var batch []admin.Line
			if err := json.Unmarshal([]byte(data), &batch); err != nil {
				t.Fatal(err)
			}
			got = append(got, batch...)
		}
	}
	if len(got) != 2500 || got[2499].Text != "2499" || events > 100 {
		t.Errorf("%d lines in %d events", len(got), events)
	}
	if want := noon.Add(2499).Format(time.RFC3339Nano); id != want {
		t.Errorf("the last id is %q, want %q: a browser that connects again goes on there", id, want)
	}
	if w.asked != "web events 2026-11-23T11:00:00Z follow" {
		t.Errorf("asked for %q", w.asked)
	}
}

// Whoever watches hears of changes, and not of each one of many.
func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		changes := make(chan struct{})
		began := time.Now()
		var heard []string
		for beat := range admin.Beats(t.Context(), changing{changes}) {
			heard = append(heard, fmt.Sprint(beat, " after ", time.Since(began)))
			if len(heard) == 2 {
				close(changes)
			}
			if len(heard) == 4 {
				break
			}
		}
		want := []string{"true after 0s", "false after 15.25s", "true after 15.5s", "true after 15.75s"}
		if diff := cmp.Diff(want, heard); diff != "" {
			t.Error(diff)
		}
	})
}

type changing struct{ c chan struct{} }

func (c changing) Changed() <-chan struct{} { return c.c }

func TestWatchOverHTTP(t *testing.T) {
	t.Parallel()
	response := stream(t, serve(t, &world{})+"watch", nil)
	lines := bufio.NewScanner(response.Body)
	if !lines.Scan() || lines.Text() != "data: {}" {
		t.Errorf("the first line is %q", lines.Text())
	}
}
