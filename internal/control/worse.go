package control

import (
	"context"
	"fmt"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// triggerWorse is the trigger of a deployment that Slipway began because the one before did worse.
const triggerWorse = "AUTOMATIC_ROLLBACK"

// RollBackWorse brings back the revision that served before one that does worse, for a reason. It does
// nothing, and returns no operation, when that revision was not brought out by the newest operation of the
// service, or somebody brought it back by hand: then it is what the owner wants.
func (c *Control) RollBackWorse(ctx context.Context, here apprunner.Place, service apprunner.Service, revisionID, previousID, reason string) (apprunner.Operation, error) {
	operations, err := c.Store.Operations(ctx, service.ID)
	if err != nil || len(operations) == 0 || !broughtOut(operations[0], revisionID) {
		return apprunner.Operation{}, err
	}
	revisions, err := c.Store.Revisions(ctx, service.ID)
	if err != nil {
		return apprunner.Operation{}, err
	}
	worse, previous := find(revisions, revisionID), find(revisions, previousID)
	if worse == nil || previous == nil {
		return apprunner.Operation{}, nil
	}
	_, o, err := c.change(ctx, here, service.ARN, func(s apprunner.Service, _ apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		if s.RevisionID != revisionID || s.Status != apprunner.ServiceRunning {
			return s, apprunner.Operation{}, nil // somebody was faster
		}
		s, o, err := apprunner.BeginRollback(s, *previous, apprunner.NewID(), c.Now())
		o.Trigger = triggerWorse
		o.Reason = fmt.Sprintf("Revision %d is rolled back to revision %d. %s", worse.Number, previous.Number, reason)
		return s, o, err
	})
	return o, err
}

// broughtOut reports whether an operation has made a new revision serve, which is no older one.
func broughtOut(o apprunner.Operation, revisionID string) bool {
	return o.Status == apprunner.OperationSucceeded && o.Type.Deploys() && !o.Rollback && o.RevisionID == revisionID
}

func find(revisions []apprunner.Revision, id string) *apprunner.Revision {
	for i := range revisions {
		if revisions[i].ID == id {
			return &revisions[i]
		}
	}
	return nil
}
