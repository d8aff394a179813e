package daemon

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/source/remote"
)

// apiDoor has requests answered by this daemon, or by the one that took over from it: a client may keep
// its connection to this process a little longer than this process has the store.
type apiDoor struct {
	own  http.Handler
	next http.Handler

	mu       sync.Mutex
	given    bool // what arrives from now on is for next
	unending bool // nothing may go on for ever any more
	calls    map[*call]struct{}
}

// call is a request that this daemon answers.
type call struct {
	http.ResponseWriter
	door   *apiDoor
	cancel context.CancelFunc
	push   bool // of source code
	moves  bool // a blob of the registry; once it is let in it needs files alone, and may take long
	stream bool // it answers bit by bit, so it may have no end, as that of a log that is followed
	ended  bool // by endStreams
}

func newAPIDoor(address string, own http.Handler) *apiDoor {
	target := &url.URL{Scheme: "http", Host: address}
	return &apiDoor{own: own, calls: map[*call]struct{}{}, next: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		FlushInterval: -1,
	}}
}

func (a *apiDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	c := &call{
		ResponseWriter: w, door: a, cancel: cancel,
		push:  strings.HasPrefix(r.URL.Path, remote.Prefix) && strings.HasSuffix(r.URL.Path, "/git-receive-pack"),
		moves: strings.HasPrefix(r.URL.Path, "/v2/") && strings.Contains(r.URL.Path, "/blobs/"),
	}
	if !a.enter(c) {
		w.Header().Set("Connection", "close")
		a.next.ServeHTTP(w, r)
		return
	}
	defer func() {
		if a.leave(c); c.ended {
			// With a proper end the client could ask again over this connection, and keep this process.
			panic(http.ErrAbortHandler)
		}
	}()
	a.own.ServeHTTP(c, r.WithContext(ctx))
}

func (a *apiDoor) enter(c *call) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.given {
		a.calls[c] = struct{}{}
	}
	return !a.given
}

func (a *apiDoor) leave(c *call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.calls, c)
}

// FlushError has http.ResponseController send what was written.
func (c *call) FlushError() error {
	c.door.mu.Lock()
	c.stream = true
	if c.door.unending {
		c.endLocked()
	}
	c.door.mu.Unlock()
	return http.NewResponseController(c.ResponseWriter).Flush()
}

// endLocked ends a call that may go on for ever.
func (c *call) endLocked() {
	if c.stream && !c.push && !c.moves {
		c.ended = true
		c.cancel()
	}
}

// Flush implements http.Flusher.
func (c *call) Flush() { _ = c.FlushError() }

// Unwrap is for http.ResponseController.
func (c *call) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// endStreams ends what may go on for ever.
func (a *apiDoor) endStreams() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unending = true
	for c := range a.calls {
		c.endLocked()
	}
}

// awaitPushes returns when no source code is being pushed, or ctx ends.
func (a *apiDoor) awaitPushes(ctx context.Context) {
	a.await(ctx, func(c *call) bool { return c.push })
}

// give passes what arrives from now on to the next daemon, and returns when nothing here needs the store
// any more. When ctx ends, what does is cut.
func (a *apiDoor) give(ctx context.Context) {
	a.mu.Lock()
	a.given = true
	a.mu.Unlock()
	a.endStreams()
	needsStore := func(c *call) bool { return !c.moves }
	if a.await(ctx, needsStore) {
		return
	}
	a.mu.Lock()
	for c := range a.calls {
		if needsStore(c) {
			c.cancel()
		}
	}
	a.mu.Unlock()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	a.await(last, needsStore)
}

// await returns true when there is no such call, or false when ctx ends before.
func (a *apiDoor) await(ctx context.Context, such func(*call) bool) bool {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		if !a.any(such) {
			return true
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
}

func (a *apiDoor) any(such func(*call) bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.calls {
		if such(c) {
			return true
		}
	}
	return false
}
