package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/trial"
)

// canary is a revision that has a share of the traffic, beside the one that serves.
type canary struct {
	revision apprunner.Revision
	percent  int
	before   trial.Tally // what the serving revision had answered when it began
	newcomer
}

// judgeEvery is how often a new revision is compared with the one before.
const judgeEvery = 2 * time.Second

// Try sends so many of a hundred requests to a revision that Deploy has started, until a time. It returns
// how the revision did, beside the one that serves. When it does worse, or loses an instance, that is a
// *Failure at once. The revision keeps its share until Serve, Discard or Stop.
func (f *Fleet) Try(ctx context.Context, service apprunner.Service, revision apprunner.Revision, percent int, until time.Time) (string, error) {
	g := f.group(service)
	g.share(revision, percent)
	tick := time.NewTicker(judgeEvery)
	defer tick.Stop()
	end := time.NewTimer(time.Until(until))
	defer end.Stop()
	for {
		over := false
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-f.ctx.Done():
			return "", f.ctx.Err()
		case <-tick.C:
		case <-end.C:
			over = true
		}
		verdict, err := g.judgeCanary()
		switch {
		case err != nil:
			return "", err
		case verdict.Worse && !f.opts.Asked(service).KeepFailing:
			return "", &Failure{Reason: verdict.Reason}
		case over:
			return verdict.Reason, nil
		}
	}
}

// share gives a revision its share of the traffic.
func (g *group) share(revision apprunner.Revision, percent int) {
	g.observe()
	g.mu.Lock()
	c := &canary{revision: revision, percent: percent, newcomer: newcomer{since: time.Now(), start: g.book.sums[revision.ID]}}
	if g.serving != nil {
		c.before = g.book.sums[g.serving.ID]
	}
	g.canary = c
	g.mu.Unlock()
	g.route()
}

// judgeCanary compares both revisions since the share was given.
func (g *group) judgeCanary() (trial.Verdict, error) {
	bounds := g.observe()
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.canary
	if c == nil || g.serving == nil {
		return trial.Verdict{}, fmt.Errorf("the service stopped serving during the canary")
	}
	for _, m := range g.ofLocked(c.revision.ID) {
		if m.lost != nil {
			return trial.Verdict{}, m.lost
		}
	}
	return trial.Judge(g.book.sums[g.serving.ID].Minus(c.before), c.answered(time.Now(), g.book.sums[c.revision.ID]), bounds), nil
}
