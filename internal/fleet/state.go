package fleet

import (
	"slices"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// State is what an instance does at present.
type State string

// The states of an instance.
const (
	StatePrepared  State = "PREPARED"  // a spare: needs only to be started
	StateStarting  State = "STARTING"  // has not been healthy yet
	StateActive    State = "ACTIVE"    // takes requests with all its CPU
	StateThrottled State = "THROTTLED" // waits for a request with next to no CPU
	StateFrozen    State = "FROZEN"    // waits for a request and stands still
	StateEnding    State = "ENDING"    // finishes its requests, or failed
)

// Instance is one instance of a service.
type Instance struct {
	ID         string
	RevisionID string
	State      State
	Since      time.Time // when it was made or, if it was a spare, used
}

// Instances lists the instances of a service, oldest first.
func (f *Fleet) Instances(serviceID string) []Instance {
	g := f.lookup(serviceID)
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []Instance
	for _, m := range g.members {
		all = append(all, Instance{ID: m.id, RevisionID: m.revision.ID, State: m.stateLocked(), Since: m.born})
	}
	slices.SortFunc(all, func(a, b Instance) int { return a.Since.Compare(b.Since) })
	return all
}

func (m *member) stateLocked() State {
	switch {
	case m.ending.Load():
		return StateEnding
	case m.spare:
		return StatePrepared
	case m.sleeps() == apprunner.IdleThrottle:
		return StateThrottled
	case m.sleeps() == apprunner.IdleFreeze:
		return StateFrozen
	case m.healthy.Load():
		return StateActive
	case m.served.Load():
		return StateEnding
	default:
		return StateStarting
	}
}
