package test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
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

// idleConfig makes instances sleep soon.
const idleConfig = "timeouts: {stop: 1s, drain: 5s, scale-in: 2s}\nidle: {freeze-after: 1s, spares: 8}\n"

// TestIdle lets services idle in every way that there is, and counts how the requests go that wake them.
func TestIdle(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, idleConfig)
	s.PushMimic("mimic:v1", "v1")
	for name, test := range map[string]func(*testing.T, *kit.Slipway){
		"throttled":        testThrottled,
		"always on":        testAlwaysOn,
		"frozen":           testFrozen,
		"to zero and back": testToZero,
		"rollback":         testQuickRollback,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s.With(t))
		})
	}
}

// idler creates a service with tags, KEY=value each.
func idler(s *kit.Slipway, name string, tags ...string) *apprunnerapi.Service {
	in := s.Input(name, "mimic:v1", "MARK="+s.Dir+name)
	for _, tag := range tags {
		key, value, _ := strings.Cut(tag, "=")
		in.Tags = append(in.Tags, apprunnerapi.Tag{Key: &key, Value: &value})
	}
	return s.Run(in)
}

// states lists the states of a service's instances, sorted.
func states(t *testing.T, s *kit.Slipway, name string) []string {
	t.Helper()
	var all []admin.Instance
	if err := json.Unmarshal([]byte(s.CLI("instances", name, "--output", "json")), &all); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, i := range all {
		found = append(found, i.State)
	}
	slices.Sort(found)
	return found
}

func awaitStates(t *testing.T, s *kit.Slipway, name string, want ...string) {
	t.Helper()
	s.Eventually(fmt.Sprintf("the instances of %s are %v", name, want), 30*time.Second, func() error {
		if got := states(t, s, name); !slices.Equal(got, want) {
			return kit.Errorf("they are %v", got)
		}
		return nil
	})
}

// quota is the limit on the CPU of the only instance of a service that runs.
func quota(t *testing.T, s *kit.Slipway, name string) string {
	t.Helper()
	pids := kit.Processes(t, "MARK="+s.Dir+name)
	if len(pids) != 1 {
		t.Fatalf("the processes %v run of %s", pids, name)
	}
	return kit.Limit(t, pids[0], "cpu.cfs_quota_us", "cpu.max")
}

func testThrottled(t *testing.T, s *kit.Slipway) {
	service := idler(s, "quiet")
	awaitStates(t, s, "quiet", "PREPARED", "THROTTLED")
	if got := quota(t, s, "quiet"); !strings.HasPrefix(got, "4980") {
		t.Errorf("throttled, its quota is %q", got)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		wantBody(t, s, service, "/sleep?d=1500ms", "slept")
	}()
	s.Eventually("it has its CPU while it has a request", 5*time.Second, func() error {
		if got := quota(t, s, "quiet"); !strings.HasPrefix(got, "25000") {
			return kit.Errorf("its quota is %q", got)
		}
		return nil
	})
	<-done
	awaitStates(t, s, "quiet", "PREPARED", "THROTTLED")
}

func testAlwaysOn(t *testing.T, s *kit.Slipway) {
	idler(s, "eager", "slipway:idle=always-on")
	time.Sleep(3 * time.Second)
	if got := states(t, s, "eager"); !slices.Contains(got, "ACTIVE") || !strings.HasPrefix(quota(t, s, "eager"), "25000") {
		t.Errorf("it is %v with quota %q", got, quota(t, s, "eager"))
	}
}

// now and then, clients call a service with pauses in which it falls asleep. It returns how many of
// their requests went wrong.
func nowAndThen(s *kit.Slipway, service *apprunnerapi.Service, clients, calls int, longest time.Duration) (failed []string) {
	var mu sync.Mutex
	var work sync.WaitGroup
	for range clients {
		work.Go(func() {
			for range calls {
				time.Sleep(rand.N(longest))
				if code, body := s.Get(service, "/"); code != http.StatusOK {
					mu.Lock()
					failed = append(failed, fmt.Sprint(code, " ", body))
					mu.Unlock()
				}
			}
		})
	}
	work.Wait()
	return failed
}

func testFrozen(t *testing.T, s *kit.Slipway) {
	service := idler(s, "icicle", "slipway:idle=freeze")
	awaitStates(t, s, "icicle", "FROZEN", "PREPARED")
	pid := kit.Processes(t, "MARK="+s.Dir+"icicle")
	time.Sleep(4 * time.Second) // longer than the health check, each second, would let it
	if got := states(t, s, "icicle"); !slices.Contains(got, "FROZEN") {
		t.Fatalf("left alone it is %v", got)
	}
	if failed := nowAndThen(s, service, 2, 5, 5*time.Second); len(failed) > 0 {
		t.Errorf("%d requests to an instance that is now and then frozen failed: %q", len(failed), failed)
	}
	if now := kit.Processes(t, "MARK="+s.Dir+"icicle"); !slices.Equal(now, pid) {
		t.Errorf("process %v was replaced by %v", pid, now)
	}
}

func testToZero(t *testing.T, s *kit.Slipway) {
	service := idler(s, "absent", "slipway:scale-to-zero-after=2s")
	for range 2 {
		awaitStates(t, s, "absent", "PREPARED")
		if left := kit.Processes(t, "MARK="+s.Dir+"absent"); len(left) > 0 {
			t.Errorf("at zero the processes %v run", left)
		}
		var work sync.WaitGroup
		for range 20 {
			work.Go(func() { wantBody(t, s, service, "/sleep?d=100ms", "slept") })
		}
		work.Wait()
	}
	if failed := nowAndThen(s, service, 2, 5, 6*time.Second); len(failed) > 0 {
		t.Errorf("%d requests to a service that is now and then at zero failed: %q", len(failed), failed)
	}
}

// testQuickRollback goes back to a revision that stayed prepared.
func testQuickRollback(t *testing.T, s *kit.Slipway) {
	in := s.Input("regret", "mimic:v1", "MODE=old")
	service := s.Run(in)
	changed := s.Input("regret", "mimic:v1", "MODE=new").SourceConfiguration
	s.AwaitOperation("regret", s.Update(&apprunnerapi.UpdateServiceInput{ServiceArn: service.ServiceArn, SourceConfiguration: changed}))
	s.Eventually("an instance of each revision is prepared", 30*time.Second, func() error {
		if got := states(t, s, "regret"); len(got) != 3 || got[0] != "PREPARED" || got[1] != "PREPARED" {
			return kit.Errorf("they are %v", got)
		}
		return nil
	})
	before := s.CLI("instances", "regret")
	s.CLI("rollback", "regret")
	name := hostname(s, service)
	wantBody(t, s, service, "/env", "MODE=old")
	for line := range strings.Lines(before) {
		if strings.HasPrefix(line, name) && strings.Contains(line, "PREPARED") {
			return
		}
	}
	t.Errorf("instance %s serves after the rollback; before it there were\n%s", name, before)
}

// TestIdleOutlivesTheDaemon kills the daemon while its services sleep in every way.
func TestIdleOutlivesTheDaemon(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, idleConfig)
	s.PushMimic("mimic:v1", "v1")
	services := map[string]*apprunnerapi.Service{
		"quiet":  idler(s, "quiet"),
		"icicle": idler(s, "icicle", "slipway:idle=freeze"),
		"absent": idler(s, "absent", "slipway:scale-to-zero-after=2s"),
	}
	asleep := map[string][]string{"quiet": {"PREPARED", "THROTTLED"}, "icicle": {"FROZEN", "PREPARED"}, "absent": {"PREPARED"}}
	list := map[string]string{}
	for name, want := range asleep {
		awaitStates(t, s, name, want...)
		list[name] = ids(t, s, name)
	}
	s.Kill()
	s.Start()
	for name, want := range asleep {
		awaitStates(t, s, name, want...)
		if now := ids(t, s, name); now != list[name] {
			t.Errorf("the instances of %s were %s and are %s", name, list[name], now)
		}
	}
	for _, service := range services {
		wantBody(t, s, service, "/", "v1 instance")
	}
}

// ids lists the instances of a service.
func ids(t *testing.T, s *kit.Slipway, name string) string {
	t.Helper()
	var found []string
	for line := range strings.Lines(s.CLI("instances", name)) {
		found = append(found, strings.Fields(line)[0])
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}
