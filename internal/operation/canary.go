package operation

import (
	"context"
	"time"
)

// canary sends the new revision its share of the traffic until the time is over. One that does worse than
// the revision before fails the operation. A daemon that goes on with the step compares what it sees
// itself.
func (j *job) canary(ctx context.Context) error {
	revision, err := j.Store.Revision(ctx, j.operation.RevisionID)
	if err != nil {
		return err
	}
	if err := j.launch(ctx, revision); err != nil {
		return err
	}
	percent, until := j.operation.Canary.Percent, j.operation.CanaryUntil
	j.event("Sending %d %% of requests to revision %d until %s.", percent, revision.Number, until.UTC().Format(time.TimeOnly+" MST"))
	verdict, err := j.Fleet.Try(ctx, j.service, revision, percent, until)
	if err != nil {
		return err
	}
	j.event("Revision %d takes over from its canary. %s", revision.Number, verdict)
	return j.advance(ctx, nil)
}
