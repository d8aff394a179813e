package fleet

import (
	"context"
	"fmt"

	"github.com/slipway-run/slipway/internal/engine"
)

// create has the engine make the instance. An image that the engine does not have any more, as after a restore on
// another machine, is fetched again.
func (m *member) create(ctx context.Context, spec engine.Spec) error {
	f := m.group.fleet
	_, err := f.engine.Prepare(ctx, spec)
	if !engine.Is(err, engine.NotFound) || f.opts.Fetch == nil {
		return err
	}
	service := m.group.serviceNow()
	f.journal.Event(service, "The engine does not have the image of the service any more. Pulling it again.")
	if err := f.opts.Fetch(ctx, service, m.revision); err != nil {
		return fmt.Errorf("pull image %s again: %w", m.revision.Image, err)
	}
	_, err = f.engine.Prepare(ctx, spec)
	return err
}
