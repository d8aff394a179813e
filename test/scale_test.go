package test

import (
	"encoding/json"
	"net/http"
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
		"out and in":         testOutAndIn,
		"beyond capacity":    testBeyondCapacity,
		"beyond the queue":   testBeyondQueue,
		"smallest size":      testMinSize,
		"by tag":             testDrivers,
		"instance that ends": testInstanceThatEnds,
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
			load := s.Load(service, kit.LoadOptions{Clients: 1, Path: tc.path})
			s.Eventually("two instances run", 30*time.Second, func() error {
				if shown := s.CLI("scaling", "by-"+name); !strings.Contains(shown, "2 wanted of 1 to 2, 2 ready") {
					return kit.Errorf("%s", shown)
				}
				return nil
			})
			load.End(t, "scaling by "+name)
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
	// One at once and one that waited; the others would have waited longer than five seconds.
	ok := 0
	for _, a := range answersOf(t, s, service, "/sleep?d=3500ms", 4) {
		if a.code == http.StatusOK {
			ok++
		} else if a.took < 4900*time.Millisecond {
			t.Errorf("refused after %v with %q", a.took, a.body)
		}
	}
	if ok != 2 {
		t.Errorf("%d requests of 4 were answered, want 2", ok)
	}
}

// testBeyondQueue has more requests than may wait: those are refused at once, and nobody else is.
func testBeyondQueue(t *testing.T, s *kit.Slipway) {
	in := s.Input("crowded", "mimic:v1")
	in.AutoScalingConfigurationArn = s.Scaling("crowded", 1, 1, 1)
	service := s.Run(in)
	ok, refused := 0, 0
	for _, a := range answersOf(t, s, service, "/sleep?d=300ms", 20) {
		switch {
		case a.code == http.StatusOK:
			ok++
		case a.took < time.Second:
			refused++
		default:
			t.Errorf("refused after %v", a.took)
		}
	}
	// One at once, and ten may wait for each that can be served at a time.
	if ok != 11 || refused != 9 {
		t.Errorf("of 20 requests %d were answered and %d refused at once, want 11 and 9", ok, refused)
	}
}

type timedAnswer struct {
	code int
	body string
	took time.Duration
}

// answersOf sends n requests at the same time. Each answer is 200, or 429 with what the caller may do.
func answersOf(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service, path string, n int) []timedAnswer {
	t.Helper()
	answers := make([]timedAnswer, n)
	var work sync.WaitGroup
	for i := range answers {
		work.Go(func() {
			begin := time.Now()
			request, err := http.NewRequest(http.MethodGet, "http://"+*service.ServiceUrl+path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			code, header, body := s.Send(request)
			answers[i] = timedAnswer{code, body, time.Since(begin)}
			busy := code == http.StatusTooManyRequests && header.Get("Retry-After") != "" && strings.Contains(body, "more requests than it can take")
			if code != http.StatusOK && !busy {
				t.Errorf("answered %d with Retry-After %q: %q", code, header.Get("Retry-After"), body)
			}
		})
	}
	work.Wait()
	return answers
}

func testMinSize(t *testing.T, s *kit.Slipway) {
	in := s.Input("pair", "mimic:v1")
	in.AutoScalingConfigurationArn = s.Scaling("pair", 1, 2, 3)
	service := s.Run(in)
	if names := answering(s, service, 2); len(names) != 2 {
		t.Errorf("of a service with MinSize 2 these answer two requests at once: %v", names)
	}
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
