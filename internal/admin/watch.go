package admin

import (
	"context"
	"fmt"
	"iter"
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
	for changed := range Beats(c.r.Context(), a.Changes) {
		text := ": still here\n\n"
		if changed {
			text = "data: {}\n\n"
		}
		if _, err := fmt.Fprint(c.w, text); err != nil || out.Flush() != nil {
			return nil // the reader has left
		}
	}
	return nil
}

// Beats yields true at once and after changes, and false when there was none for a while, until ctx ends.
func Beats(ctx context.Context, changes Changes) iter.Seq[bool] {
	return func(yield func(bool) bool) {
		changed := changes.Changed() // asked for before the reader looks
		for beat := true; yield(beat); {
			select {
			case <-time.After(watchPause):
			case <-ctx.Done():
				return
			}
			select {
			case <-changed:
				beat, changed = true, changes.Changed()
			case <-time.After(watchPing):
				beat = false
			case <-ctx.Done():
				return
			}
		}
	}
}

// eventStream makes an answer a stream of server-sent events.
func eventStream(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
}
