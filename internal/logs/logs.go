// Package logs reads log groups page by page, as CloudWatch Logs does: the events of a stream in either
// direction, and events that match a pattern over all streams of a group.
//
// Where events are kept is another's business: an Archive scans its streams. Pages need no memory: a
// token says where the page ended, and events keep their place.
package logs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"
)

// ErrNotFound tells that there is no such log group or stream.
var ErrNotFound = errors.New("no such log group or stream")

// Event is one entry of a log stream.
type Event struct {
	Time     time.Time // to the millisecond
	Stream   string
	Text     string
	Position uint64 // grows from event to event of a stream, and never changes
}

// ID is the same whenever the event is read, and no other event of the group has it.
func (e Event) ID() string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(e.Stream))
	return fmt.Sprintf("%016d%020d%020d", e.Time.UnixMilli(), h.Sum64(), e.Position)
}

// place is where an event is in the order of a group: by time, then by stream.
type place struct {
	Time     int64 // milliseconds since 1970
	Stream   string
	Position uint64
}

func (e Event) place() place { return place{e.Time.UnixMilli(), e.Stream, e.Position} }

func (p place) compare(other place) int {
	return cmp.Or(cmp.Compare(p.Time, other.Time), cmp.Compare(p.Stream, other.Stream), cmp.Compare(p.Position, other.Position))
}

// Range says which events of a stream to scan.
type Range struct {
	From, To time.Time // written in [From, To); zero for no bound
	Contains string    // with this in their text; "" for all
	Newest   bool      // the newest first
}

// Part is a stretch of a stream.
type Part struct {
	First, Last time.Time // when its first and about its last event were written
	Bytes       int64
}

// Stream is a log stream.
type Stream struct {
	Name    string
	Created time.Time
	Parts   []Part // oldest first; none when nothing was written yet
}

// First is when the first event was written; zero when there is none.
func (s Stream) First() (t time.Time) {
	if len(s.Parts) > 0 {
		t = s.Parts[0].First
	}
	return t
}

// Last is about when the last event was written; zero when there is none.
func (s Stream) Last() (t time.Time) {
	if len(s.Parts) > 0 {
		t = s.Parts[len(s.Parts)-1].Last
	}
	return t
}

// Bytes is how much there is of the stream.
func (s Stream) Bytes() (n int64) {
	for _, p := range s.Parts {
		n += p.Bytes
	}
	return n
}

// Archive keeps log groups.
type Archive interface {
	// Describe returns the streams of a group by name.
	Describe(ctx context.Context, group string) ([]Stream, error)
	// Scan visits events of a stream until visit returns false. A stream that is not there has none.
	Scan(ctx context.Context, group, stream string, r Range, visit func(Event) bool) error
}
