package daemon

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/router"
)

// TestHostsFollowOptions sets tags of a service that is served.
func TestHostsFollowOptions(t *testing.T) {
	t.Parallel()
	var asked apprunner.Options
	h := newHosts(router.New(router.Options{}), "localhost", func(apprunner.Service) apprunner.Options { return asked })
	d := &Daemon{hosts: h, router: h.router}
	s := apprunner.Service{ID: "1", Name: "web", Region: "us-east-1"}
	for reason, tc := range map[string]struct {
		asked           apprunner.Options
		served, secured bool
	}{
		"nothing":           {apprunner.Options{}, true, false},
		"no default domain": {apprunner.Options{HideDefault: true}, false, false},
		"HSTS":              {apprunner.Options{HSTS: time.Hour}, true, true},
	} {
		asked = tc.asked
		routing{router: h.router, hosts: h, options: &options{known: map[string]apprunner.Options{"1": asked}}}.route(s, router.Serving, "", nobody, 0)
		host := s.Host("localhost")
		if h.router.Has(host) != tc.served || d.secured(host) != tc.secured {
			t.Errorf("%s: leads to the service: %v; redirects to HTTPS: %v", reason, h.router.Has(host), d.secured(host))
		}
	}
	if d.secured("nowhere.example") {
		t.Error("a host that leads nowhere redirects")
	}
}
