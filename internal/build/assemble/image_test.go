package assemble

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build"
	"github.com/slipway-run/slipway/internal/build/config"
	"github.com/slipway-run/slipway/internal/operation"
)

// References to secrets come from apprunner.yaml, or with the request.
func TestImageHasSecrets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		values *apprunner.CodeValues
		run    build.Run
		want   map[string]string
	}{
		{"of apprunner.yaml", nil, build.Run{Secrets: []config.Secret{{Name: "DB", From: "/db"}}}, map[string]string{"DB": "/db"}},
		{"of the request", &apprunner.CodeValues{Secrets: map[string]string{"KEY": "/key"}}, build.Run{}, map[string]string{"KEY": "/key"}},
		{"none", nil, build.Run{}, nil},
	} {
		var s apprunner.Service
		s.Spec.Code = &apprunner.CodeRepository{Values: c.values}
		got := (&Assembler{}).image(s, c.run, Built{}, operation.BuildLog{})
		if diff := cmp.Diff(c.want, got.Secrets); diff != "" {
			t.Errorf("%s: %s", c.reason, diff)
		}
	}
}
