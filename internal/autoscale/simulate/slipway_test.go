package simulate

import (
	"time"

	"github.com/slipway-run/slipway/internal/autoscale"
)

// slipway decides as the fleet does.
type slipway struct {
	state autoscale.State
	spec  autoscale.Spec
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newSlipway() *slipway {
	return &slipway{
		spec: autoscale.Spec{MinSize: minSize, MaxSize: maxSize, MaxConcurrency: maxConcurrency},
	}
}

func (s *slipway) name() string         { return "Slipway" }
func (s *slipway) every() time.Duration { return time.Second }
func (s *slipway) urgent() bool         { return true }

func (s *slipway) decide(d demand, current int) int {
	now := epoch.Add(d.now)
	s.state.Window.Add(autoscale.Sample{Time: now, Now: d.inFlight + d.waiting, Peak: d.peak, Average: d.average, Busy: d.busyAverage, Done: d.done, Ready: d.ready})
	decision := autoscale.Decide(now, s.state, s.spec, current)
	if decision.Want < current {
		s.state.Scaled = now
	}
	return decision.Want
}
