package test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// quick has Slipway wait for little: the tests' application needs no time.
const quick = `timeouts: {start: 20s, drain: 5s, stop: 3s, scale-in: 2s}
`

// deployPoints are the moments of an operation that deploys: after it was accepted, and before and
// after each further step is recorded.
var deployPoints = around("resolve", "pull", "provision", "route", "drain", "done", "end")

// points lists where the daemon is killed, for each type of operation.
var points = map[string][]string{
	"CREATE_SERVICE":   deployPoints,
	"UPDATE_SERVICE":   deployPoints,
	"START_DEPLOYMENT": deployPoints,
	"PAUSE_SERVICE":    around("stop", "done", "end"),
	"RESUME_SERVICE":   around("pull", "provision", "route", "done", "end"),
	"DELETE_SERVICE":   around("stop", "forget", "done", "end"),
}

func around(first string, steps ...string) []string {
	all := []string{first}
	for _, step := range steps {
		all = append(all, step+"-", step)
	}
	return all
}

// TestKilledAtEveryStep takes services through their whole life. In every operation the daemon is
// killed at another moment, and the next daemon must bring it to a good end.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	const lanes = 3
	for lane := range lanes {
		t.Run(fmt.Sprint("lane ", lane), func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, quick)
			aws(t, s, nil, "ssm", "put-parameter", "--name", "/life", "--type", "SecureString", "--value", "kept")
			for i := lane; i < len(deployPoints); i += lanes {
				l := life{t: t, s: s, name: fmt.Sprint("life-", i), image: fmt.Sprintf("mimic-%d:latest", i)}
				s.PushMimic(l.image, "v1")
				at := func(operation string) string {
					if all := points[operation]; i < len(all) {
						return all[i]
					}
					return ""
				}
				l.change("CREATE_SERVICE", at("CREATE_SERVICE"))
				l.change("UPDATE_SERVICE", at("UPDATE_SERVICE"))
				l.change("START_DEPLOYMENT", at("START_DEPLOYMENT"))
				if at("RESUME_SERVICE") != "" {
					l.change("PAUSE_SERVICE", at("PAUSE_SERVICE"))
					l.change("RESUME_SERVICE", at("RESUME_SERVICE"))
				}
				l.change("DELETE_SERVICE", at("DELETE_SERVICE"))
				l.told(at("RESUME_SERVICE") != "")
			}
		})
	}
}

// TestKilledWhileRollingBack kills the daemon in operations that cannot succeed, since the
// application ends at once.
func TestKilledWhileRollingBack(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, quick)
	s.PushMimic("mimic:latest", "v1")
	good := s.Run(s.Input("good", "mimic:latest"))
	served := s.Instances()
	check := func(name, operation, point, wantOperation string, want apprunnerapi.ServiceStatus, call func() error) {
		t.Helper()
		s.Stop()
		s.Env = []string{"SLIPWAY_KILL_AT=" + operation + ":" + point}
		s.Start()
		s.Env = nil
		_ = call()
		s.AwaitEnd(30 * time.Second)
		s.Start()
		service := find(t, s, name)
		if o := awaitNewest(t, s, service); string(*o.Type) != operation || string(*o.Status) != wantOperation {
			t.Fatalf("%s killed at %q: the newest operation is %s and ended as %s", operation, point, *o.Type, *o.Status)
		}
		if reason := s.Operations(name)[0].Reason; !strings.Contains(reason, "exit code: 1") {
			t.Errorf("%s killed at %q: the reason is %q, which does not tell how the application ended", operation, point, reason)
		}
		if got := *s.Describe(*service.ServiceArn).Status; got != want {
			t.Errorf("%s killed at %q: the service is %s, want %s", operation, point, got, want)
		}
		s.AwaitSettled(1)
		if now := s.Instances(); !maps.Equal(now, served) {
			t.Errorf("%s killed at %q: the instance that served was %v and is %v", operation, point, served, now)
		}
		if code, body := s.Get(good, "/"); code != 200 {
			t.Errorf("%s killed at %q: the service that is good answers %d %q", operation, point, code, body)
		}
	}
	for i, point := range []string{"rollback-", "rollback", "end-", "end"} {
		name := fmt.Sprint("bad-", i)
		check(name, "CREATE_SERVICE", point, "FAILED", apprunnerapi.ServiceStatusCreateFailed, func() error {
			return s.Call("CreateService", s.Input(name, "mimic:latest", "EXIT=1"), &struct{}{})
		})
		check("good", "UPDATE_SERVICE", point, "ROLLBACK_SUCCEEDED", apprunnerapi.ServiceStatusRunning, func() error {
			in := s.Input("good", "mimic:latest", "EXIT=1")
			return s.Call("UpdateService", apprunnerapi.UpdateServiceInput{ServiceArn: good.ServiceArn, SourceConfiguration: in.SourceConfiguration}, &struct{}{})
		})
	}
}

// life is one service on its way.
type life struct {
	t           *testing.T
	s           *kit.Slipway
	name, image string
	service     *apprunnerapi.Service
	version     string
	color       string
}

// change does an operation, kills the daemon at a point of it, and looks at what the next daemon
// makes of it. Without a point the daemon lives.
func (l *life) change(operation, point string) {
	l.t.Helper()
	s := l.s
	before := s.Instances()
	if operation == "START_DEPLOYMENT" {
		l.version = "v2"
		s.PushMimic(l.image, l.version)
	}
	var atDeath map[string]string
	if point == "" {
		if err := l.call(operation); err != nil {
			l.t.Fatalf("%s: %v", operation, err)
		}
	} else {
		s.Stop()
		s.Env = []string{"SLIPWAY_KILL_AT=" + operation + ":" + point}
		s.Start()
		s.Env = nil
		_ = l.call(operation) // the daemon may die before it answers
		s.AwaitEnd(30 * time.Second)
		atDeath = s.Instances()
		l.atDeath(operation, point, before, atDeath)
		s.Start()
	}
	l.ended(operation, point)
	if l.t.Failed() {
		l.t.FailNow()
	}
	if atDeath != nil && routed(operation, point) {
		for id, process := range s.Instances() {
			if atDeath[id] != process {
				l.t.Errorf("%s killed at %q: instance %s runs as %q and ran as %q when the daemon died", operation, point, id, process, atDeath[id])
			}
		}
	}
	if (operation == "UPDATE_SERVICE" || operation == "START_DEPLOYMENT") && sharesAny(before, s.Instances()) {
		l.t.Errorf("%s killed at %q: the old instance runs on", operation, point)
	}
}

// told checks that what happened was told once each, whenever the daemon was killed.
func (l *life) told(paused bool) {
	l.t.Helper()
	names := []string{"CreateService", "UpdateService", "Deployment"}
	if paused {
		names = append(names, "PauseService", "ResumeService")
	}
	status := map[string]string{"PauseService": "PAUSED", "DeleteService": "DELETED"}
	var want []string
	for _, name := range append(names, "DeleteService") {
		want = append(want, name+"Started")
		if name != "CreateService" {
			want = append(want, "OPERATION_IN_PROGRESS")
		}
		want = append(want, name+"CompletedSuccessfully", cmp.Or(status[name], "RUNNING"))
	}
	var got []string
	for _, e := range happened(l.t, l.s, l.name) {
		got = append(got, e.Detail.OperationStatus+e.Detail.CurrentServiceStatus)
	}
	if !slices.Equal(got, want) {
		l.t.Errorf("of %s was told %q, want %q", l.name, got, want)
	}
}

// input is a service with a secret.
func (l *life) input(variables ...string) *apprunnerapi.CreateServiceInput {
	in := l.s.Input(l.name, l.image, variables...)
	in.InstanceConfiguration.InstanceRoleArn = new(instanceRole)
	in.SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentSecrets = map[string]string{"SECRET": "/life"}
	return in
}

func (l *life) call(operation string) error {
	var out struct{}
	switch operation {
	case "CREATE_SERVICE":
		l.version = "v1"
		return l.s.Call("CreateService", l.input(), &out)
	case "UPDATE_SERVICE":
		l.color = "blue"
		in := l.input("COLOR=blue")
		return l.s.Call("UpdateService", apprunnerapi.UpdateServiceInput{ServiceArn: l.service.ServiceArn, SourceConfiguration: in.SourceConfiguration}, &out)
	case "START_DEPLOYMENT":
		return l.s.Call("StartDeployment", apprunnerapi.StartDeploymentInput{ServiceArn: l.service.ServiceArn}, &out)
	case "PAUSE_SERVICE":
		return l.s.Call("PauseService", apprunnerapi.PauseServiceInput{ServiceArn: l.service.ServiceArn}, &out)
	case "RESUME_SERVICE":
		return l.s.Call("ResumeService", apprunnerapi.ResumeServiceInput{ServiceArn: l.service.ServiceArn}, &out)
	default:
		return l.s.Call("DeleteService", apprunnerapi.DeleteServiceInput{ServiceArn: l.service.ServiceArn}, &out)
	}
}

// routed reports whether the instances that serve in the end run already at a point.
func routed(operation, point string) bool {
	switch operation {
	case "PAUSE_SERVICE", "DELETE_SERVICE":
		return false
	}
	return slices.Contains([]string{"route-", "route", "drain-", "drain", "done-", "done", "end-", "end"}, point)
}

// atDeath checks what runs while the daemon is dead: an update must not have ended what serves
// before the new revision does.
func (l *life) atDeath(operation, point string, before, now map[string]string) {
	l.t.Helper()
	if operation != "UPDATE_SERVICE" && operation != "START_DEPLOYMENT" {
		return
	}
	if slices.Contains([]string{"done-", "done", "end-", "end"}, point) {
		return
	}
	for id, process := range before {
		if now[id] != process {
			l.t.Errorf("%s killed at %q: instance %s, which served, ran as %q and is %q", operation, point, id, process, now[id])
		}
	}
}

// ended waits for the end of the operation and checks what it left.
func (l *life) ended(operation, point string) {
	l.t.Helper()
	s := l.s
	if l.service == nil {
		l.service = find(l.t, s, l.name)
	}
	if o := awaitNewest(l.t, s, l.service); string(*o.Type) != operation || *o.Status != "SUCCEEDED" {
		l.t.Fatalf("%s killed at %q: the newest operation is %s and ended as %s. Events:\n%s", operation, point, *o.Type, *o.Status, s.Events(l.name))
	}
	want, instances := apprunnerapi.ServiceStatusRunning, 1
	switch operation {
	case "PAUSE_SERVICE":
		want, instances = apprunnerapi.ServiceStatusPaused, 0
	case "DELETE_SERVICE":
		want, instances = apprunnerapi.ServiceStatusDeleted, 0
	}
	if got := *s.Describe(*l.service.ServiceArn).Status; got != want {
		l.t.Fatalf("%s killed at %q: the service is %s, want %s", operation, point, got, want)
	}
	switch code, body := s.Get(l.service, "/"); {
	case operation == "PAUSE_SERVICE" && code != 503, operation == "DELETE_SERVICE" && code != 404:
		l.t.Errorf("%s killed at %q: the URL answers %d %q", operation, point, code, body)
	case instances > 0 && (code != 200 || !strings.HasPrefix(body, l.version+" instance ")):
		l.t.Errorf("%s killed at %q: the URL answers %d %q, want version %s", operation, point, code, body, l.version)
	}
	if _, env := s.Get(l.service, "/env"); instances > 0 && !strings.Contains(env, "SECRET=kept") {
		l.t.Errorf("%s killed at %q: the secret is not in %q", operation, point, env)
	}
	if _, env := s.Get(l.service, "/env"); instances > 0 && l.color != "" && !strings.Contains(env, "COLOR="+l.color) {
		l.t.Errorf("%s killed at %q: the environment is\n%s", operation, point, env)
	}
	s.AwaitSettled(instances)
}

// awaitNewest waits until the newest operation of a service has ended.
func awaitNewest(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service) *apprunnerapi.OperationSummary {
	t.Helper()
	var newest *apprunnerapi.OperationSummary
	s.Eventually("the newest operation of "+*service.ServiceName+" ends", time.Minute, func() error {
		var out apprunnerapi.ListOperationsOutput
		if err := s.Call("ListOperations", apprunnerapi.ListOperationsInput{ServiceArn: service.ServiceArn}, &out); err != nil {
			return err
		}
		if newest = &out.OperationSummaryList[0]; newest.EndedAt == nil {
			return fmt.Errorf("%s is %s", *newest.Type, *newest.Status)
		}
		return nil
	})
	return newest
}

// find returns the service with a name.
func find(t *testing.T, s *kit.Slipway, name string) *apprunnerapi.Service {
	t.Helper()
	var out apprunnerapi.ListServicesOutput
	if err := s.Call("ListServices", apprunnerapi.ListServicesInput{}, &out); err != nil {
		t.Fatal(err)
	}
	for _, summary := range out.ServiceSummaryList {
		if *summary.ServiceName == name {
			return s.Describe(*summary.ServiceArn)
		}
	}
	t.Fatalf("there is no service %q", name)
	return nil
}

func sharesAny(a, b map[string]string) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(a)), func(id string) bool { return b[id] != "" })
}
