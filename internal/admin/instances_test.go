package admin_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
)

func (w *world) Instances(_ context.Context, s apprunner.Service) ([]admin.Instance, error) {
	return []admin.Instance{{ID: "one-of-" + s.Name, State: "FROZEN", Revision: 2, Since: time.Unix(0, 0).UTC()}}, nil
}

func TestInstances(t *testing.T) {
	t.Parallel()
	status, body := send(t, admin.Service, http.MethodGet, serve(t, &world{})+"services/web/instances", "")
	want := `[{"id":"one-of-web","state":"FROZEN","revision":2,"requests":0,"since":"1970-01-01T00:00:00Z"}]`
	if status != http.StatusOK || body != want+"\n" && body != want {
		t.Errorf("%d %s", status, body)
	}
}
