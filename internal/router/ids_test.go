package router

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

const (
	aTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	aParent = "00-" + aTrace + "-00f067aa0ba902b7-00"
)

func TestTraceParents(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		aParent:                       true,
		"01" + aParent[2:]:            true,
		"01" + aParent[2:] + "-later": true, // a version that is not known yet may have more
		"01" + aParent[2:] + "later":  false,
		aParent + "-later":            false, // 00 has no more
		"ff" + aParent[2:]:            false,
		strings.ToUpper(aParent):      false,
		aParent[:54]:                  false,
		"":                            false,
		"00-" + strings.Repeat("0", 32) + aParent[35:]:            false,
		aParent[:36] + strings.Repeat("0", 16) + "-01":            false,
		"00-" + strings.Repeat("g", 32) + aParent[35:]:            false,
		strings.Replace(aParent, "-", "_", 1):                     false,
		aParent[:53] + "x1":                                       false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7-00": false,
	} {
		if got := isTraceParent([]byte(value)); got != want {
			t.Errorf("%q is one: %v, want %v", value, got, want)
		}
	}
}

var (
	idForm     = regexp.MustCompile(`^[0-9a-f]{32}$`)
	parentForm = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`)
)

// TestIDsOfARequest is about what the instance is told, and the client.
func TestIDsOfARequest(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	seen := make(chan http.Header, 1)
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header
		if own := r.Header.Get("Own-Id"); own != "" {
			w.Header().Set(headerRequestID, own)
		}
	})
	for name, tc := range map[string]struct {
		sent          http.Header
		id, parent    string // "" for one that is made
		state, answer string
	}{
		"none":                  {},
		"a client's":            {sent: http.Header{headerRequestID: {"client-1/a=b"}, "Traceparent": {aParent}, "Tracestate": {"a=b"}}, id: "client-1/a=b", parent: aParent, state: "a=b"},
		"unfit for a log":       {sent: http.Header{headerRequestID: {`"a`}, "Traceparent": {"00-0-0-00"}, "Tracestate": {"a=b"}}},
		"too long":              {sent: http.Header{headerRequestID: {strings.Repeat("a", longestID+1)}}},
		"two":                   {sent: http.Header{headerRequestID: {"a", "b"}, "Traceparent": {aParent, aParent}}},
		"named by Connection":   {sent: http.Header{headerRequestID: {"a"}, "Connection": {"X-Request-Id"}}, id: "a"},
		"the application's own": {sent: http.Header{headerRequestID: {"client-1"}, "Own-Id": {"its-own"}}, id: "client-1", answer: "its-own"},
	} {
		t.Run(name, func(t *testing.T) {
			req := f.request(t.Context(), http.MethodGet, "/", nil)
			for name, values := range tc.sent {
				req.Header[name] = values
			}
			res, _ := f.do(req)
			got := <-seen
			id, parent := got.Get(headerRequestID), got.Get(headerTraceParent)
			if tc.id == "" && !idForm.MatchString(id) || tc.id != "" && id != tc.id || len(got[headerRequestID]) != 1 {
				t.Errorf("request id %q, want %q", got[headerRequestID], tc.id)
			}
			if tc.parent == "" && !parentForm.MatchString(parent) || tc.parent != "" && parent != tc.parent || len(got[headerTraceParent]) != 1 {
				t.Errorf("traceparent %q, want %q", got[headerTraceParent], tc.parent)
			}
			if got.Get(headerTraceState) != tc.state {
				t.Errorf("tracestate %q, want %q", got.Get(headerTraceState), tc.state)
			}
			if tc.answer == "" {
				tc.answer = id
			}
			if answered := res.Header[headerRequestID]; len(answered) != 1 || answered[0] != tc.answer {
				t.Errorf("answered with the id %q, want %q", answered, tc.answer)
			}
		})
	}
}

func TestIDsAreNotUsedTwice(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		var d ids
		d.take(nil, nil)
		for _, id := range []string{string(d.request), string(d.trace()), string(d.parent[36:52])} {
			if seen[id] || isZero([]byte(id)) {
				t.Fatalf("%q comes again, or is nothing", id)
			}
			seen[id] = true
		}
	}
}

// Pages, too, say which request they answer.
func TestPagesHaveARequestID(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Paused})
	res, _ := f.get("/")
	if res.StatusCode != http.StatusServiceUnavailable || !idForm.MatchString(res.Header.Get(headerRequestID)) || res.Header.Get(headerTiming) == "" {
		t.Errorf("got %d with %v", res.StatusCode, res.Header)
	}
}
