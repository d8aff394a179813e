package bench

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// BenchmarkDeployUnderLoad deploys and rolls back while a service has a thousand requests per second, and
// counts those that fail. They are POSTs that nobody repeats.
func BenchmarkDeployUnderLoad(b *testing.B) {
	s := kit.Start(b, wakeConfig)
	s.PushMimic("mimic:latest", "v1")
	input := func(mode string) *apprunnerapi.CreateServiceInput {
		return s.Input("loaded", "mimic:latest", "MODE="+mode)
	}
	service := s.Run(input("old"))
	load := s.Load(service, kit.LoadOptions{Rate: 1000, Clients: 32, Method: http.MethodPost, Body: "x", Path: "/health"})
	var deployed, back []time.Duration
	for n := 0; b.Loop(); n++ {
		mode := fmt.Sprintf("new-%d.", n) // no two revisions are the same
		begin := time.Now()
		id := s.Update(&apprunnerapi.UpdateServiceInput{ServiceArn: service.ServiceArn, SourceConfiguration: input(mode).SourceConfiguration})
		awaitMode(b, s, service, mode, true)
		deployed = append(deployed, time.Since(begin))
		s.AwaitOperation("loaded", id)
		time.Sleep(time.Second) // for the revision before to be prepared
		done := make(chan struct{})
		begin = time.Now()
		go func() { defer close(done); s.CLI("rollback", "loaded") }()
		awaitMode(b, s, service, mode, false)
		back = append(back, time.Since(begin))
		<-done
	}
	n, failed := load.Stop()
	if len(failed) > 0 {
		b.Logf("failed, such as %q", failed[:min(3, len(failed))])
	}
	note(b, "deploy", map[string]float64{
		"requests": float64(n), "failed": float64(len(failed)), "p50-ms": percentile(load.Took(), 50), "p99-ms": percentile(load.Took(), 99),
		"deployment-ms": ms(deployed), "rollback-ms": ms(back), "rollback-most-ms": percentile(back, 100),
	})
}

// awaitMode waits until a service answers with a variable, or without it.
func awaitMode(b *testing.B, s *kit.Slipway, service *apprunnerapi.Service, mode string, with bool) {
	b.Helper()
	client := s.Client()
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(time.Minute); ; {
		code, body := s.GetWith(client, service, "/env")
		if code == http.StatusOK && strings.Contains(body, "MODE="+mode) == with {
			return
		}
		if code != http.StatusOK || time.Now().After(deadline) {
			b.Fatalf("it answers %d %s", code, body)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

const (
	idleServices  = 10
	awakeServices = 20
	idleTime      = 10 * time.Second
)

// BenchmarkManyServices compares a Slipway with a thousand registered services, twenty of which run, with
// one that has one: the latency at 1,000 requests per second, in turns. The requests go to one of the
// twenty, which says what the others cost it, and over all of them, of which each application has a
// twentieth. It states the memory and the processor time of the daemon, idle, also of one with ten
// services.
func BenchmarkManyServices(b *testing.B) {
	few := kit.Start(b, "")
	one := runServices(b, few, 1)
	many := kit.New(b, "throttle: {rate: 1000000, burst: 1000000}\nquotas: {services: 2000}\n")
	register(b, many.Dir)
	many.Start()
	twenty := runServices(b, many, awakeServices)

	var ratios, ofAll, p50s, p99s []float64
	for b.Loop() {
		alone50, _ := trickleTo(b, few.HTTP, "/health", "not today\n", one...)
		among50, among99 := trickleTo(b, many.HTTP, "/health", "not today\n", twenty[0])
		all50, _ := trickleTo(b, many.HTTP, "/health", "not today\n", twenty...)
		ratios = append(ratios, among50.Seconds()/alone50.Seconds())
		ofAll = append(ofAll, all50.Seconds()/alone50.Seconds())
		p50s, p99s = append(p50s, among50.Seconds()*1000), append(p99s, among99.Seconds()*1000)
	}
	numbers := map[string]float64{
		"registered": registered, "awake": awakeServices, "p50-ms": middle(p50s), "p99-ms": middle(p99s),
		"latency/one-service": middle(ratios), "latency-of-all/one-service": middle(ofAll),
	}
	numbers["memory-MB"], numbers["cpu-percent"] = idle(b, many)
	runServices(b, few, idleServices-1)
	numbers["10-services-memory-MB"], numbers["10-services-cpu-percent"] = idle(b, few)
	note(b, "services", numbers)
}

// runServices runs more services and returns their hosts.
func runServices(b *testing.B, s *kit.Slipway, n int) []string {
	b.Helper()
	s.PushMimic("mimic:latest", "v1")
	hosts := make([]string, n)
	slots := make(chan struct{}, 2)
	var work sync.WaitGroup
	for i := range hosts {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			service := s.Run(s.Input(fmt.Sprintf("awake-%d-%02d", n, i), "mimic:latest"))
			hosts[i] = strings.Split(*service.ServiceUrl, ":")[0]
		})
	}
	work.Wait()
	return hosts
}

// idle is the memory of a daemon that was left alone, and how much of a processor it took.
func idle(b *testing.B, s *kit.Slipway) (mb, percent float64) {
	b.Helper()
	time.Sleep(idleTime)
	before := ticks(b, s.PID())
	time.Sleep(idleTime)
	const perSecond = 100 // USER_HZ
	return residentMB(b, s.PID()), (ticks(b, s.PID()) - before) / perSecond / idleTime.Seconds() * 100
}

// ticks is the processor time of a process, in hundredths of a second.
func ticks(b *testing.B, pid int) float64 {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return user + system
}

// middle is the median.
func middle(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
