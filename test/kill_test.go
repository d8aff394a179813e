package test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// start runs a service "web-app" whose answers are "u0 instance …".
func start(t *testing.T, s *kit.Slipway) *apprunnerapi.Service {
	t.Helper()
	s.PushMimic("mimic:latest", "v1")
	return s.Run(s.Input("web-app", "mimic:latest", "VERSION=u0"))
}

// beginUpdate makes the answers of a service "u<n> instance …", and returns at once.
func beginUpdate(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service, n int64, more ...string) {
	t.Helper()
	in := s.Input(*service.ServiceName, "mimic:latest", append(more, fmt.Sprint("VERSION=u", n))...)
	request := apprunnerapi.UpdateServiceInput{ServiceArn: service.ServiceArn, SourceConfiguration: in.SourceConfiguration}
	if err := s.Call("UpdateService", request, &struct{}{}); err != nil {
		t.Fatalf("UpdateService: %v", err)
	}
}

func succeeded(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service) {
	t.Helper()
	if o := awaitNewest(t, s, service); *o.Status != "SUCCEEDED" {
		t.Fatalf("%s ended as %s. Events:\n%s", *o.Type, *o.Status, s.Events(*service.ServiceName))
	}
}

func kill(t *testing.T, pids ...int) {
	t.Helper()
	if len(pids) == 0 {
		t.Fatal("there is nothing to kill")
	}
	for _, pid := range pids {
		// One that ended by itself since it was listed, as a log writer does without its shim, is no fault.
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatalf("kill %d: %v", pid, err)
		}
	}
}

// TestDaemonKilledUnderTraffic kills the daemon at random moments of updates of two instances.
func TestDaemonKilledUnderTraffic(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := kit.Start(t, quick)
	var pair apprunnerapi.CreateAutoScalingConfigurationOutput
	err := s.Call("CreateAutoScalingConfiguration", apprunnerapi.CreateAutoScalingConfigurationInput{
		AutoScalingConfigurationName: new("pair"), MinSize: new(int32(2)), MaxSize: new(int32(2)),
	}, &pair)
	if err != nil {
		t.Fatal(err)
	}
	s.PushMimic("mimic:latest", "v1")
	in := s.Input("web-app", "mimic:latest", "VERSION=u0")
	in.AutoScalingConfigurationArn = pair.AutoScalingConfiguration.AutoScalingConfigurationArn
	service := s.Run(in)
	clients := call(s, service, 4)
	for n := int64(1); n <= 8; n++ {
		clients.begun.Store(n)
		beginUpdate(t, s, service, n)
		time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond)
		clients.dead(func() { s.Kill(); s.Start() })
		if random.IntN(3) == 0 { // and once more, while it goes on with the update
			time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
			clients.dead(func() { s.Kill(); s.Start() })
		}
		succeeded(t, s, service)
		clients.done.Store(n)
	}
	s.AwaitSettled(2)
	before := s.Instances()
	clients.dead(func() { s.Kill(); s.Start() })
	clients.end(t)
	if now := s.Instances(); !maps.Equal(before, now) {
		t.Errorf("instances were %v and are %v", before, now)
	}
}

func TestEngineKilledUnderTraffic(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, quick)
	service := start(t, s)
	before := s.Instances()
	clients := call(s, service, 4)
	engine := s.PIDs("containerd")
	kill(t, engine...)
	s.Eventually("another containerd runs", 20*time.Second, func() error {
		if now := s.PIDs("containerd"); len(now) != 1 || now[0] == engine[0] {
			return fmt.Errorf("it was %v and is %v", engine, now)
		}
		return nil
	})
	if now := s.Instances(); !maps.Equal(before, now) {
		t.Errorf("instances were %v and are %v", before, now)
	}
	// And in the middle of updates.
	for n := int64(1); n <= 6; n++ {
		clients.begun.Store(n)
		beginUpdate(t, s, service, n)
		time.Sleep(rand.N(400 * time.Millisecond))
		kill(t, s.PIDs("containerd")...)
		succeeded(t, s, service)
		clients.done.Store(n)
	}
	clients.end(t)
	s.AwaitSettled(1)
}

func TestInstanceAndShimKilled(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, quick)
	service := start(t, s)
	clients := call(s, service, 4)
	for _, victim := range []string{"process of an instance", "shim"} {
		before := s.Instances()
		kill(t, s.PIDs(victim)...)
		s.Eventually("an instance replaces the one whose "+victim+" was killed", 20*time.Second, func() error {
			if now := s.Instances(); len(now) != 1 || sharesAny(before, now) {
				return fmt.Errorf("instances were %v and are %v", before, now)
			}
			return nil
		})
		s.AwaitSettled(1)
		if code, body := s.Get(service, "/"); code != 200 {
			t.Errorf("after the %s was killed, the URL answers %d %q", victim, code, body)
		}
	}
	clients.end(t)
	if events := s.Events("web-app"); !strings.Contains(events, "is replaced") || !strings.Contains(events, "exit code: 137") {
		t.Errorf("events do not tell why instances were replaced:\n%s", events)
	}
}

// TestStoppedDaemon ends the daemon as a service manager does.
func TestStoppedDaemon(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, quick)
	service := start(t, s)
	before := s.Instances()
	answer := make(chan string, 1)
	client := s.Client()
	defer client.CloseIdleConnections()
	go func() {
		response, err := client.Get("http://" + *service.ServiceUrl + "/sleep?d=1s")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		answer <- fmt.Sprint(response.StatusCode, " ", string(body), err)
	}()
	time.Sleep(300 * time.Millisecond) // the request is with the application
	s.Stop()
	if got := <-answer; !strings.HasPrefix(got, "200 slept 1s instance ") {
		t.Errorf("a request in flight ended with %q", got)
	}
	s.Start()
	if now := s.Instances(); !maps.Equal(before, now) {
		t.Errorf("instances were %v and are %v", before, now)
	}
	if code, body := s.Get(service, "/"); code != 200 {
		t.Errorf("the URL answers %d %q", code, body)
	}
	// An instance that dies meanwhile is replaced, and its end told.
	s.Stop()
	kill(t, s.PIDs("process of an instance")...)
	s.Start()
	if code, body := s.Get(service, "/"); code != 200 {
		t.Errorf("the URL answers %d %q", code, body)
	}
	s.AwaitSettled(1)
	if events := s.Events("web-app"); !strings.Contains(events, "ended while Slipway was not running") {
		t.Errorf("events do not tell that an instance ended meanwhile:\n%s", events)
	}
}

// TestEverythingComesBack ends everything in several ways, some of them brutal.
func TestEverythingComesBack(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, quick)
	services := []*apprunnerapi.Service{start(t, s)}
	for _, name := range []string{"web-app-2", "web-app-3"} {
		services = append(services, s.Run(s.Input(name, "mimic:latest", "VERSION=u0")))
	}
	all := func() (pids []int) {
		for _, kind := range []string{"containerd", "shim", "log writer"} {
			pids = append(pids, s.PIDs(kind)...)
		}
		return pids
	}
	for n, way := range []struct {
		name string
		end  func()
	}{
		{"down during an update", func() { s.CLI("down"); s.AwaitEnd(time.Second) }},
		{"the engine killed with its shims", func() { s.Kill(); kill(t, all()...) }},
		{"all processes killed", func() { s.Kill(); kill(t, append(all(), s.PIDs("process of an instance")...)...) }},
	} {
		before := s.Instances()
		version := fmt.Sprint("u", n+1)
		beginUpdate(t, s, services[0], int64(n+1), "START_DELAY=700ms")
		time.Sleep(400 * time.Millisecond)
		way.end()
		s.Start()
		for _, service := range services[1:] {
			if code, body := s.Get(service, "/"); code != 200 || !strings.HasPrefix(body, "u0 instance ") {
				t.Errorf("%s: the URL of %s answers %d %q", way.name, *service.ServiceName, code, body)
			}
		}
		succeeded(t, s, services[0])
		if code, body := s.Get(services[0], "/"); code != 200 || !strings.HasPrefix(body, version+" instance ") {
			t.Errorf("%s: the URL that was updated answers %d %q, want %s", way.name, code, body, version)
		}
		s.AwaitSettled(3)
		if sharesAny(before, s.Instances()) {
			t.Errorf("%s: instances were %v and are %v", way.name, before, s.Instances())
		}
	}
}
