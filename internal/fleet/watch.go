package fleet

import (
	"time"

	"github.com/slipway-run/slipway/internal/trial"
)

// watch is what a revision is held against in its first minutes.
type watch struct {
	previous string      // the revision before
	before   trial.Tally // what that answered in its last minutes
	newcomer
	until time.Time
}

// watchFor is how long a revision is watched from its first request on.
const watchFor = 5 * time.Minute

// followTrials compares revisions that are new with those before, until the fleet's context ends.
func (f *Fleet) followTrials() {
	tick := time.NewTicker(judgeEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-f.ctx.Done():
			return
		case <-tick.C:
		}
		for _, g := range f.all() {
			g.lookAfter(n%(int(markEvery/judgeEvery)) == 0)
		}
	}
}

// lookAfter judges a revision that is watched. Others are observed now and then, so that the next one
// has something to be held against.
func (g *group) lookAfter(due bool) {
	g.mu.Lock()
	watched := g.watch
	if watched != nil && time.Now().After(watched.until) {
		watched, g.watch = nil, nil
	}
	service, serving, canary := g.service, g.serving, g.canary
	g.mu.Unlock()
	if serving == nil || canary != nil || (watched == nil && !due) {
		return
	}
	bounds := g.observe()
	if watched == nil || g.fleet.opts.Worse == nil || g.fleet.opts.Asked(service).KeepFailing {
		return
	}
	g.mu.Lock()
	own := watched.answered(time.Now(), g.book.sums[serving.ID])
	g.mu.Unlock()
	if v := trial.Judge(watched.before, own, bounds); v.Worse {
		g.fleet.opts.Worse(service, serving.ID, watched.previous, v.Reason)
	}
}

// watchLocked begins to watch a revision that takes over from another.
func (g *group) watchLocked(revisionID string) {
	g.watch = nil
	if g.serving != nil && g.serving.ID != revisionID {
		now := time.Now()
		g.watch = &watch{
			previous: g.serving.ID, before: g.recentLocked(), until: now.Add(watchFor),
			newcomer: newcomer{since: now, start: g.book.sums[revisionID]},
		}
	}
	g.marks = []mark{{time.Now(), g.book.sums[revisionID]}}
}
