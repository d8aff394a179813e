package daemon

import (
	"testing"

	"github.com/slipway-run/slipway/internal/metrics"
	"github.com/slipway-run/slipway/internal/router"
)

// Buckets are handed over by number.
func TestMetricsAndRouterHaveTheSameBuckets(t *testing.T) {
	t.Parallel()
	if metrics.Bounds != router.LatencyBounds {
		t.Errorf("the router counts by %v, metrics are stored by %v", router.LatencyBounds, metrics.Bounds)
	}
}
