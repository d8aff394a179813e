package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// TestScaling loads services and counts the instances that answer.
func TestScaling(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "timeouts: {stop: 1s, drain: 5s, scale-in: 2s, queue-wait: 5s}\n")
	s.PushMimic("mimic:v1", "v1")
	s.PushMimic("mimic:v2", "v2")
	for name, test := range map[string]func(*testing.T, *kit.Slipway){
		"out and in":           testOutAndIn,
		"beyond capacity":      testBeyondCapacity,
		"smallest size":        testMinSize,
		"by tag":               testDrivers,
		"deploy under load":    testDeployUnderLoad,
		"killed instance":      testKilledInstance,
		"instance that ends":   testInstanceThatEnds,
		"unhealthy, then well": testUnhealthy,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s.With(t))
		})
	}
}

// answering sends n requests at the same time and returns the instances that answered.
func answering(s *kit.Slipway, service *apprunnerapi.Service, n int) []string {
	var mu sync.Mutex
	var names []string
	var work sync.WaitGroup
	for range n {
		work.Go(func() {
			code, body := s.Get(service, "/sleep?d=300ms")
			_, name, ok := strings.Cut(strings.TrimSpace(body), " instance ")
			mu.Lock()
			defer mu.Unlock()
			if code == http.StatusOK && ok && !slices.Contains(names, name) {
				names = append(names, name)
			}
		})
	}
	work.Wait()
	slices.Sort(names)
	return names
}

func testOutAndIn(t *testing.T, s *kit.Slipway) {
	in := s.Input("elastic", "mimic:v1", "MARK="+s.Dir)
	in.AutoScalingConfigurationArn = s.Scaling("elastic", 1, 1, 3)
	service := s.Run(in)
	s.Eventually("three instances answer", 20*time.Second, func() error {
		names := answering(s, service, 6)
		if len(names) > 3 {
			t.Fatalf("%d instances answer, beyond MaxSize 3: %v", len(names), names)
		}
		if len(names) < 3 {
			return kit.Errorf("these answer: %v", names)
		}
		return nil
	})
	events := s.Events("elastic")
	if !strings.Contains(events, "Scaling from 1 to ") {
		t.Errorf("no event tells of the scaling:\n%s", events)
	}
	s.Eventually("the idle service is back at one instance", 20*time.Second, func() error {
		if all := kit.Processes(t, "MARK="+s.Dir); len(all) != 1 {
			return kit.Errorf("the processes %v run", all)
		}
		return nil
	})
	if events = s.Events("elastic"); !strings.Contains(events, " to 1 instances.") {
		t.Errorf("no event tells of the scaling in:\n%s", events)
	}
	wantBody(t, s, service, "/", "v1 instance")
	shown := s.CLI("scaling", "elastic")
	for _, want := range []string{"INSTANCES", "1 → ", " → 1 ", "waiting, 1 per instance", "Now: 1 wanted of 1 to 3"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the decisions lack %q:\n%s", want, shown)
		}
	}
	var scaling admin.Scaling
	if err := json.Unmarshal([]byte(s.CLI("scaling", "elastic", "--output", "json")), &scaling); err != nil {
		t.Fatal(err)
	}
	if first := scaling.Decisions[0]; first.From != 1 || first.To < 2 || first.Inputs.Waiting == 0 || first.Inputs.MaxSize != 3 {
		t.Errorf("the first decision is recorded as %+v", first)
	}
}

// testDrivers has more instances started by what one client alone does.
func testDrivers(t *testing.T, s *kit.Slipway) {
	for name, tc := range map[string]struct{ tag, value, path, reason string }{
		"rps": {"slipway:scale-rps", "4", "/", "requests a second, 4 per instance."},
		"cpu": {"slipway:scale-cpu", "40%", "/burn?d=20ms", " instance, 40 % wanted."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s.With(t)
			in := s.Input("by-"+name, "mimic:v1")
			in.AutoScalingConfigurationArn = s.Scaling("by-"+name, 10, 1, 2)
			in.Tags = []apprunnerapi.Tag{{Key: &tc.tag, Value: &tc.value}}
			service := s.Run(in)
			stop := load(s, service, 1, tc.path)
			s.Eventually("two instances run", 30*time.Second, func() error {
				if shown := s.CLI("scaling", "by-"+name); !strings.Contains(shown, "2 wanted of 1 to 2, 2 ready") {
					return kit.Errorf("%s", shown)
				}
				return nil
			})
			if n, failed := stop(); len(failed) > 0 {
				t.Errorf("of %d requests %d failed: %q", n, len(failed), failed[0])
			}
			if shown := s.CLI("scaling", "by-"+name); !strings.Contains(shown, "1 → 2") || !strings.Contains(shown, tc.reason) {
				t.Errorf("the decisions lack the reason:\n%s", shown)
			}
		})
	}
}

func testBeyondCapacity(t *testing.T, s *kit.Slipway) {
	in := s.Input("narrow", "mimic:v1")
	in.AutoScalingConfigurationArn = s.Scaling("narrow", 1, 1, 1)
	service := s.Run(in)
	type answer struct {
		code int
		body string
		took time.Duration
	}
	answers := make([]answer, 4)
	var work sync.WaitGroup
	for i := range answers {
		work.Go(func() {
			begin := time.Now()
			code, body := s.Get(service, "/sleep?d=3500ms")
			answers[i] = answer{code, body, time.Since(begin)}
		})
	}
	work.Wait()
	ok := 0
	for _, a := range answers {
		switch a.code {
		case http.StatusOK:
			ok++
		case http.StatusTooManyRequests:
			if a.took < 4900*time.Millisecond || !strings.Contains(a.body, "more requests than it can take") {
				t.Errorf("refused after %v with %q", a.took, a.body)
			}
		default:
			t.Errorf("answered %d %q", a.code, a.body)
		}
	}
	// One at once and one that waited; the others would have waited longer than five seconds.
	if ok != 2 {
		t.Errorf("%d requests of 4 were answered, want 2: %+v", ok, answers)
	}
}

func testMinSize(t *testing.T, s *kit.Slipway) {
	in := s.Input("pair", "mimic:v1")
	in.AutoScalingConfigurationArn = s.Scaling("pair", 1, 2, 3)
	service := s.Run(in)
	if names := answering(s, service, 2); len(names) != 2 {
		t.Errorf("of a service with MinSize 2 these answer two requests at once: %v", names)
	}
}

// load calls a service from workers, each over its own connection, until stop.
func load(s *kit.Slipway, service *apprunnerapi.Service, workers int, path string) (stop func() (n int, failed []string)) {
	done := make(chan struct{})
	var mu sync.Mutex
	var work sync.WaitGroup
	var n int
	var failed []string
	for range workers {
		work.Go(func() {
			client := s.Client()
			defer client.CloseIdleConnections()
			for {
				select {
				case <-done:
					return
				default:
				}
				code, body := s.GetWith(client, service, path)
				mu.Lock()
				n++
				if code != http.StatusOK {
					failed = append(failed, fmt.Sprint(code, " ", body))
				}
				mu.Unlock()
			}
		})
	}
	return func() (int, []string) {
		close(done)
		work.Wait()
		return n, failed
	}
}

func testDeployUnderLoad(t *testing.T, s *kit.Slipway) {
	in := s.Input("loaded", "mimic:v1")
	service := s.Run(in)
	stop := load(s, service, 8, "/sleep?d=5ms")
	for _, image := range []string{"mimic:v2", "mimic:v1"} {
		setImage(s.Image(image))(in)
		id := s.Update(update(*service.ServiceArn, in))
		if o := s.AwaitOperation("loaded", id); o.Reason != "" {
			t.Errorf("the deployment of %s: %s", image, o.Reason)
		}
	}
	if n, failed := stop(); n < 100 || len(failed) > 0 {
		t.Errorf("of %d requests %d failed: %q", n, len(failed), failed[:min(3, len(failed))])
	}
}

func testKilledInstance(t *testing.T, s *kit.Slipway) {
	service := s.Run(s.Input("victim", "mimic:v1"))
	stop := load(s, service, 4, "/")
	name := hostname(s, service)
	process, err := os.FindProcess(kit.Process(t, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatalf("kill the application of instance %s: %v", name, err)
	}
	s.Eventually("another instance serves", 20*time.Second, func() error {
		if now := hostname(s, service); now == name || len(now) != 12 {
			return kit.Errorf("%q serves", now)
		}
		return nil
	})
	if n, failed := stop(); n == 0 || len(failed) > 0 {
		t.Errorf("of %d requests %d failed: %q", n, len(failed), failed[:min(3, len(failed))])
	}
	wantEvent(t, s, "victim", "Instance "+name, "is replaced", "exit code: 137")
}

func testInstanceThatEnds(t *testing.T, s *kit.Slipway) {
	service := s.Run(s.Input("leaver", "mimic:v1"))
	name := hostname(s, service)
	// A request that may not be sent twice is answered with what happened.
	request, err := http.NewRequest(http.MethodPost, "http://"+*service.ServiceUrl+"/exit?code=7", nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, body := s.Send(request); code != http.StatusBadGateway || !strings.Contains(body, "closed the connection") {
		t.Errorf("a request whose instance ended is answered %d %q", code, body)
	}
	s.Eventually("another instance serves", 20*time.Second, func() error {
		if now := hostname(s, service); now == name || len(now) != 12 {
			return kit.Errorf("%q serves", now)
		}
		return nil
	})
	wantEvent(t, s, "leaver", "Instance "+name, "is replaced", "exit code: 7", "mimic ends with code 7")
}

// testUnhealthy makes a running instance answer its health check badly.
func testUnhealthy(t *testing.T, s *kit.Slipway) {
	in := s.Input("moody", "mimic:v1")
	in.HealthCheckConfiguration.Protocol = new(apprunnerapi.HealthCheckProtocolHttp)
	in.HealthCheckConfiguration.Path = new("/health")
	service := s.Run(in)
	name := hostname(s, service)
	wantBody(t, s, service, "/sicken?status=503", "sick")
	s.Eventually("the sick instance is replaced", 20*time.Second, func() error {
		if now := hostname(s, service); now == name || len(now) != 12 {
			return kit.Errorf("%q serves", now)
		}
		return nil
	})
	wantEvent(t, s, "moody", "Instance "+name, "is replaced", "answered status 503")
}

// wantEvent fails the test unless one event has all parts.
func wantEvent(t *testing.T, s *kit.Slipway, name string, parts ...string) {
	t.Helper()
	events := s.Events(name)
	for line := range strings.Lines(events) {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			return
		}
	}
	t.Errorf("no event has %q:\n%s", parts, events)
}
