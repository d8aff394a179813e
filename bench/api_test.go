package bench

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
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
		b.ReportMetric(float64(started.Milliseconds()), "start-ms")
		b.ReportMetric(memory, "memory-MB")
		calls(b, func(n int) error {
			var out apprunnerapi.DescribeServiceOutput
			return s.Call("DescribeService", apprunnerapi.DescribeServiceInput{ServiceArn: &arns[n%len(arns)]}, &out)
		})
	})
	b.Run("ListServices", func(b *testing.B) {
		calls(b, func(int) error {
			var out apprunnerapi.ListServicesOutput
			err := s.Call("ListServices", apprunnerapi.ListServicesInput{MaxResults: new(int32(20))}, &out)
			if err == nil && len(out.ServiceSummaryList) != 20 {
				return fmt.Errorf("%d services are listed", len(out.ServiceSummaryList))
			}
			return err
		})
	})
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

// calls lets eight clients call at once and reports the rate and the slowest hundredth.
func calls(b *testing.B, call func(n int) error) {
	const clients = 8
	var mu sync.Mutex
	var took []time.Duration
	next := 0
	begin := time.Now()
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for {
				mu.Lock()
				n := next
				next++
				mu.Unlock()
				if n >= b.N {
					return
				}
				one := time.Now()
				if err := call(n); err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				took = append(took, time.Since(one))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(begin)
	b.ReportMetric(float64(len(took))/elapsed.Seconds(), "calls/s")
	b.ReportMetric(percentile(took, 99), "p99-ms")
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

func init() { http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 64 }
