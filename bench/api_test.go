package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/sqlite"
	"github.com/slipway-run/slipway/internal/vault"
	"github.com/slipway-run/slipway/test/kit"
)

// registered is how many services the daemon knows in BenchmarkAPI. They are paused: it is the
// registration that is measured, not what runs.
const registered = 1000

// BenchmarkAPI measures the daemon with a thousand registered services: how long it takes to start,
// how much memory it has, and how fast it describes and lists them, signatures verified.
func BenchmarkAPI(b *testing.B) {
	s := kit.New(b, "throttle: {rate: 1000000, burst: 1000000}\n")
	arns := register(b, s.Dir)
	begin := time.Now()
	s.Start()
	started := time.Since(begin)
	memory := residentMB(b, s.PID())

	b.Run("DescribeService", func(b *testing.B) {
		measure(b, func(n int) error {
			var out apprunnerapi.DescribeServiceOutput
			return s.Call("DescribeService", apprunnerapi.DescribeServiceInput{ServiceArn: &arns[n%len(arns)]}, &out)
		})
		b.ReportMetric(float64(started.Milliseconds()), "start-ms") // measure forgets what was reported before
		b.ReportMetric(memory, "memory-MB")
	})
	b.Run("ListServices", func(b *testing.B) {
		measure(b, func(int) error {
			var out apprunnerapi.ListServicesOutput
			err := s.Call("ListServices", apprunnerapi.ListServicesInput{MaxResults: new(int32(20))}, &out)
			if err == nil && len(out.ServiceSummaryList) != 20 {
				return fmt.Errorf("%d services are listed", len(out.ServiceSummaryList))
			}
			return err
		})
	})
}

// measure lets the clients call, one round for each of the benchmark's.
func measure(b *testing.B, call func(n int) error) {
	b.Helper()
	var c calls
	for b.Loop() {
		c.round(b, call)
	}
	b.ReportMetric(0, "ns/op") // of a round
	c.report(b, "")
}

// register stores services as a daemon that ran before would have.
func register(b *testing.B, dir string) (arns []string) {
	b.Helper()
	box, err := vault.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	store, err := sqlite.Open(b.Context(), filepath.Join(dir, "slipway.db"), box)
	if err != nil {
		b.Fatal(err)
	}
	here := apprunner.Place{Account: "000000000000", Region: kit.Region}
	for n := range registered {
		name := fmt.Sprint("service-", n)
		s := apprunner.Service{
			ID: apprunner.NewID(), Name: name, Region: here.Region, Subdomain: apprunner.NewSubdomain(),
			Status: apprunner.ServicePaused, Spec: apprunner.DefaultSpec(), CreatedAt: time.Now(), UpdatedAt: time.Now(),
		}
		s.ARN = apprunner.ARN{Place: here, Type: apprunner.TypeService, Name: name, ID: s.ID}.String()
		arns = append(arns, s.ARN)
		create := func(_ []apprunner.Service, scalings apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
			s.Spec.ScalingARN = scalings.Default().ARN
			_, o := apprunner.Succeed(s, apprunner.FirstOperation(s, apprunner.NewID(), time.Now()), time.Now())
			return s, o, nil
		}
		if err := store.CreateService(b.Context(), here, create, nil); err != nil {
			b.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
	return arns
}

// calls are what clients called and how long each call took.
type calls struct {
	took    []time.Duration
	elapsed time.Duration
}

// clients call at once, so many times together in a round.
const clients, perRound = 8, 400

// round lets the clients call.
func (c *calls) round(b *testing.B, call func(n int) error) {
	b.Helper()
	var next atomic.Int64
	var mu sync.Mutex
	begin := time.Now()
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for n := next.Add(1); n <= perRound; n = next.Add(1) {
				one := time.Now()
				if err := call(int(n)); err != nil {
					b.Error(err)
					return
				}
				took := time.Since(one)
				mu.Lock()
				c.took = append(c.took, took)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	c.elapsed += time.Since(begin)
}

func (c *calls) rate() float64 { return float64(len(c.took)) / c.elapsed.Seconds() }

// report is the rate and the slowest hundredth.
func (c *calls) report(b *testing.B, who string) {
	b.ReportMetric(c.rate(), who+"calls/s")
	b.ReportMetric(percentile(c.took, 99), who+"p99-ms")
}

// residentMB is the memory of a process.
func residentMB(b *testing.B, pid int) float64 {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(text)[0], 64)
			return kb / 1024
		}
	}
	return 0
}
