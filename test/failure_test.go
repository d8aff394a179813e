package test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/slipway-run/slipway/internal/apprunner"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// failure is a way for a service not to come up.
type failure struct {
	name string
	// spoil makes what a good service is created with bad.
	spoil func(in *apprunnerapi.CreateServiceInput)
	// repair, if set, makes it good again; otherwise the good input is used.
	repair func()
	// again, if set, undoes repair.
	again func()
	// want are parts of the reason: the cause and the remedy.
	want []string
}

func variables(in *apprunnerapi.CreateServiceInput) map[string]string {
	return in.SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentVariables
}

func setImage(identifier string) func(*apprunnerapi.CreateServiceInput) {
	return func(in *apprunnerapi.CreateServiceInput) {
		in.SourceConfiguration.ImageRepository.ImageIdentifier = &identifier
	}
}

func setVariables(pairs ...string) func(*apprunnerapi.CreateServiceInput) {
	return func(in *apprunnerapi.CreateServiceInput) {
		for _, p := range pairs {
			k, v, _ := strings.Cut(p, "=")
			variables(in)[k] = v
		}
	}
}

func setStart(command string) func(*apprunnerapi.CreateServiceInput) {
	return func(in *apprunnerapi.CreateServiceInput) {
		in.SourceConfiguration.ImageRepository.ImageConfiguration.StartCommand = &command
	}
}

func failures(s *kit.Slipway, private *kit.Registry) []failure {
	return []failure{
		{name: "no-such-tag", spoil: setImage(s.Image("mimic:absent")), want: []string{`tag "absent" in repository "mimic": not found`, "docker push " + s.API + "/mimic:absent"}},
		{name: "no-such-repository", spoil: setImage(s.Image("nothing/here:v1")), want: []string{`repository "nothing/here": not found`, "docker push " + s.API + "/nothing/here:v1"}},
		{
			name: "credentials-refused", spoil: setImage(private.Host + "/team/mimic:v1"),
			repair: func() { login(s, private) },
			again:  func() { s.CLI("registry", "logout", private.Host) },
			want:   []string{"refuses access", private.Host, "slipway registry login " + private.Host},
		},
		{name: "wrong-architecture", spoil: setImage(s.Image("foreign:v1")), want: []string{
			"is for linux/" + foreign() + " only", "this machine is linux/" + runtime.GOARCH, "--platform linux/" + runtime.GOARCH,
		}},
		{name: "no-such-command", spoil: setStart("/nothing --now"), want: []string{`command "/nothing" does not exist in the image`, "start command"}},
		{name: "not-executable", spoil: setStart("/version"), want: []string{`"/version"`, "permission denied", "chmod"}},
		{name: "not-a-program", spoil: setImage(s.Image("text:v1")), want: []string{"exec /text: exec format error", "#!", "linux/" + runtime.GOARCH}},
		{name: "exits", spoil: setVariables("EXIT=3", "SAY=the database is away"), want: []string{
			"Your application stopped or failed to start.", "Container exit code: 3", "the database is away",
		}},
		{name: "out-of-memory", spoil: setVariables("EAT_MEMORY=700"), want: []string{"memory limit of 512 MB", "peak", "Give the instance more memory"}},
		{name: "another-port", spoil: setVariables("LISTEN=:9000"), want: []string{
			"Health check failed on port '8080'. Check your configured port number.", "listens on port 9000 instead", "Set the service's port",
		}},
		{name: "loopback-only", spoil: setVariables("LISTEN=127.0.0.1:8080"), want: []string{
			"Health check failed on port '8080'.", "listens on 127.0.0.1:8080 only", "Make it listen on 0.0.0.0:8080",
		}},
		{
			name: "health-path", want: []string{"Health check failed on path '/health' and port '8080'", "answered status 500", `"not today"`, "200 to 399"},
			spoil: func(in *apprunnerapi.CreateServiceInput) {
				variables(in)["HEALTH"] = "500"
				in.HealthCheckConfiguration.Protocol = new(apprunnerapi.HealthCheckProtocolHttp)
				in.HealthCheckConfiguration.Path = new("/health")
			},
		},
		{name: "slow-to-start", spoil: setVariables("START_DELAY=1m"), want: []string{"did not listen on any port within 6s", "listen on 0.0.0.0:8080"}},
		{name: "disk-full", spoil: setVariables("EAT_DISK=3500"), want: []string{"ephemeral disk full", "3 GB", "no space left on device"}},
	}
}

func foreign() string {
	if runtime.GOARCH == "arm64" {
		return "amd64"
	}
	return "arm64"
}

func login(s *kit.Slipway, r *kit.Registry) {
	if _, errOut, err := s.TryWith(r.Password+"\n", "registry", "login", r.Host, "--username", r.User, "--password-stdin"); err != nil {
		panic(fmt.Sprintf("slipway registry login: %v\n%s", err, errOut))
	}
}

// textImage has a command that is no program.
func textImage(t *testing.T) v1.Image {
	t.Helper()
	image, err := mutate.AppendLayers(empty.Image, kit.Layer(t, "text", 0o755, []byte("words, and no program\n")))
	if err != nil {
		t.Fatal(err)
	}
	return kit.Configure(t, image, runtime.GOARCH, v1.Config{Entrypoint: []string{"/text"}})
}

// TestFailures brings services up that cannot come up, in every way that the design names. What
// the owner reads must name the cause and the remedy; the service can be repaired; and the same
// fault in an update must not be felt by those who use the service.
func TestFailures(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "timeouts: {start: 6s, stop: 1s}\nquotas: {services: 20}\n")
	private := kit.StartRegistry(t, "team")
	s.PushMimic("mimic:v1", "v1")
	private.Push(kit.Mimic(t, "v1"), "team/mimic:v1")
	s.Push(kit.Configure(t, kit.Mimic(t, "v1"), foreign(), v1.Config{Entrypoint: []string{"/mimic"}}), "foreign:v1")
	s.Push(textImage(t), "text:v1")
	t.Run("counts towards the quota", func(t *testing.T) {
		t.Parallel()
		testFailedCounts(s.With(t))
	})
	for _, f := range failures(s, private) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			testFailure(t, s.With(t), f)
		})
	}
}

func testFailure(t *testing.T, s *kit.Slipway, f failure) {
	good, bad := s.Input(f.name, "mimic:v1"), s.Input(f.name, "mimic:v1")
	f.spoil(bad)
	if f.repair != nil {
		good = bad
	}
	created, id := s.Create(bad)
	arn := *created.ServiceArn
	s.Await(arn, apprunnerapi.ServiceStatusCreateFailed)
	f.check(t, s, id, apprunner.OperationFailed)
	if code, body := s.Get(created, "/"); code != 503 || !strings.Contains(body, "slipway events "+f.name) {
		t.Errorf("the URL of the failed service answers %d %q", code, body)
	}

	if f.repair != nil {
		f.repair()
	}
	s.Update(update(arn, good))
	running := s.Await(arn, apprunnerapi.ServiceStatusRunning)
	if code, body := s.Get(running, "/"); code != 200 {
		t.Errorf("the URL of the repaired service answers %d %q", code, body)
	}

	if f.again != nil {
		f.again()
	}
	stop := poll(s, running)
	id = s.Update(update(arn, bad))
	f.check(t, s, id, apprunner.OperationRollbackSucceeded)
	if n, failed := stop(); n == 0 || len(failed) > 0 {
		t.Errorf("of %d requests during the rollback, these failed: %q", n, failed)
	}
	after := s.Await(arn, apprunnerapi.ServiceStatusRunning)
	after.UpdatedAt = running.UpdatedAt
	if diff := cmp.Diff(running, after); diff != "" {
		t.Errorf("the configuration was not rolled back (-before +after):\n%s", diff)
	}
	s.Delete(arn)
}

// check holds the operation, the events and the deployment log to what they must tell.
func (f failure) check(t *testing.T, s *kit.Slipway, id string, want apprunner.OperationStatus) {
	t.Helper()
	o := s.AwaitOperation(f.name, id)
	if o.Status != want {
		t.Errorf("the operation is %s, want %s", o.Status, want)
	}
	for what, text := range map[string]string{
		"reason": o.Reason, "event log": s.Events(f.name), "deployment log": s.DeploymentLog(f.name, id),
	} {
		for _, part := range f.want {
			if !strings.Contains(text, part) {
				t.Errorf("the %s does not say %q:\n%s", what, part, text)
			}
		}
	}
	if testing.Verbose() {
		t.Logf("reason: %s", o.Reason)
	}
}

// update asks for everything that a service was, or is to be, created with.
func update(arn string, in *apprunnerapi.CreateServiceInput) *apprunnerapi.UpdateServiceInput {
	return &apprunnerapi.UpdateServiceInput{
		ServiceArn: &arn, SourceConfiguration: in.SourceConfiguration,
		InstanceConfiguration: in.InstanceConfiguration, HealthCheckConfiguration: in.HealthCheckConfiguration,
	}
}

// poll calls a service all the time until stop, which returns how many requests there were and what
// the failed ones answered.
func poll(s *kit.Slipway, service *apprunnerapi.Service) (stop func() (n int, failed []string)) {
	done := make(chan struct{})
	var work sync.WaitGroup
	var n int
	var failed []string
	work.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
			if code, body := s.Get(service, "/"); code != 200 {
				failed = append(failed, fmt.Sprint(code, " ", body))
			}
			n++
		}
	})
	return func() (int, []string) {
		close(done)
		work.Wait()
		return n, failed
	}
}

// testFailedCounts fills the quota of a Region with services that failed.
func testFailedCounts(s *kit.Slipway) {
	s.Region = "eu-west-1"
	var last string
	for i := range 20 {
		created, _ := s.Create(s.Input(fmt.Sprintf("failed-%d", i), "absent:v1"))
		last = *created.ServiceArn
	}
	s.Await(last, apprunnerapi.ServiceStatusCreateFailed)
	err := s.Call("CreateService", s.Input("one-more", "absent:v1"), nil)
	s.WantError(err, "ServiceQuotaExceededException", "20 services in Region eu-west-1")
	s.Delete(last)
	s.Create(s.Input("one-more", "absent:v1"))
}
