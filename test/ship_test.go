package test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway/test/kit"
)

// loki notes what is pushed to it: label values and line, by time.
type loki struct {
	mu    sync.Mutex
	lines []string
	down  bool
}

func (l *loki) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		http.Error(w, "out for lunch", http.StatusServiceUnavailable)
		return
	}
	var body struct {
		Streams []struct {
			Stream map[string]string
			Values [][]any
		}
	}
	z, err := gzip.NewReader(r.Body)
	if err == nil {
		err = json.NewDecoder(z).Decode(&body)
	}
	if err != nil || r.URL.Path != "/loki/api/v1/push" {
		http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		return
	}
	for _, s := range body.Streams {
		for _, v := range s.Values {
			l.lines = append(l.lines, fmt.Sprint(s.Stream["service"], " ", s.Stream["log"], ": ", v[1]))
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (l *loki) set(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
}

func (l *loki) count(line string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, got := range l.lines {
		if strings.HasPrefix(got, line) {
			n++
		}
	}
	return n
}

// TestShippedLogs has logs go to Loki and into a file, while Loki is away and the daemon is killed.
func TestShippedLogs(t *testing.T) {
	t.Parallel()
	l := &loki{}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "apps.log")
	s := kit.Start(t, fmt.Sprintf("%slogs:\n  ship:\n    - {name: loki, to: loki, url: %q}\n    - {name: file, to: file, path: %s, what: [application], services: [shipped]}\n", quick, server.URL, file))
	s.PushMimic("mimic:v1", "v1")
	service := s.Run(s.Input("shipped", "mimic:v1"))
	other := s.Run(s.Input("other", "mimic:v1"))
	say := func(text string) {
		t.Helper()
		if code, body := s.Get(service, "/say?text="+url.QueryEscape(text)); code != 200 {
			t.Fatalf("/say answers %d %s", code, body)
		}
	}
	arrives := func(line string) {
		t.Helper()
		s.Eventually(line, 30*time.Second, func() error {
			if l.count(line) == 0 {
				return kit.Errorf("it has not arrived")
			}
			return nil
		})
	}
	say("one")
	for _, line := range []string{
		"shipped application: mimic starts", "shipped application: one", "shipped events: Service status is set to RUNNING.",
		"shipped deployment: [AppRunner] ", "other application: mimic starts",
	} {
		arrives(line)
	}
	l.set(true)
	say("two")
	time.Sleep(2 * time.Second) // it is tried
	s.Kill()
	s.Start()
	l.set(false)
	say("three")
	arrives("shipped application: two")
	arrives("shipped application: three")
	s.Delete(*other.ServiceArn)
	arrives("other events: Service deletion completed successfully.")
	s.Stop()
	for _, line := range []string{"one", "two", "three"} {
		if n := l.count("shipped application: " + line); n != 1 && (line != "one" || n > 2) {
			t.Errorf("%q arrived %d times", line, n)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"text":"one"`, `"text":"two"`, `"text":"three"`} {
		if strings.Count(string(data), want) < 1 {
			t.Errorf("%s is not in the file:\n%s", want, data)
		}
	}
	if strings.Contains(string(data), `"other"`) || strings.Contains(string(data), `"events"`) {
		t.Errorf("the file has what it is not to have:\n%s", data)
	}
}
