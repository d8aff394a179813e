package bench

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-run/slipway/test/kit"
)

// layered is a Dockerfile as people write them: what the application needs, which takes a while and
// seldom changes, then the source, then what is made of that. %s is the base, and the salt of a round.
const layered = `FROM %s
RUN echo %s; i=0; while test $i -lt 40; do head -c 1000000 /dev/urandom | sha256sum >/dep$i; head -c 1000000 /dev/zero >/lib$i; i=$((i+1)); done
COPY . /app
RUN cat /app/main.txt /dep* | sha256sum >/app/built; i=0; while test $i -lt 10; do head -c 1000000 /dev/urandom | sha256sum >/app/part$i; i=$((i+1)); done
CMD ["/bin/sh"]
`

// BenchmarkBuild measures a build as the daemon does it, with the push to the registry, beside docker build of the same Dockerfile: the first time, with one line of the source changed, and
// with nothing changed. The two take turns, on the same base image.
func BenchmarkBuild(b *testing.B) {
	d := startDocker(b)
	base := kit.Busybox(b)
	file := filepath.Join(b.TempDir(), "busybox.tar")
	if err := tarball.WriteToFile(file, name.MustParseReference("busybox:1"), base); err != nil {
		b.Fatal(err)
	}
	d.run("load", "-i", file)
	ours, theirs := map[string][]time.Duration{}, map[string][]time.Duration{}
	builder := newBuilder(b)
	builder.build(b, folder(b, builder.base, "warm-up")) // BuildKit starts once for many builds
	for n := 0; b.Loop(); n++ {
		salt := fmt.Sprint("round ", n)
		mine, other := folder(b, builder.base, salt), folder(b, "busybox:1", salt)
		for _, what := range []string{"first", "changed", "unchanged"} {
			if what == "changed" {
				write(b, filepath.Join(mine, "main.txt"), salt+" changed")
				write(b, filepath.Join(other, "main.txt"), salt+" changed")
			}
			ours[what] = append(ours[what], timed(func() { builder.build(b, mine) }))
			theirs[what] = append(theirs[what], timed(func() { d.run("build", "-q", "--network", "host", "-t", "app", other) }))
		}
	}
	b.ReportMetric(0, "ns/op") // the sum of both says nothing
	for what := range ours {
		b.ReportMetric(ms(ours[what]), "slipway-"+what+"-ms")
		b.ReportMetric(ms(theirs[what]), "docker-"+what+"-ms")
	}
}

func timed(do func()) time.Duration {
	begin := time.Now()
	do()
	return time.Since(begin)
}

func write(b *testing.B, file, text string) {
	b.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

func folder(b *testing.B, base, salt string) string {
	b.Helper()
	dir := b.TempDir()
	write(b, filepath.Join(dir, "Dockerfile"), fmt.Sprintf(layered, base, salt))
	write(b, filepath.Join(dir, "main.txt"), salt)
	return dir
}

// heavy keeps every processor busy, makes processes without end, and writes to the disk.
const heavy = `FROM %s
RUN for n in 1 2 3 4; do (while true; do head -c 3000000 /dev/urandom | sha256sum >/dev/null; done) & done; while true; do dd if=/dev/zero of=/big bs=1M count=200; rm /big; done
`

// BenchmarkServingWhileBuilding measures how long requests to an application take on a machine at rest,
// and while a build uses all that it gets.
func BenchmarkServingWhileBuilding(b *testing.B) {
	s := kit.Start(b, "")
	builder := newBuilder(b)
	s.PushMimic("mimic:latest", "v1")
	service := s.Run(s.Input("served", "mimic:latest"))
	url := "http://" + *service.ServiceUrl
	dir := b.TempDir()
	write(b, filepath.Join(dir, "Dockerfile"), fmt.Sprintf(heavy, builder.base))
	var idle, busy []time.Duration
	client := s.Client()
	load := func() (took []time.Duration) {
		for range 2000 {
			took = append(took, timed(func() { get(b, client, url) }))
			time.Sleep(2 * time.Millisecond) // as requests of people come: not one after the other
		}
		return took
	}
	load()
	for b.Loop() {
		idle = append(idle, load()...)
		stop := builder.keepBuilding(b, dir)
		busy = append(busy, load()...)
		stop()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(percentile(idle, 50), "idle-p50-ms")
	b.ReportMetric(percentile(idle, 99), "idle-p99-ms")
	b.ReportMetric(percentile(busy, 50), "building-p50-ms")
	b.ReportMetric(percentile(busy, 99), "building-p99-ms")
	b.ReportMetric(percentile(busy, 99)/percentile(idle, 99), "p99-ratio")
}

func get(b *testing.B, client *http.Client, url string) {
	b.Helper()
	response, err := client.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		b.Fatalf("the application answers %s", response.Status)
	}
}
