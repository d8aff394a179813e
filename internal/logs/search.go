package logs

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Matcher decides which events are looked for: pattern.Pattern is one.
type Matcher interface {
	Match(text string) bool
	// Literal is a text that all that match contain; "" for none.
	Literal() string
}

// Search asks for events over the streams of a group.
type Search struct {
	Group    string
	Streams  []Stream // those to search
	From, To time.Time
	Pattern  Matcher
	Limit    int // at most MaxEvents
	Token    string
	// Patience is how long a page may take beyond the stretch that is searched when it is over. A page
	// that has not found enough by then says where to go on. 0 for DefaultPatience.
	Patience time.Duration
}

const (
	// DefaultPatience leaves room for the last stretch within a second.
	DefaultPatience = 400 * time.Millisecond
	// A stretch is what is searched at once; its events are sorted in memory. The first is of this many
	// bytes. Each that was quick is followed by a longer one, up to the longest, each slow one by a
	// shorter one.
	firstStretch, longestStretch = 8 << 20, 256 << 20
	quick, slow                  = 60 * time.Millisecond, 200 * time.Millisecond
	// slack is how much earlier than its last event a part may say that it ends: file systems do not
	// look at the clock with every write.
	slack = time.Second
)

// Found is a page of a search, in the order of time.
type Found struct {
	Events []Event
	Token  string // of the next page; "" when everything is searched
}

// Find returns a page of a search. It goes through the group's time in stretches of about as many bytes
// each, so that it has the first events when it has read a part only. Errors: ErrToken, those of the
// archive.
func Find(ctx context.Context, a Archive, s Search) (Found, error) {
	after, err := parsePlace(s.Token)
	if err != nil {
		return Found{}, err
	}
	if s.Patience == 0 {
		s.Patience = DefaultPatience
	}
	if at := time.UnixMilli(after.Time); s.Token != "" && at.After(s.From) {
		s.From = at
	}
	found, began, stretch := Found{}, time.Now(), float64(firstStretch)
	for from := s.From; ; {
		to, last := s.next(from, stretch)
		if last {
			to = s.To
		}
		scanning := time.Now()
		events, err := s.scan(ctx, a, from, to, after)
		if err != nil {
			return Found{}, err
		}
		stretch = resize(stretch, time.Since(scanning))
		found.Events = append(found.Events, events...)
		if n := s.fit(found.Events); n < len(found.Events) || n == s.Limit && !last {
			found.Events = found.Events[:n]
			found.Token = found.Events[n-1].place().token()
			return found, nil
		}
		if last {
			return found, nil
		}
		if from = to; time.Since(began) >= s.Patience {
			found.Token = place{Time: from.UnixMilli()}.token()
			return found, nil
		}
	}
}

// resize returns the size of the stretch that follows one that took so long.
func resize(stretch float64, took time.Duration) float64 {
	switch {
	case took < quick:
		return min(4*stretch, longestStretch)
	case took > slow:
		return max(stretch/2, firstStretch)
	default:
		return stretch
	}
}

// fit is how many of the events go into a page.
func (s *Search) fit(events []Event) int {
	bytes := 0
	for i, e := range events {
		if bytes += len(e.Text) + eventBytes; i > 0 && bytes > maxPageBytes || i == s.Limit {
			return i
		}
	}
	return len(events)
}

// next is where the stretch that begins at a time ends, and whether it is the last. How much there is of
// a part before a time is not known; it is taken to be written evenly.
func (s *Search) next(from time.Time, stretch float64) (to time.Time, last bool) {
	type change struct {
		at   int64   // milliseconds since 1970
		rate float64 // bytes for each, more or less from then on
	}
	var changes []change
	for _, stream := range s.Streams {
		for _, p := range stream.Parts {
			first, end := p.First.UnixMilli(), p.Last.Add(slack).UnixMilli()
			rate := float64(p.Bytes) / float64(max(1, end-first))
			if begin := max(first, from.UnixMilli()); begin < end && (s.To.IsZero() || begin < s.To.UnixMilli()) {
				changes = append(changes, change{begin, rate}, change{end, -rate})
			}
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	rate, total := 0.0, 0.0
	for i, c := range changes {
		if i > 0 {
			span := float64(c.at - changes[i-1].at)
			if total+rate*span > stretch {
				to = time.UnixMilli(changes[i-1].at + max(1, int64((stretch-total)/rate)))
				return to, !s.To.IsZero() && !to.Before(s.To)
			}
			total += rate * span
		}
		rate += c.rate
	}
	return s.To, true
}

// scan returns the events of a stretch that match, in order. No more are kept than a page can have.
func (s *Search) scan(ctx context.Context, a Archive, from, to time.Time, after place) ([]Event, error) {
	var mu sync.Mutex
	var all []Event
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, stream := range s.Streams {
		if stream.Last().Add(slack).Before(from) || !to.IsZero() && !stream.First().Before(to) {
			continue
		}
		group.Go(func() error {
			var events []Event
			err := a.Scan(ctx, s.Group, stream.Name, Range{From: from, To: to, Contains: s.Pattern.Literal()}, func(e Event) bool {
				if (s.Token == "" || e.place().compare(after) > 0) && s.Pattern.Match(e.Text) {
					events = append(events, e)
				}
				return len(events) <= s.Limit
			})
			mu.Lock()
			defer mu.Unlock()
			all = append(all, events...)
			return err
		})
	}
	err := group.Wait()
	slices.SortFunc(all, func(a, b Event) int { return a.place().compare(b.place()) })
	return all, err
}

// token of the page that begins after a place.
func (p place) token() string {
	text, _ := json.Marshal(p) // two numbers and a text
	return base64.RawURLEncoding.EncodeToString(text)
}

func parsePlace(token string) (p place, err error) {
	if token == "" {
		return p, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil || p.token() != token {
		return p, ErrToken
	}
	return p, nil
}
