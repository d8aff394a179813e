package bench

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// BenchmarkFirstResponse measures the time until an application answers for the first time, with its
// image present: CreateService and its URL, docker run and its port, and the program started by hand,
// which is the application's own share. The three take turns.
func BenchmarkFirstResponse(b *testing.B) {
	s := kit.Start(b, "")
	s.PushMimic("mimic:latest", "v1")
	d := startDocker(b)
	program := loadMimic(b, d)
	warmUp := s.Run(s.Input("warm-up", "mimic:latest")) // the first pull is not what is measured
	remove(b, s, *warmUp.ServiceArn)

	var slipway, running, docker, alone []time.Duration
	for n := 0; b.Loop(); n++ {
		first, done := createService(b, s, fmt.Sprint("service-", n))
		slipway, running = append(slipway, first), append(running, done)
		docker = append(docker, dockerRun(b, d, fmt.Sprint("service-", n)))
		alone = append(alone, execute(b, program))
	}
	b.ReportMetric(0, "ns/op") // the sum of all three says nothing
	b.ReportMetric(ms(slipway), "slipway-ms")
	b.ReportMetric(ms(running), "slipway-RUNNING-ms")
	b.ReportMetric(ms(docker), "docker-ms")
	b.ReportMetric(ms(alone), "application-ms")
	b.ReportMetric(ms(slipway)-ms(alone), "slipway-platform-ms")
	b.ReportMetric(ms(docker)-ms(alone), "docker-platform-ms")
	b.ReportMetric(ms(slipway)/ms(docker), "slipway/docker")
}

// ms is the median in milliseconds.
func ms(all []time.Duration) float64 { return percentile(all, 50) }

// percentile is what so many of a hundred took at most, in milliseconds.
func percentile(all []time.Duration, p int) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return float64(all[min(len(all)-1, len(all)*p/100)].Microseconds()) / 1000
}

// createService returns how long the first answer took, and the status RUNNING.
func createService(b *testing.B, s *kit.Slipway, name string) (first, running time.Duration) {
	begin := time.Now()
	service, _ := s.Create(s.Input(name, "mimic:latest"))
	client := s.Client()
	defer client.CloseIdleConnections()
	awaitAnswer(b, client, "http://"+*service.ServiceUrl)
	first = time.Since(begin)
	for *s.Describe(*service.ServiceArn).Status != apprunnerapi.ServiceStatusRunning {
		time.Sleep(time.Millisecond)
	}
	running = time.Since(begin)
	remove(b, s, *service.ServiceArn)
	return first, running
}

func remove(b *testing.B, s *kit.Slipway, arn string) {
	b.Helper()
	var out apprunnerapi.DeleteServiceOutput
	if err := s.Call("DeleteService", apprunnerapi.DeleteServiceInput{ServiceArn: &arn}, &out); err != nil {
		b.Fatal(err)
	}
	s.Await(arn, apprunnerapi.ServiceStatusDeleted)
}

func dockerRun(b *testing.B, d *docker, name string) time.Duration {
	port := freePort(b)
	begin := time.Now()
	d.run("run", "-d", "--name", name, "--network", "host", "--memory", "512m", "--cpus", "0.25", "-e", "PORT="+port, "mimic:latest")
	awaitAnswer(b, http.DefaultClient, "http://127.0.0.1:"+port)
	took := time.Since(begin)
	d.run("rm", "-f", name)
	return took
}

// execute starts the program without any container.
func execute(b *testing.B, program string) time.Duration {
	port := freePort(b)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "PORT="+port)
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	awaitAnswer(b, http.DefaultClient, "http://127.0.0.1:"+port)
	took := time.Since(begin)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return took
}

func awaitAnswer(b *testing.B, client *http.Client, url string) {
	b.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		response, err := client.Get(url)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			b.Fatalf("%s does not answer: %v", url, err)
		}
	}
}

func freePort(b *testing.B) string {
	_, port := split(b, kit.FreeAddress(b))
	return port
}

func split(b *testing.B, address string) (host, port string) {
	b.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		b.Fatal(err)
	}
	return host, port
}

// loadMimic gives Docker the image, and returns the program that is in it.
func loadMimic(b *testing.B, d *docker) string {
	b.Helper()
	dir := b.TempDir()
	file := filepath.Join(dir, "mimic.tar")
	if err := tarball.WriteToFile(file, name.MustParseReference("mimic:latest"), kit.Mimic(b, "v1")); err != nil {
		b.Fatal(err)
	}
	d.run("load", "-i", file)
	return kit.MimicProgram(b, dir)
}
