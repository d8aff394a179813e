package test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// TestWorse deploys revisions that do worse than the one before, under load.
func TestWorse(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "timeouts: {stop: 1s, drain: 5s}\n")
	s.PushMimic("mimic:v1", "v1")
	for name, test := range map[string]func(*testing.T, *kit.Slipway){
		"found out after the switch": testWorseIsRolledBack,
		"found out as a canary":      testWorseCanary,
		"a canary that is well":      testGoodCanary,
		"as the owner wants it":      testWorseIsKept,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s.With(t))
		})
	}
}

// underLoad runs a service under load for long enough to compare with, and deploys it with variables.
func underLoad(s *kit.Slipway, name string, tags map[string]string, variables ...string) (service *apprunnerapi.Service, id string, stop func() (int, []string)) {
	in := s.Input(name, "mimic:v1")
	for key, value := range tags {
		in.Tags = append(in.Tags, apprunnerapi.Tag{Key: &key, Value: &value})
	}
	service = s.Run(in)
	stop = s.Load(service, kit.LoadOptions{Clients: 2, Rate: 200}).Stop
	time.Sleep(time.Second)
	id = s.Update(update(*service.ServiceArn, s.Input(name, "mimic:v1", variables...)))
	return service, id, stop
}

func testWorseIsRolledBack(t *testing.T, s *kit.Slipway) {
	service, id, stop := underLoad(s, "worse", nil, "FAIL_EVERY=3", "MODE=new")
	if o := s.AwaitOperation("worse", id); o.Status != apprunner.OperationSucceeded {
		t.Fatalf("the deployment ended as %s: %s", o.Status, o.Reason)
	}
	s.Eventually("the revision is rolled back by itself", 30*time.Second, func() error {
		o := s.Operations("worse")[0]
		if o.ID == id || o.EndedAt.IsZero() {
			return kit.Errorf("the newest operation is %+v", o)
		}
		if o.Status != apprunner.OperationSucceeded || !strings.HasPrefix(o.Reason, "Revision 2 is rolled back to revision 1. It fails more requests than the revision before: ") {
			t.Errorf("the rollback: %+v", o)
		}
		return nil
	})
	if n, failed := stop(); len(failed) == 0 || len(failed) > n/3 {
		t.Errorf("%d of %d requests failed", len(failed), n)
	}
	wantBody(t, s, service, "/", "v1 instance")
	if code, body := s.Get(service, "/env"); code != http.StatusOK || strings.Contains(body, "MODE=new") {
		t.Errorf("the environment is %q", body)
	}
	wantThird(t, s.Events("worse"))
	if n := len(s.Operations("worse")); n != 3 {
		t.Errorf("%d operations, want 3: created, updated, rolled back", n)
	}
}

// wantThird looks for the event of a rollback because a third of the requests failed, give or take those of
// two clients that were under way when it was decided.
func wantThird(t *testing.T, events string) {
	t.Helper()
	found := regexp.MustCompile(`Revision 2 is rolled back to revision 1\. It fails more requests than the revision before: ` +
		`(\d+) of (\d+) failed \((\d+\.\d) %\), before 0 of \d+ \(0\.0 %\)\.\n`).FindStringSubmatch(events)
	if found == nil {
		t.Fatalf("no event tells of the rollback:\n%s", events)
	}
	failed, _ := strconv.Atoi(found[1])
	all, _ := strconv.Atoi(found[2])
	if off := all - 3*failed; off < -6 || off > 6 || found[3] != fmt.Sprintf("%.1f", 100*float64(failed)/float64(all)) {
		t.Errorf("a third fails, and the event tells of %q", found[0])
	}
}

func testWorseCanary(t *testing.T, s *kit.Slipway) {
	service, id, stop := underLoad(s, "canary", map[string]string{"slipway:canary": "20%/2m"}, "FAIL_EVERY=3", "MODE=new")
	o := s.AwaitOperation("canary", id)
	if o.Status != apprunner.OperationRollbackSucceeded || !strings.HasPrefix(o.Reason, "It fails more requests than the revision before: ") {
		t.Errorf("the deployment ended as %s: %s", o.Status, o.Reason)
	}
	if n, failed := stop(); len(failed) == 0 || len(failed) > n/10 {
		t.Errorf("%d of %d requests failed, want a third of less than 20 %%", len(failed), n)
	}
	wantBody(t, s, service, "/", "v1 instance")
	wantEvent(t, s, "canary", "Sending 20 % of requests to revision 2 until ")
	wantEvent(t, s, "canary", "The service was rolled back.")
	if got := s.Describe(*service.ServiceArn).SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentVariables["MODE"]; got != "" {
		t.Errorf("DescribeService tells of MODE=%s", got)
	}
}

func testGoodCanary(t *testing.T, s *kit.Slipway) {
	service, id, stop := underLoad(s, "good", map[string]string{"slipway:canary": "20%/10s"}, "MODE=new")
	s.Eventually("the canary has begun", 20*time.Second, func() error {
		if o := s.Operations("good")[0]; o.Step != apprunner.StepCanary {
			return kit.Errorf("the operation is at %q", o.Step)
		}
		return nil
	})
	if status := *s.Describe(*service.ServiceArn).Status; status != apprunnerapi.ServiceStatusOperationInProgress {
		t.Errorf("during the canary the service is %s", status)
	}
	o := s.AwaitOperation("good", id)
	if took := o.EndedAt.Sub(o.StartedAt); o.Status != apprunner.OperationSucceeded || took < 10*time.Second {
		t.Errorf("the deployment ended as %s after %s: %s", o.Status, took, o.Reason)
	}
	if n, failed := stop(); n < 100 || len(failed) > 0 {
		t.Errorf("of %d requests %d failed: %q", n, len(failed), failed[:min(3, len(failed))])
	}
	wantBody(t, s, service, "/env", "MODE=new")
	wantEvent(t, s, "good", "Revision 2 takes over from its canary. It does no worse than the revision before: 0 of ")
}

func testWorseIsKept(t *testing.T, s *kit.Slipway) {
	service, id, stop := underLoad(s, "kept", map[string]string{"slipway:auto-rollback": "off"}, "FAIL_EVERY=3", "MODE=new")
	s.AwaitOperation("kept", id)
	time.Sleep(6 * time.Second) // three looks
	if n, failed := stop(); len(failed) < n/10 {
		t.Errorf("%d of %d requests failed", len(failed), n)
	}
	wantBody(t, s, service, "/env", "MODE=new")
	if n := len(s.Operations("kept")); n != 2 {
		t.Errorf("%d operations, want 2", n)
	}
}

// TestDaemonKilledDuringCanary: the next daemon goes on with it, with the same instances.
func TestDaemonKilledDuringCanary(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, quick)
	s.PushMimic("mimic:latest", "v1")
	in := s.Input("web-app", "mimic:latest", "VERSION=u0")
	in.Tags = []apprunnerapi.Tag{{Key: new("slipway:canary"), Value: new("30%/10s")}}
	service := s.Run(in)
	clients := call(s, service, 3)
	clients.begun.Store(1)
	beginUpdate(t, s, service, 1)
	s.Eventually("the canary answers", 20*time.Second, func() error {
		if code, body := s.Get(service, "/"); !strings.HasPrefix(body, "u1 ") {
			return kit.Errorf("%d %q does", code, body)
		}
		return nil
	})
	before := s.Instances()
	clients.dead(func() { s.Kill(); s.Start() })
	s.Eventually("the canary answers again", 8*time.Second, func() error {
		if code, body := s.Get(service, "/"); !strings.HasPrefix(body, "u1 ") {
			return kit.Errorf("%d %q does", code, body)
		}
		return nil
	})
	if now := s.Instances(); len(before) != 2 || !maps.Equal(before, now) {
		t.Errorf("instances were %v and are %v", before, now)
	}
	if status := *s.Describe(*service.ServiceArn).Status; status != apprunnerapi.ServiceStatusOperationInProgress {
		t.Errorf("the service is %s", status)
	}
	succeeded(t, s, service)
	clients.done.Store(1)
	time.Sleep(100 * time.Millisecond)
	clients.end(t)
	s.AwaitSettled(1)
}
