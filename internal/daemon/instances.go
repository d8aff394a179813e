package daemon

import (
	"context"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
)

// instances tells the admin API what runs.
type instances struct{ d *Daemon }

// Instances implements admin.Instances.
func (i instances) Instances(ctx context.Context, s apprunner.Service) ([]admin.Instance, error) {
	revisions, err := i.d.store.Revisions(ctx, s.ID)
	if err != nil {
		return nil, err
	}
	numbers := map[string]int{}
	for _, r := range revisions {
		numbers[r.ID] = r.Number
	}
	stats, _ := i.d.router.Stats(s.ID)
	var all []admin.Instance
	for _, in := range i.d.fleet.Instances(s.ID) {
		all = append(all, admin.Instance{
			ID: in.ID, State: string(in.State), Revision: numbers[in.RevisionID],
			Requests: stats.Instances[in.ID].InFlight, Since: in.Since,
		})
	}
	return all, nil
}
