package source

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// PollerConfig configures a Poller.
type PollerConfig[K comparable] struct {
	// Interval between two looks at one thing; a minute unless set.
	Interval time.Duration
	// Look looks at a thing, tells whoever wants to know when it is not as known, and returns what it is
	// now. Known is what the look before returned, "" at first. With an error it stays as it was.
	Look func(ctx context.Context, thing K, known string) (now string, err error)
	// Failed is told of the first of several failures in a row.
	Failed func(thing K, err error)
}

// Poller looks at things from time to time, for automatic deployments from sources that do not tell.
type Poller[K comparable] struct {
	cfg     PollerConfig[K]
	updates chan []K
	slots   chan struct{}
}

// NewPoller returns a poller that looks at nothing yet.
func NewPoller[K comparable](cfg PollerConfig[K]) *Poller[K] {
	if cfg.Interval <= 0 {
		cfg.Interval = defaultInterval
	}
	return &Poller[K]{cfg: cfg, updates: make(chan []K, 1), slots: make(chan struct{}, looks)}
}

// Set replaces what is looked at. What is there twice is looked at once.
func (p *Poller[K]) Set(things []K) {
	for {
		select {
		case p.updates <- things:
			return
		case <-p.updates: // an older set that Run has not taken yet
		}
	}
}

// Run looks until ctx ends.
func (p *Poller[K]) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(map[K]context.CancelFunc)
	for {
		select {
		case <-ctx.Done():
			return
		case things := <-p.updates:
			p.apply(ctx, &wg, watched, things)
		}
	}
}

func (p *Poller[K]) apply(ctx context.Context, wg *sync.WaitGroup, watched map[K]context.CancelFunc, things []K) {
	wanted := make(map[K]bool)
	for _, k := range things {
		wanted[k] = true
	}
	for k, stop := range watched {
		if !wanted[k] {
			stop()
			delete(watched, k)
		}
	}
	for k := range wanted {
		if _, ok := watched[k]; ok {
			continue
		}
		ctx, stop := context.WithCancel(ctx)
		watched[k] = stop
		wg.Go(func() { p.watch(ctx, k) })
	}
}

// watch looks at one thing until ctx ends.
func (p *Poller[K]) watch(ctx context.Context, k K) {
	var known string
	failures := 0
	// The first look comes at a random time, so that a restart does not ask for all at once.
	for wait := rand.N(p.cfg.Interval); ; wait = delay(p.cfg.Interval, failures) {
		if !sleep(ctx, wait) {
			return
		}
		now, err := p.look(ctx, k, known)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			known, failures = now, 0
		case failures == 0:
			p.cfg.Failed(k, err)
			failures++
		default:
			failures++
		}
	}
}

func (p *Poller[K]) look(ctx context.Context, k K, known string) (string, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return p.cfg.Look(ctx, k, known)
}

// delay doubles with each failure in a row, and differs by up to a tenth either way.
func delay(interval time.Duration, failures int) time.Duration {
	d := interval << min(failures, 10)
	d = max(min(d, maxInterval), interval)
	return d - d/10 + rand.N(d/5+1)
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
