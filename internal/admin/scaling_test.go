package admin_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/autoscale"
)

// scalings knows one decision, of noon.
type scalings struct{}

func (scalings) Scaling(_ context.Context, _ apprunner.Service, since time.Time) (admin.Scaling, error) {
	scaling := admin.Scaling{Decisions: []autoscale.Record{}}
	if since.Before(noon) {
		scaling.Decisions = append(scaling.Decisions, autoscale.Record{
			Time: noon, From: 2, To: 5, Need: 5, Reason: "430 waiting, 100 per instance.", Inputs: autoscale.Inputs{Waiting: 430, MaxConcurrency: 100},
		})
	}
	return scaling, nil
}

func TestScaling(t *testing.T) {
	t.Parallel()
	url := serve(t, &world{}) + "services/web/scaling"
	status, body := send(t, admin.Service, http.MethodGet, url, "")
	for _, want := range []string{`"now":null`, `"from":2,"to":5,"need":5,"reason":"430 waiting, 100 per instance."`, `"waiting":430`, `"maxConcurrency":100`} {
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%d %s lacks %s", status, body, want)
		}
	}
	if status, body := send(t, admin.Service, http.MethodGet, url+"?since=2026-11-23T12:00:00Z", ""); status != http.StatusOK || !strings.Contains(body, `"decisions":[]`) {
		t.Errorf("since noon: %d %s", status, body)
	}
	if status, body := send(t, admin.Service, http.MethodGet, url+"?since=noon", ""); status != http.StatusBadRequest || !strings.Contains(body, "is not a time") {
		t.Errorf("since=noon: %d %s", status, body)
	}
}
