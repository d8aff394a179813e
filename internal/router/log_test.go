package router

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/router/accesslog"
)

// lines is a Sink that keeps them in memory.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Keep(_, _ string, more []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Write(more)
	return nil
}

// logged returns the lines once there are n.
func (l *lines) logged(t *testing.T, n int) (all []map[string]any) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d requests are logged", n), func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return bytes.Count(l.all.Bytes(), []byte{'\n'}) >= n
	})
	for line := range bytes.Lines(l.all.Bytes()) {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, fields)
	}
	return all
}

func loggedFixture(t *testing.T, o Options, route Route) (*fixture, *lines) {
	t.Helper()
	kept := &lines{}
	log := accesslog.New(kept, accesslog.Options{Delay: time.Millisecond})
	t.Cleanup(func() { _ = log.Close() })
	o.Access = log
	return newFixture(t, o, route), kept
}

func TestRequestsAreLogged(t *testing.T) {
	f, kept := loggedFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	})
	for _, size := range []int{0, 10, 1 << 20} {
		req := f.request(t.Context(), http.MethodPost, "/path?secret", strings.NewReader(strings.Repeat("x", size)))
		req.Header.Set("User-Agent", "tester")
		req.Header.Set(headerRequestID, "mine")
		req.Header.Set(headerTraceParent, aParent)
		f.do(req)
	}
	for i, got := range kept.logged(t, 3) {
		size := float64([]int{0, 10, 1 << 20}[i])
		for name, want := range map[string]any{
			"service": "hello", "method": "POST", "host": testHost, "path": "/path", "scheme": "http", "protocol": "HTTP/1.1", "status": 200.0,
			"bytes": size, "bytes_in": size, "instance": "a", "client_ip": "127.0.0.1", "user_agent": "tester",
			"request_id": "mine", "trace_id": aTrace, "query": nil, "failure": nil, "share": nil,
		} {
			if got[name] != want {
				t.Errorf("%v bytes: %s is %v, want %v", size, name, got[name], want)
			}
		}
		if got["duration_ms"].(float64) <= 0 || got["app_ms"].(float64) <= 0 || got["app_ms"].(float64) > got["duration_ms"].(float64) {
			t.Errorf("%v bytes: it took %v ms, %v of it until it was answered", size, got["duration_ms"], got["app_ms"])
		}
	}
}

func TestFailuresAreLoggedWithTheirReason(t *testing.T) {
	f, kept := loggedFixture(t, Options{QueueWait: 20 * time.Millisecond}, Route{State: Serving})
	f.get("/") // there is no instance
	arrived := make(chan struct{})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/part" {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "part")
			return
		}
		close(arrived)
		<-r.Context().Done()
	})
	if res, err := f.server.Client().Do(f.request(t.Context(), http.MethodPost, "/part", nil)); err == nil {
		_, _ = io.ReadAll(res.Body)
		res.Body.Close()
	}
	eventually(t, "the second request ends", func() bool { return f.stats().Service.Requests == 2 })
	ctx, leave := context.WithCancel(t.Context())
	go func() { <-arrived; leave() }()
	_, _ = f.server.Client().Do(f.request(ctx, http.MethodGet, "/left", nil))

	got := kept.logged(t, 3)
	for i, want := range []struct {
		status  float64
		failure string
	}{{503, "no instance became ready"}, {200, "EOF"}, {499, ""}} {
		failure, _ := got[i]["failure"].(string)
		if got[i]["status"] != want.status || !strings.Contains(failure, want.failure) {
			t.Errorf("request %d: %v", i, got[i])
		}
	}
	if queued := got[0]["queue_ms"].(float64); queued < 20 {
		t.Errorf("waited %v ms in the queue, want 20", queued)
	}
}

func TestWebSocketsAreLoggedWhenTheyEnd(t *testing.T) {
	onlyServer(t) // net/http does not tell what goes over an upgraded connection
	f, kept := loggedFixture(t, Options{}, Route{State: Serving})
	f.backend("a", echoUpgrade)
	conn, in := f.upgrade()
	fmt.Fprint(conn, "hello\n")
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	got := kept.logged(t, 1)[0]
	if got["status"] != 101.0 || got["bytes"] != 6.0 || got["bytes_in"] != 6.0 {
		t.Errorf("got %v", got)
	}
}
