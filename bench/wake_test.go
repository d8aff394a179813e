package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// The measurements of what a service costs that sleeps: how long a request waits that wakes it. Each has
// a Slipway of its own, and writes its numbers to bin/bench.

const wakeConfig = "timeouts: {scale-in: 1s, stop: 2s}\nquotas: {services: 200}\nthrottle: {rate: 1000, burst: 1000}\n"

// BenchmarkWakePrepared has a request start an instance that is prepared, and takes turns with runc that
// runs the same program in a container on the network of the machine, and with the program alone, which
// is the application's share of both.
func BenchmarkWakePrepared(b *testing.B) {
	s := kit.Start(b, wakeConfig+"idle: {spares: 4}\n")
	s.PushMimic("mimic:latest", "v1")
	service := s.Run(tagged(s, "sleeper", "slipway:scale-to-zero-after=1s"))
	program := kit.MimicProgram(b, b.TempDir())
	bundle := newBundle(b, program)
	var slipway, runc, alone []time.Duration
	for n := 0; b.Loop(); n++ {
		awaitStates(b, s, "sleeper", "PREPARED")
		slipway = append(slipway, answered(b, s, service, "/"))
		runc = append(runc, bundle.run(b, fmt.Sprintf("slipway-bench-%d-%d", os.Getpid(), n)))
		alone = append(alone, execute(b, program))
	}
	note(b, "wake-prepared", map[string]float64{
		"slipway-ms": ms(slipway), "slipway-p95-ms": percentile(slipway, 95),
		"runc-ms": ms(runc), "runc-p95-ms": percentile(runc, 95), "application-ms": ms(alone),
		"slipway-platform-ms": ms(slipway) - ms(alone), "runc-platform-ms": ms(runc) - ms(alone),
		"slipway/runc": (ms(slipway) - ms(alone)) / (ms(runc) - ms(alone)),
	})
}

// BenchmarkWakeFrozen has requests thaw instances. They take turns with requests that find the same
// instances awake.
func BenchmarkWakeFrozen(b *testing.B) {
	const services = 8
	s := kit.Start(b, wakeConfig+"idle: {freeze-after: 100ms, spares: 0}\n")
	s.PushMimic("mimic:latest", "v1")
	all := make([]*apprunnerapi.Service, services)
	for i := range all {
		all[i] = s.Run(tagged(s, fmt.Sprint("frozen-", i), "slipway:idle=freeze"))
	}
	var frozen, awake []time.Duration
	for b.Loop() {
		for i := range all {
			awaitStates(b, s, fmt.Sprint("frozen-", i), "FROZEN")
		}
		for _, service := range all {
			frozen = append(frozen, answered(b, s, service, "/"))
			awake = append(awake, answered(b, s, service, "/"))
		}
	}
	note(b, "wake-frozen", map[string]float64{
		"p50-ms": ms(frozen), "p95-ms": percentile(frozen, 95), "most-ms": percentile(frozen, 100), "requests": float64(len(frozen)),
		"awake-p50-ms": ms(awake), "awake-p95-ms": percentile(awake, 95),
	})
}

// BenchmarkWakeMany wakes a hundred services at once from prepared instances.
func BenchmarkWakeMany(b *testing.B) {
	const services = 100
	s := kit.Start(b, wakeConfig+"idle: {spares: 110}\n")
	s.PushMimic("mimic:latest", "v1")
	all := make([]*apprunnerapi.Service, services)
	slots := make(chan struct{}, 4)
	var work sync.WaitGroup
	for i := range all {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			all[i] = s.Run(tagged(s, fmt.Sprintf("many-%03d", i), "slipway:scale-to-zero-after=1s"))
		})
	}
	work.Wait()
	var last, each []time.Duration
	failed := 0
	for b.Loop() {
		for i := range all {
			awaitStates(b, s, fmt.Sprintf("many-%03d", i), "PREPARED")
		}
		took, wrong := together(b, s, all, 1, "/")
		failed += wrong
		each, last = append(each, took...), append(last, slices.Max(took))
	}
	note(b, "wake-many", map[string]float64{
		"services": services, "failed": float64(failed), "all-ms": ms(last), "p50-ms": ms(each), "p95-ms": percentile(each, 95),
	})
}

// BenchmarkBurst sends an idle service at once as many requests as twenty instances take. Its application
// needs two seconds until it listens.
func BenchmarkBurst(b *testing.B) {
	const instances, concurrency, start = 20, 5, 2 * time.Second
	s := kit.Start(b, wakeConfig)
	s.PushMimic("mimic:latest", "v1")
	scaling := s.Scaling("burst", concurrency, 1, 25)
	var all []time.Duration
	failed := 0
	for n := 0; b.Loop(); n++ {
		in := s.Input(fmt.Sprint("burst-", n), "mimic:latest", "START_DELAY="+start.String())
		in.AutoScalingConfigurationArn = scaling
		service := s.Run(in)
		awaitStates(b, s, fmt.Sprint("burst-", n), "PREPARED", "THROTTLED")
		took, wrong := together(b, s, []*apprunnerapi.Service{service}, instances*concurrency, "/sleep?d=500ms")
		all, failed = append(all, took...), failed+wrong
		remove(b, s, *service.ServiceArn)
	}
	note(b, "burst", map[string]float64{
		"requests": float64(len(all)), "failed": float64(failed), "application-start-ms": float64(start.Milliseconds()),
		"p50-ms": ms(all), "p99-ms": percentile(all, 99), "p99/start": percentile(all, 99) / float64(start.Milliseconds()),
	})
}

// BenchmarkRollback measures from the call until what served before answers, which is always the same.
func BenchmarkRollback(b *testing.B) {
	s := kit.Start(b, wakeConfig)
	s.PushMimic("mimic:latest", "v1")
	input := func(n int) *apprunnerapi.CreateServiceInput {
		return s.Input("regret", "mimic:latest", fmt.Sprintf("MODE=%d.", n))
	}
	service := s.Run(input(0))
	var took []time.Duration
	for n := 1; b.Loop(); n++ {
		id := s.Update(&apprunnerapi.UpdateServiceInput{ServiceArn: service.ServiceArn, SourceConfiguration: input(n).SourceConfiguration})
		s.AwaitOperation("regret", id)
		awaitStates(b, s, "regret", "PREPARED", "PREPARED", "THROTTLED")
		done := make(chan struct{})
		begin := time.Now()
		go func() { defer close(done); s.CLI("rollback", "regret") }()
		s.Eventually("the revision before serves", time.Minute, func() error {
			code, body := s.Get(service, "/env")
			if code != http.StatusOK {
				b.Fatalf("it answers %d %s", code, body)
			}
			if !strings.Contains(body, "MODE=0.") {
				return kit.Errorf("%s", body)
			}
			return nil
		})
		took = append(took, time.Since(begin))
		<-done
	}
	note(b, "rollback", map[string]float64{"switched-ms": ms(took), "most-ms": percentile(took, 100)})
}

// tagged is a request for a service with a tag, given as KEY=value.
func tagged(s *kit.Slipway, name, tag string) *apprunnerapi.CreateServiceInput {
	in := s.Input(name, "mimic:latest")
	key, value, _ := strings.Cut(tag, "=")
	in.Tags = []apprunnerapi.Tag{{Key: &key, Value: &value}}
	return in
}

// awaitStates waits until the instances of a service are in these states, in the order of the alphabet.
func awaitStates(b *testing.B, s *kit.Slipway, name string, want ...string) {
	b.Helper()
	s.Eventually(fmt.Sprintf("the instances of %s are %v", name, want), 2*time.Minute, func() error {
		var all []admin.Instance
		if err := json.Unmarshal([]byte(s.CLI("instances", name, "--output", "json")), &all); err != nil {
			return err
		}
		var got []string
		for _, i := range all {
			got = append(got, i.State)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			return kit.Errorf("they are %v", got)
		}
		return nil
	})
}

// answered is how long a request takes, to the end of its answer, over a connection of its own.
func answered(b *testing.B, s *kit.Slipway, service *apprunnerapi.Service, path string) time.Duration {
	b.Helper()
	begin := time.Now()
	if code, body := s.Get(service, path); code != http.StatusOK {
		b.Fatalf("%s answers %d %s", *service.ServiceName, code, body)
	}
	return time.Since(begin)
}

// together sends n requests to each service at the same time. It returns how long each took, and how many
// failed.
func together(b *testing.B, s *kit.Slipway, services []*apprunnerapi.Service, n int, path string) (took []time.Duration, failed int) {
	var mu sync.Mutex
	var work sync.WaitGroup
	begin := time.Now()
	for _, service := range services {
		for range n {
			work.Go(func() {
				code, body := s.Get(service, path)
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(begin))
				if code != http.StatusOK {
					failed++
					b.Logf("%s answers %d %s", *service.ServiceName, code, body)
				}
			})
		}
	}
	work.Wait()
	return took, failed
}

// bundle is a program as runc runs it.
type bundle struct{ dir, runc, port string }

// newBundle makes what runc itself would ("runc spec"), with the program instead of a shell, without a
// terminal, and on the network of the machine, which spares runc one namespace.
func newBundle(b *testing.B, program string) bundle {
	b.Helper()
	u := bundle{dir: b.TempDir(), runc: filepath.Join(kit.Root(), "bin", "engine", "runc"), port: freePort(b)}
	root := filepath.Join(u.dir, "rootfs")
	if err := os.Mkdir(root, 0o755); err != nil {
		b.Fatal(err)
	}
	copyFile(b, program, filepath.Join(root, "mimic"))
	cmd := exec.Command(u.runc, "spec")
	cmd.Dir = u.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("runc spec: %v: %s", err, out)
	}
	file := filepath.Join(u.dir, "config.json")
	data, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	var spec map[string]any
	if err := json.Unmarshal(data, &spec); err != nil {
		b.Fatal(err)
	}
	process := spec["process"].(map[string]any)
	process["terminal"], process["args"], process["env"] = false, []string{"/mimic"}, []string{"PORT=" + u.port}
	linux := spec["linux"].(map[string]any)
	linux["namespaces"] = slices.DeleteFunc(linux["namespaces"].([]any), func(n any) bool { return n.(map[string]any)["type"] == "network" })
	if data, err = json.Marshal(spec); err == nil {
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	return u
}

// run returns how long the program takes to answer in a new container.
func (u bundle) run(b *testing.B, name string) time.Duration {
	b.Helper()
	state := filepath.Join(u.dir, "state")
	cmd := exec.Command(u.runc, "--root", state, "run", "--bundle", u.dir, name)
	cmd.Stdout, cmd.Stderr = io.Discard, os.Stderr
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	awaitAnswer(b, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "http://127.0.0.1:"+u.port)
	took := time.Since(begin)
	if out, err := exec.Command(u.runc, "--root", state, "kill", name, "KILL").CombinedOutput(); err != nil {
		b.Fatalf("runc kill: %v: %s", err, out)
	}
	_ = cmd.Wait() // it was killed
	return took
}

func copyFile(b *testing.B, from, to string) {
	b.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o755)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// note writes the numbers of a benchmark where others find them.
func note(b *testing.B, name string, numbers map[string]float64) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // the time of a round says nothing
	for unit, n := range numbers {
		b.ReportMetric(n, unit)
	}
	file := filepath.Join(kit.Root(), "bin", "bench", name+".json")
	data, err := json.MarshalIndent(map[string]any{"machine": machine(), "numbers": numbers}, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(file, append(data, '\n'), 0o644)
	}
	if err != nil {
		b.Fatal(err)
	}
}
