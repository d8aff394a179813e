package admin

import (
	"context"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Instances knows what runs.
type Instances interface {
	Instances(ctx context.Context, s apprunner.Service) ([]Instance, error)
}

// Instance is one instance as its service's owner sees it.
type Instance struct {
	ID       string    `json:"id"`
	State    string    `json:"state"`              // PREPARED, STARTING, ACTIVE, THROTTLED, FROZEN or ENDING
	Revision int       `json:"revision,omitempty"` // its number; 0 when it is not kept any more
	Requests int       `json:"requests"`           // in flight
	Since    time.Time `json:"since"`              // when it was started, or prepared
}

// instances lists the instances of a service, also those that are prepared ahead, oldest first.
func (a *API) instances(c call) error {
	s, err := a.find(c, "ListInstances")
	if err != nil {
		return err
	}
	all, err := a.Running.Instances(c.r.Context(), s)
	if err != nil {
		return err
	}
	if all == nil {
		all = []Instance{}
	}
	return answer(c.w, all)
}
