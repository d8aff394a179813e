package connect

import (
	"context"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/source/provider"
)

const (
	reportTries = 4
	// recent is how old the end of an operation may be for a new daemon to report it: the one before may
	// have been killed between the end and the report.
	recent = 10 * time.Minute
)

// Report has the host told how the deployment of a commit is. It never blocks, and nothing depends on
// whether the host hears of it.
func (n *Connector) Report(o apprunner.Operation) {
	if !o.Builds || !o.Type.Deploys() || o.RevisionID == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.reported[o.ID] == stateOf(o) {
		return
	}
	n.reports[o.ID] = o
	select {
	case n.report <- struct{}{}:
	default:
	}
}

// ReportRecent reports what ended not long ago.
func (n *Connector) ReportRecent(ctx context.Context) {
	services, err := n.Store.Services(ctx, "")
	for _, s := range services {
		if err != nil || s.Spec.Code == nil || !s.Listed() {
			continue
		}
		all, err := n.Store.Operations(ctx, s.ID)
		if err == nil && len(all) > 0 && all[0].Status.Ended() && n.Now().Sub(all[0].EndedAt) < recent {
			n.Report(all[0])
		}
	}
}

func stateOf(o apprunner.Operation) provider.State {
	switch {
	case o.Status == apprunner.OperationSucceeded:
		return provider.Success
	case o.Status.Ended(), o.Step == apprunner.StepRollback:
		return provider.Failure
	default:
		return provider.Pending
	}
}

func (n *Connector) runReports(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.report:
		}
		n.mu.Lock()
		all := n.reports
		n.reports = map[string]apprunner.Operation{}
		n.mu.Unlock()
		for _, o := range all {
			n.tell(ctx, o)
		}
	}
}

// tell reports one operation, again when the host is away.
func (n *Connector) tell(ctx context.Context, o apprunner.Operation) {
	state := stateOf(o)
	n.mu.Lock()
	done := n.reported[o.ID] == state
	n.reported[o.ID] = state
	n.mu.Unlock()
	if done {
		return
	}
	var err error
	for try, pause := 0, time.Second; try < reportTries; try, pause = try+1, 2*pause {
		if err = n.tellOnce(ctx, o, state); err == nil || ctx.Err() != nil {
			break
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
	if err != nil && ctx.Err() == nil {
		n.Log.Warn("the status of a commit was not reported", "operation", o.ID, "state", state, "error", err)
	}
	if o.Status.Ended() {
		n.mu.Lock()
		delete(n.reported, o.ID)
		n.mu.Unlock()
	}
}

func (n *Connector) tellOnce(ctx context.Context, o apprunner.Operation, state provider.State) error {
	s, err := n.Store.Service(ctx, o.ServiceID)
	if err != nil || s.Spec.Code == nil || s.Spec.Connection == "" {
		return err
	}
	r, err := n.Store.Revision(ctx, o.RevisionID)
	if err != nil || r.Commit == nil || r.Spec.Code == nil {
		return err
	}
	c, credential, err := n.open(ctx, s.Region, s.Spec.Connection)
	if err != nil {
		return nil // the connection's reason tells
	}
	host := n.api.Open(c.Provider, credential)
	if host == nil {
		return nil
	}
	description := map[provider.State]string{
		provider.Pending: "Slipway is deploying this commit.", provider.Success: "Slipway has deployed this commit.",
	}[state]
	if state == provider.Failure {
		description = "The deployment failed: " + o.Reason
	}
	err = host.SetStatus(ctx, provider.Name(r.Spec.Code.URL), r.Commit.ID, provider.Status{
		State: state, Context: "slipway/" + s.Name, Description: description, TargetURL: n.ServiceURL(s),
	})
	return n.judge(ctx, c, err)
}
