package daemon

import (
	"context"
	"log/slog"
	"sync"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// options remembers what services want beyond App Runner, so that whoever acts on it asks no database.
type options struct {
	ctx  context.Context
	tags interface {
		Tags(ctx context.Context, arn string) (map[string]string, error)
	}
	log *slog.Logger

	mu    sync.Mutex
	known map[string]apprunner.Options // by service id
}

// of returns the options of a service. When they cannot be read it is as if there were none, and the
// next one to ask tries again.
func (o *options) of(s apprunner.Service) apprunner.Options {
	o.mu.Lock()
	defer o.mu.Unlock()
	if known, ok := o.known[s.ID]; ok {
		return known
	}
	tags, err := o.tags.Tags(o.ctx, s.ARN)
	if err != nil {
		if o.ctx.Err() == nil {
			o.log.Error("the options of a service were not read", "service", s.Name, "error", err)
		}
		return apprunner.OptionsOf(nil)
	}
	o.known[s.ID] = apprunner.OptionsOf(tags)
	return o.known[s.ID]
}

func (o *options) forget(serviceID string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.known, serviceID)
}

// worse is told that a revision does worse than the one before.
func (d *Daemon) worse(s apprunner.Service, revisionID, previousID, reason string) {
	_, err := d.control.RollBackWorse(d.ctx, d.place(s.Region), s, revisionID, previousID, reason)
	if err != nil && d.ctx.Err() == nil {
		d.log.Error("a revision was not rolled back, and that is tried again", "service", s.Name, "reason", reason, "error", err)
	}
}

// retagged is told that the tags of a service have changed.
func (d *Daemon) retagged(serviceID string) {
	d.options.forget(serviceID)
	d.fleet.Retagged(serviceID)
	d.redeployer.Look(serviceID)
}
