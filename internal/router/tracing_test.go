package router

import (
	"encoding/hex"
	"net/http"
	"testing"
	"time"
)

// TestRequestsAreSpans is about what is told of requests, and what the instance continues.
func TestRequestsAreSpans(t *testing.T) {
	told := make(chan *Span, 1)
	tracing := &Tracing{Share: 1, Span: func(s *Span) { told <- s }}
	f := newFixture(t, Options{Tracing: tracing}, Route{State: Serving})
	seen := make(chan string, 1)
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get(headerTraceParent)
		w.WriteHeader(http.StatusTeapot)
	})
	const span = "00f067aa0ba902b7"
	ask := func(parent string) (s *Span, passed string) {
		t.Helper()
		req := f.request(t.Context(), http.MethodGet, "/a/b?secret=1", nil)
		if parent != "" {
			req.Header.Set(headerTraceParent, parent)
		}
		f.do(req)
		select {
		case s = <-told:
		case <-time.After(100 * time.Millisecond): // it is told before the next request, if at all
		}
		return s, <-seen
	}
	of := func(passed string) (trace, parent string) { return passed[3:35], passed[36:52] }
	text := func(id []byte) string { return hex.EncodeToString(id) }

	s, passed := ask("")
	if s == nil {
		t.Fatal("a request without a trace is not told of")
	}
	trace, parent := of(passed)
	if text(s.Trace[:]) != trace || text(s.ID[:]) != parent || s.Parent != [8]byte{} {
		t.Errorf("told %+v, passed on %s", s, passed)
	}
	if s.ServiceID != "svc" || s.Service != "hello" || s.Instance != "a" || s.Method != "GET" || s.Path != "/a/b" || s.Host == "" || s.Status != http.StatusTeapot || !s.End.After(s.Begin) || len(s.RequestID) != madeID || s.App <= 0 {
		t.Errorf("told %+v", s)
	}
	s, passed = ask("00-" + aTrace + "-" + span + "-01")
	if s == nil {
		t.Fatal("a client's trace is not told of")
	}
	trace, parent = of(passed)
	if trace != aTrace || text(s.Trace[:]) != aTrace || text(s.Parent[:]) != span || text(s.ID[:]) != parent || parent == span || passed[52:] != "-01" {
		t.Errorf("told %+v, passed on %s", s, passed)
	}
	if s, passed = ask("01-" + aTrace + "-" + span + "-03-later"); s == nil || passed[:3] != "00-" || len(passed) != lengthOfParent || passed[52:] != "-03" {
		t.Errorf("of a later version: told %+v, passed on %q", s, passed)
	}
	if s, passed = ask(aParent); s != nil || passed != aParent {
		t.Errorf("of a trace that is not recorded: told %+v, passed on %s", s, passed)
	}
	tracing.Share = 0
	if s, _ = ask(""); s != nil {
		t.Errorf("of no share of requests: told %+v", s)
	}
}

func TestSampled(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]bool{"00": false, "01": true, "02": false, "03": true, "0a": false, "0b": true, "ff": true, "fe": false} {
		if got := isSampled([]byte(aParent[:53] + flags)); got != want {
			t.Errorf("%s: %v", flags, got)
		}
	}
}
