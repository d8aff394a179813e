package test

import (
	"strings"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// TestRollback brings back image, configuration and environment together, also when the tag that the
// revision was made of has moved since.
func TestRollback(t *testing.T) {
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	s.PushMimic("web:v1", "v1")
	in := s.Input("web-app", "web:v1", "MODE=old")
	in.SourceConfiguration.AutoDeploymentsEnabled = new(true)
	service := s.Run(in)
	if _, stderr, err := s.Try("rollback", "web-app"); err == nil || !strings.Contains(stderr, "no revision older") {
		t.Errorf("a rollback of the first revision: %v %s", err, stderr)
	}

	changed := s.Input("web-app", "web:v1", "MODE=new").SourceConfiguration
	changed.AutoDeploymentsEnabled = new(true)
	s.AwaitOperation("web-app", s.Update(&apprunnerapi.UpdateServiceInput{ServiceArn: service.ServiceArn, SourceConfiguration: changed}))
	s.PushMimic("web:v1", "v2")
	awaitBody(s, service, "v2 instance")
	s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusRunning)
	wantBody(t, s, service, "/env", "MODE=new")

	out := s.CLI("rollback", "web-app", "1")
	if !strings.Contains(out, "RUNNING") {
		t.Errorf("rollback says %q", out)
	}
	wantBody(t, s, service, "/", "v1 instance")
	wantBody(t, s, service, "/env", "MODE=old")
	if got := s.Describe(*service.ServiceArn).SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentVariables["MODE"]; got != "old" {
		t.Errorf("DescribeService tells of MODE=%s", got)
	}
	list := s.CLI("revisions", "web-app")
	if lines := strings.Split(strings.TrimSpace(list), "\n"); len(lines) != 4 || !strings.Contains(lines[3], "serving") || !strings.Contains(lines[1], "kept") {
		t.Errorf("revisions:\n%s", list)
	}
	// Nothing newer came, so the automatic deployment leaves the rollback alone; then it goes on.
	if n := len(s.Operations("web-app")); n != 4 {
		t.Errorf("%d operations, want 4: the rollback was deployed over", n)
	}
	s.PushMimic("web:v1", "v3")
	awaitBody(s, service, "v3 instance")
}

// awaitBody waits until a service answers so.
func awaitBody(s *kit.Slipway, service *apprunnerapi.Service, want string) {
	s.Eventually("the service answers "+want, time.Minute, func() error {
		if code, body := s.Get(service, "/"); !strings.Contains(body, want) {
			return kit.Errorf("it answers %d %q", code, body)
		}
		return nil
	})
}
