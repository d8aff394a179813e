package admin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Deployments deploys what App Runner's API cannot name: older revisions and single commits.
type Deployments interface {
	Revisions(ctx context.Context, here apprunner.Place, arn string) ([]apprunner.Revision, error)
	Rollback(ctx context.Context, here apprunner.Place, arn string, number int) (apprunner.Service, apprunner.Operation, error)
	Cancel(ctx context.Context, here apprunner.Place, arn string) (apprunner.Operation, error)
	DeployCommit(ctx context.Context, here apprunner.Place, arn, commit string) (apprunner.Service, apprunner.Operation, error)
}

// Revision is a revision as its owner sees it.
type Revision struct {
	Number    int               `json:"number"`
	Serving   bool              `json:"serving"`
	Served    bool              `json:"served"` // it was healthy once
	Image     string            `json:"image,omitempty"`
	Digest    string            `json:"digest,omitempty"`
	Commit    *apprunner.Commit `json:"commit,omitempty"`
	CreatedAt time.Time         `json:"createdAt"`
}

// Started is the answer to what begins an operation.
type Started struct {
	OperationID string `json:"operationId"`
}

// revisions lists the revisions that are kept of a service, newest first.
func (a *API) revisions(c call) error {
	s, err := a.find(c, "ListRevisions")
	if err != nil {
		return err
	}
	all, err := a.Deployments.Revisions(c.r.Context(), c.here, s.ARN)
	if err != nil {
		return err
	}
	out := make([]Revision, 0, len(all))
	for _, r := range all {
		shown := Revision{Number: r.Number, Serving: r.ID == s.RevisionID, Served: r.Served, Digest: r.Digest, Commit: r.Commit, CreatedAt: r.CreatedAt}
		if r.Commit == nil {
			shown.Image = r.Spec.Image.Identifier
		}
		out = append(out, shown)
	}
	return answer(c.w, out)
}

// rollback brings an older revision back: {"revision": 3}, or 0 for the one before.
func (a *API) rollback(c call) error {
	s, err := a.find(c, "Rollback")
	if err != nil {
		return err
	}
	var in struct{ Revision int }
	if err := c.decode(&in); err != nil {
		return err
	}
	_, o, err := a.Deployments.Rollback(c.r.Context(), c.here, s.ARN, in.Revision)
	if err != nil {
		return err
	}
	return answer(c.w, Started{o.ID})
}

// cancel ends the deployment of a service that is in progress.
func (a *API) cancel(c call) error {
	s, err := a.find(c, "CancelOperation")
	if err != nil {
		return err
	}
	o, err := a.Deployments.Cancel(c.r.Context(), c.here, s.ARN)
	if err != nil {
		return err
	}
	return answer(c.w, Started{o.ID})
}

// deployCommit deploys one commit of a service's source code: {"commit": "4f2a…"}.
func (a *API) deployCommit(c call) error {
	s, err := a.find(c, "DeployCommit")
	if err != nil {
		return err
	}
	var in struct{ Commit string }
	if err := c.decode(&in); err != nil {
		return err
	}
	if !apprunner.CommitID(in.Commit) {
		return apprunner.Errorf(apprunner.InvalidRequest, "%q is not the id of a commit: that is 40 hexadecimal digits.", in.Commit)
	}
	_, o, err := a.Deployments.DeployCommit(c.r.Context(), c.here, s.ARN, in.Commit)
	if err != nil {
		return err
	}
	return answer(c.w, Started{o.ID})
}

// decode reads the body, an object.
func (c call) decode(into any) error {
	if err := json.Unmarshal(c.body, into); err != nil {
		return apprunner.Errorf(apprunner.InvalidRequest, "The body of the request is not what is expected here: %v.", err)
	}
	return nil
}
