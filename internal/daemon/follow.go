package daemon

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/source/remote"
)

// followEvery is how often a deployment that somebody watches is looked at.
const followEvery = 100 * time.Millisecond

// beginTime is how long the deployment of a push may take to begin when no other operation is under way.
const beginTime = 10 * time.Second

// follow tells what becomes of a push, until that is known or the client has left.
func (p pushes) follow(ctx context.Context, s apprunner.Service, push remote.Push, since time.Time, tell func(string)) {
	o, ok := p.begun(ctx, s, push, since, tell)
	if !ok {
		return
	}
	o = p.stream(ctx, s, o, tell)
	s, err := p.d.store.Service(ctx, s.ID)
	switch {
	case err != nil || !o.Status.Ended():
	case o.Status == apprunner.OperationSucceeded && s.Spec.Network.Private:
		tell(fmt.Sprintf("Service %s is %s.", s.Name, s.Status))
	case o.Status == apprunner.OperationSucceeded:
		tell(fmt.Sprintf("Service %s is %s at %s://%s", s.Name, s.Status, p.d.scheme(), p.d.url(s)))
	default:
		tell(fmt.Sprintf("%s: %s. Service %s is %s.\n%s", o.Type, o.Status, s.Name, s.Status, o.Reason))
	}
}

// begun waits for the operation that deploys a push.
func (p pushes) begun(ctx context.Context, s apprunner.Service, push remote.Push, since time.Time, tell func(string)) (apprunner.Operation, bool) {
	waiting := sync.OnceFunc(func() {
		tell(fmt.Sprintf("Another operation of service %s is under way: this commit is deployed after it.", s.Name))
	})
	for idle := since; ctx.Err() == nil; time.Sleep(followEvery) {
		operations, err := p.d.store.Operations(ctx, s.ID)
		if err != nil {
			return apprunner.Operation{}, false
		}
		if o, ok := p.deploys(ctx, operations, push, since); ok {
			return o, true
		}
		if len(operations) > 0 && !operations[0].Status.Ended() {
			idle = time.Now()
			if operations[0].StartedAt.Before(since) {
				waiting()
			}
		}
		if time.Since(idle) > beginTime {
			tell(fmt.Sprintf("Nothing was deployed: service %s has this source already, or a newer one. See \"slipway operations %s\".", s.Name, s.Name))
			return apprunner.Operation{}, false
		}
	}
	return apprunner.Operation{}, false
}

// deploys finds the operation that deploys a push. One whose commit is not known yet may be it.
func (p pushes) deploys(ctx context.Context, operations []apprunner.Operation, push remote.Push, since time.Time) (apprunner.Operation, bool) {
	for _, o := range operations {
		if !o.Type.Deploys() || o.Rollback || o.StartedAt.Before(since) || o.RevisionID == "" && !o.Status.Ended() {
			continue
		}
		r, err := p.d.store.Revision(ctx, o.RevisionID)
		if (err == nil && r.Commit != nil && r.Commit.ID == push.Commit) || (err != nil && push.Create) {
			return o, true
		}
	}
	return apprunner.Operation{}, false
}

// stream tells the deployment log of an operation until that ends, and returns how.
func (p pushes) stream(ctx context.Context, s apprunner.Service, o apprunner.Operation, tell func(string)) apprunner.Operation {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	var lines sync.WaitGroup
	lines.Go(func() {
		for line, err := range (reader(p)).Read(reading, s, "deployment/"+o.ID, time.Time{}, true) {
			if err != nil {
				return
			}
			tell(line.Text)
		}
	})
	for ctx.Err() == nil && !o.Status.Ended() {
		time.Sleep(followEvery)
		all, err := p.d.store.Operations(ctx, s.ID)
		if err != nil {
			break
		}
		for _, found := range all {
			if found.ID == o.ID {
				o = found
			}
		}
	}
	time.Sleep(followEvery) // for the last lines
	stop()
	lines.Wait()
	return o
}
