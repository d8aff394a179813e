package admin

import (
	"fmt"
	"net/http"
	"time"
)

// Changes tells when anything of what is stored has changed.
type Changes interface {
	// Changed returns a channel that is closed at the next change.
	Changed() <-chan struct{}
}

const (
	watchPause = 250 * time.Millisecond // between two events at least
	watchPing  = 15 * time.Second       // so that both sides notice a connection that broke
)

// watch streams an event whenever something may have changed, until the client leaves. It does not say
// what: whoever wants to know asks, with the rights of its key. So every key may watch.
func (a *API) watch(c call) error {
	out := http.NewResponseController(c.w)
	eventStream(c.w)
	for {
		changed := a.Changes.Changed()
		if _, err := fmt.Fprint(c.w, "data: {}\n\n"); err != nil || out.Flush() != nil {
			return nil
		}
		if !pause(c.r, watchPause) {
			return nil
		}
		for waiting := true; waiting; {
			select {
			case <-c.r.Context().Done():
				return nil
			case <-changed:
				waiting = false
			case <-time.After(watchPing):
				if _, err := fmt.Fprint(c.w, ": still here\n\n"); err != nil || out.Flush() != nil {
					return nil
				}
			}
		}
	}
}

// pause waits, and reports false when the client left meanwhile.
func pause(r *http.Request, d time.Duration) bool {
	select {
	case <-r.Context().Done():
		return false
	case <-time.After(d):
		return true
	}
}

// eventStream makes an answer a stream of server-sent events.
func eventStream(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
}
