package daemon

import (
	"context"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/daemon/access"
	"github.com/slipway-run/slipway/internal/iam"
	"github.com/slipway-run/slipway/internal/throttle"
)

// openAccess reads the access keys and makes the guard that everything which listens asks.
func (d *Daemon) openAccess() error {
	keys, err := iam.OpenRing(d.ctx, d.key, d.store, d.log)
	if err != nil {
		return err
	}
	d.guard = &access.Guard{
		Keys: keys, Tags: d.store, Expand: d.expand, Secret: d.secrets.ARN, Home: d.place(d.config.Region),
		Limiter: throttle.New(d.config.Throttle.Rate, d.config.Throttle.Burst, time.Now),
	}
	return nil
}

// expand returns the complete ARNs that a partial ARN of an auto scaling or observability
// configuration stands for.
func (d *Daemon) expand(ctx context.Context, here apprunner.Place, arn string, all bool) ([]string, error) {
	parsed, err := apprunner.ParseARN(arn)
	if err == nil && parsed.Type == apprunner.TypeObservability {
		return d.expandObservability(ctx, here, arn)
	}
	if err != nil || parsed.Type != apprunner.TypeScaling {
		return nil, nil
	}
	found, others, err := d.control.Scaling(ctx, here, arn)
	if apprunner.CodeOf(err) == apprunner.ResourceNotFound {
		return nil, nil
	}
	arns := []string{found.ARN}
	for _, o := range others {
		if all && o.Name == found.Name && o.Active() && o.ARN != found.ARN {
			arns = append(arns, o.ARN)
		}
	}
	return arns, err
}

func (d *Daemon) expandObservability(ctx context.Context, here apprunner.Place, arn string) ([]string, error) {
	resources, err := d.control.Resources(ctx, here)
	if err != nil {
		return nil, err
	}
	found, err := resources.Observability.Find(arn, here)
	if err != nil { // the operation says what is wrong with it
		return nil, nil
	}
	return []string{found.ARN}, nil
}
