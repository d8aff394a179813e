package notify

import (
	"context"
	"log/slog"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Store keeps what is still to be delivered.
type Store interface {
	// Due returns what may be delivered to a target now, at most one event of each service, and when the
	// next attempt is due that is not now: zero when there is none.
	Due(ctx context.Context, target string, now time.Time, limit int) (due []apprunner.Delivery, next time.Time, err error)
	Delivered(ctx context.Context, target string, d apprunner.Delivery) error
	Postpone(ctx context.Context, target string, d apprunner.Delivery, due time.Time) error
}

// Sender delivers one event. Its errors tell no secret.
type Sender interface {
	Send(ctx context.Context, e apprunner.Event) error
}

// Target is somebody who is told of events.
type Target struct {
	Name         string
	Services     []string // names, with "*" for any characters; empty for all
	Operations   bool     // of operations alone, and not each status
	FailuresOnly bool
	Sender       Sender
}

func (t Target) wants(e apprunner.Event) bool {
	if (t.Operations && e.Operation == "") || (t.FailuresOnly && !e.Failed) {
		return false
	}
	return len(t.Services) == 0 || slices.ContainsFunc(t.Services, func(pattern string) bool {
		ok, _ := path.Match(pattern, e.ServiceName)
		return ok
	})
}

// Courier delivers events to targets.
type Courier struct {
	targets []Target
	store   Store
	log     *slog.Logger
	wake    []chan struct{} // of each target
}

// NewCourier makes a courier for targets whose names differ.
func NewCourier(targets []Target, store Store, log *slog.Logger) *Courier {
	c := &Courier{targets: targets, store: store, log: log}
	for range targets {
		c.wake = append(c.wake, make(chan struct{}, 1))
	}
	return c
}

// Targets returns the names of those who want an event.
func (c *Courier) Targets(e apprunner.Event) (names []string) {
	for _, t := range c.targets {
		if t.wants(e) {
			names = append(names, t.Name)
		}
	}
	return names
}

// Names returns the names of all targets.
func (c *Courier) Names() (names []string) {
	for _, t := range c.targets {
		names = append(names, t.Name)
	}
	return names
}

// Wake tells that there are new events.
func (c *Courier) Wake() {
	for _, wake := range c.wake {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// Run delivers until ctx ends. It returns when nothing is being sent.
func (c *Courier) Run(ctx context.Context) {
	var work sync.WaitGroup
	for i, t := range c.targets {
		work.Go(func() { c.serve(ctx, t, c.wake[i]) })
	}
	work.Wait()
}

const (
	atOnce      = 8                // services whose events are sent to a target at a time
	sendTime    = 15 * time.Second // for one attempt
	lastTime    = time.Second      // for those under way at the end
	storePause  = 5 * time.Second  // after the store failed
	longestWait = 5 * time.Minute  // between attempts
)

// serve delivers to one target until ctx ends.
func (c *Courier) serve(ctx context.Context, t Target, wake <-chan struct{}) {
	for ctx.Err() == nil {
		due, next, err := c.store.Due(ctx, t.Name, time.Now(), atOnce)
		if err != nil {
			c.failed(ctx, "what is to be delivered was not read", t, err)
			next = time.Now().Add(storePause)
		}
		if len(due) == 0 {
			rest(ctx, wake, next)
			continue
		}
		var sending sync.WaitGroup
		for _, d := range due {
			sending.Go(func() { c.deliver(ctx, t, d) })
		}
		sending.Wait()
	}
}

// rest waits for ctx, for new events, and for the time of the next attempt unless that is zero.
func rest(ctx context.Context, wake <-chan struct{}, next time.Time) {
	var due <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-wake:
	case <-due:
	}
}

func (c *Courier) deliver(ctx context.Context, t Target, d apprunner.Delivery) {
	err := attempt(ctx, t.Sender, d.Event)
	if err == nil {
		err = c.store.Delivered(context.WithoutCancel(ctx), t.Name, d)
		if err == nil {
			return
		}
	}
	if ctx.Err() != nil {
		return // whether it arrived is not known: the next daemon sends it again
	}
	pause := pauseAfter(d.Attempts)
	c.log.Warn("an event was not delivered", "target", t.Name, "event", d.Event.ID, "service", d.Event.ServiceName, "attempt", d.Attempts+1, "next_in", pause, "error", err)
	if err := c.store.Postpone(ctx, t.Name, d, time.Now().Add(pause)); err != nil {
		c.failed(ctx, "a failed delivery was not noted", t, err)
		rest(ctx, nil, time.Now().Add(storePause)) // or it would be tried again at once
	}
}

// attempt sends an event. At the end of ctx it still waits a moment for the answer, so that what has arrived is
// not sent again.
func attempt(ctx context.Context, to Sender, e apprunner.Event) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastTime, cancel) })()
	return to.Send(limited, e)
}

// pauseAfter is how long to wait after a failure that so many came before.
func pauseAfter(attempts int) time.Duration {
	return min(time.Second<<min(attempts, 20), longestWait)
}

func (c *Courier) failed(ctx context.Context, what string, t Target, err error) {
	if ctx.Err() == nil {
		c.log.Error(what, "target", t.Name, "error", err)
	}
}
