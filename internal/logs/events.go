package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// What one page has at most, as in CloudWatch Logs.
const (
	MaxEvents    = 10_000
	maxPageBytes = 1 << 20
	eventBytes   = 26 // that each event counts beside its text
)

// ErrToken is a token that no page gave.
var ErrToken = errors.New("the token is not one that a page of this request has given")

// Query asks for events of one stream.
type Query struct {
	Group, Stream string
	From, To      time.Time
	Limit         int  // at most MaxEvents
	FromHead      bool // the oldest first page; only without a token
	Token         string
}

// Page is a page of a stream, oldest event first. At the end of the stream, in either direction, a token
// leads to itself.
type Page struct {
	Events            []Event
	Forward, Backward string
}

// cursor is the place in a stream that a token stands for. Its position is that of an event, which the
// page had; before says that the page began there.
type cursor struct {
	time     int64
	position uint64
}

func (c cursor) token(direction byte) string {
	return fmt.Sprintf("%c/%020d%020d/s", direction, c.time, c.position)
}

func parseToken(token string) (direction byte, c cursor, err error) {
	if _, err := fmt.Sscanf(token, "%c/%20d%20d/s", &direction, &c.time, &c.position); err != nil || c.token(direction) != token || direction != 'f' && direction != 'b' {
		return 0, c, ErrToken
	}
	return direction, c, nil
}

// Events returns a page of a stream. Errors: ErrToken, those of the archive.
func Events(ctx context.Context, a Archive, q Query) (Page, error) {
	r := Range{From: q.From, To: q.To, Newest: !q.FromHead}
	var start cursor
	if q.Token != "" {
		direction, c, err := parseToken(q.Token)
		if err != nil {
			return Page{}, err
		}
		start, r.Newest = c, direction == 'b'
		at := time.UnixMilli(c.time)
		if !r.Newest && at.After(r.From) {
			r.From = at
		}
		if end := at.Add(time.Millisecond); r.Newest && (r.To.IsZero() || end.Before(r.To)) {
			r.To = end
		}
	}
	if !r.From.IsZero() && !r.To.IsZero() && !r.From.Before(r.To) {
		return pageOf(nil, start, q), nil
	}
	var events []Event
	bytes := 0
	err := a.Scan(ctx, q.Group, q.Stream, r, func(e Event) bool {
		if q.Token != "" && beyond(e, start, r.Newest) {
			return true
		}
		if bytes += len(e.Text) + eventBytes; len(events) > 0 && bytes > maxPageBytes {
			return false
		}
		events = append(events, e)
		return len(events) < q.Limit
	})
	if r.Newest {
		slices.Reverse(events)
	}
	return pageOf(events, start, q), err
}

// beyond reports whether an event was in the page that the token is from, or on its other side.
func beyond(e Event, start cursor, newest bool) bool {
	if e.Time.UnixMilli() != start.time {
		return false
	}
	if newest {
		return e.Position >= start.position
	}
	return e.Position <= start.position
}

// pageOf makes the tokens of a page. One without events stays where its token was; without a token it
// stands where new events come to.
func pageOf(events []Event, start cursor, q Query) Page {
	first, last := start, start
	switch {
	case len(events) > 0:
		e := events[0]
		first = cursor{e.Time.UnixMilli(), e.Position}
		e = events[len(events)-1]
		last = cursor{e.Time.UnixMilli(), e.Position}
	case q.Token == "" && !q.From.IsZero():
		first, last = cursor{q.From.UnixMilli() - 1, 0}, cursor{q.From.UnixMilli() - 1, 0}
	}
	return Page{Events: events, Forward: last.token('f'), Backward: first.token('b')}
}
