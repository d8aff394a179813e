package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Events knows what happened to services.
type Events interface {
	// Events returns events after a sequence number and since a time, oldest first, at most limit. An
	// empty service id stands for all services.
	Events(ctx context.Context, serviceID string, after int64, since time.Time, limit int) ([]apprunner.Delivery, error)
	// More returns a channel that is closed when there are other events than now.
	More() <-chan struct{}
}

// Happening is one event, as it is told.
type Happening struct {
	Sequence int64           `json:"sequence"`         // to go on after
	Event    json.RawMessage `json:"event"`            // as EventBridge has it
	Reason   string          `json:"reason,omitempty"` // why an operation failed
}

// eventPage is how many events are read at a time.
const eventPage = 200

// events streams what happened, as JSON, one event a line.
func (a *API) events(c call) error {
	query := c.r.URL.Query()
	var serviceID string
	if c.r.PathValue("name") != "" {
		s, err := a.find(c, "GetEvents")
		if err != nil {
			return err
		}
		serviceID = s.ID
	} else if err := a.may(c, "GetEvents", "*"); err != nil {
		return err
	}
	since, after, err := from(query.Get("since"), query.Get("after"))
	if err != nil {
		return err
	}
	follow := query.Get("follow") != ""
	out := http.NewResponseController(c.w)
	c.w.Header().Set("Content-Type", "application/x-ndjson")
	if follow {
		_ = out.Flush() // so that a follower of nothing sees that it is connected
	}
	for {
		more := a.Events.More()
		read, err := a.writeEvents(c, serviceID, &after, since)
		switch {
		case err != nil && follow:
			return nil // the answer has begun: that it breaks off tells
		case err != nil:
			return err
		case read == eventPage:
			continue
		case !follow:
			return nil
		}
		_ = out.Flush()
		select {
		case <-more:
		case <-c.r.Context().Done():
			return nil
		}
	}
}

// from reads where to begin.
func from(since, after string) (at time.Time, sequence int64, err error) {
	if since != "" {
		if at, err = time.Parse(time.RFC3339Nano, since); err != nil {
			return at, 0, apprunner.Errorf(apprunner.InvalidRequest, "since=%q is not a time such as 2026-01-31T12:00:00Z.", since)
		}
	}
	if after != "" {
		if sequence, err = strconv.ParseInt(after, 10, 64); err != nil {
			return at, 0, apprunner.Errorf(apprunner.InvalidRequest, "after=%q is not the number of an event.", after)
		}
	}
	return at, sequence, nil
}

// writeEvents writes the next page of events of the caller's Region, and tells how many it read.
func (a *API) writeEvents(c call, serviceID string, after *int64, since time.Time) (int, error) {
	page, err := a.Events.Events(c.r.Context(), serviceID, *after, since, eventPage)
	if err != nil {
		return 0, err
	}
	encoder := json.NewEncoder(c.w)
	for _, d := range page {
		*after = d.Sequence
		if arn, err := apprunner.ParseARN(d.Event.ServiceARN); err != nil || arn.Region != c.here.Region {
			continue
		}
		event, err := d.Event.EventBridge()
		if err != nil {
			return 0, err
		}
		if err := encoder.Encode(Happening{d.Sequence, event, d.Event.Reason}); err != nil {
			return 0, err // the reader has left
		}
	}
	return len(page), nil
}
