package admin

import (
	"context"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/autoscale"
)

// ScalingStream is the stream of a service's log that has the decisions, each a JSON text.
const ScalingStream = "scaling"

// Scaling is how a service scales.
type Scaling struct {
	// Now is what the autoscaler says now; null while the service serves nothing.
	Now *autoscale.Record `json:"now"`
	// Decisions changed the number of instances, or would have without MaxSize; the oldest first.
	Decisions []autoscale.Record `json:"decisions"`
}

// Scalings tells what the autoscaler decides.
type Scalings interface {
	// Scaling returns what is decided now, and the decisions that are kept since a time.
	Scaling(ctx context.Context, s apprunner.Service, since time.Time) (Scaling, error)
}

// scaling tells how a service scales.
func (a *API) scaling(c call) error {
	s, err := a.find(c, "GetScaling")
	if err != nil {
		return err
	}
	since, err := c.since()
	if err != nil {
		return err
	}
	scaling, err := a.Scalings.Scaling(c.r.Context(), s, since)
	if err != nil {
		return err
	}
	return answer(c.w, scaling)
}
