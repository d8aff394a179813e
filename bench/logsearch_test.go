package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd/logfile"
	"github.com/slipway-run/slipway/internal/logs"
	"github.com/slipway-run/slipway/internal/logs/pattern"
	"github.com/slipway-run/slipway/internal/telemetry"
)

// output is that of instances in files, as the engine has it.
type output struct {
	reader
	dir string
}

// reader has what is not measured.
type reader interface{ engine.Logs }

func (o output) ScanLogs(ctx context.Context, id string, r engine.LogRange, visit func(engine.LogEntry) bool) error {
	return logfile.Scan(ctx, filepath.Join(o.dir, id), logfile.Range(r), func(e logfile.Entry) bool {
		return visit(engine.LogEntry{Line: engine.Line{Time: e.Time, Text: e.Text}, Position: e.Position})
	})
}

func (o output) LogParts(_ context.Context, id string) (parts []engine.LogPart, err error) {
	files, err := logfile.Parts(filepath.Join(o.dir, id))
	for _, f := range files {
		parts = append(parts, engine.LogPart{First: f.First, Last: f.Last, Bytes: f.Bytes})
	}
	return parts, err
}

// BenchmarkLogSearch searches a gigabyte, for the first page and for everything of logs: 36 instances with three files of 10 MB each.
func BenchmarkLogSearch(b *testing.B) {
	dir := b.TempDir()
	l, err := telemetry.Open(filepath.Join(dir, "logs"), output{dir: dir}, telemetry.Options{})
	if err != nil {
		b.Fatal(err)
	}
	service := telemetry.Service{Name: "web", ID: "0123456789abcdef0123456789abcdef"}
	now, total := time.Now().Add(-time.Hour), int64(0)
	for i := range 36 {
		id := fmt.Sprintf("%032x", i)
		if err := l.AddInstance(service, id, now); err != nil {
			b.Fatal(err)
		}
		total += writeOutput(b, filepath.Join(dir, id), now.Add(time.Duration(i)*time.Second))
	}
	for name, text := range map[string]string{
		"nowhere": "unobtainium", "rare": "needle", "everywhere": "GET", "JSON": `{ $.status = 599 }`, "regular expression": "%status=59[0-9]%",
	} {
		b.Run(name, func(b *testing.B) {
			p, err := pattern.Parse(text)
			if err != nil {
				b.Fatal(err)
			}
			var first, whole time.Duration
			events, pages := 0, 0
			for b.Loop() {
				events, pages = 0, 0
				began := time.Now()
				s := logs.Search{Group: service.ApplicationGroup(), Pattern: p, Limit: logs.MaxEvents}
				if s.Streams, err = l.Describe(b.Context(), s.Group); err != nil {
					b.Fatal(err)
				}
				for pages == 0 || s.Token != "" && events < logs.MaxEvents/2 { // what is everywhere needs no more
					found, err := logs.Find(b.Context(), l, s)
					if err != nil {
						b.Fatal(err)
					}
					if pages == 0 {
						first += time.Since(began)
					}
					s.Token, events, pages = found.Token, events+len(found.Events), pages+1
				}
				whole += time.Since(began)
			}
			b.ReportMetric(first.Seconds()*1000/float64(b.N), "ms/first-page")
			b.ReportMetric(whole.Seconds()*1000/float64(b.N), "ms/all")
			b.ReportMetric(float64(pages), "pages")
			b.ReportMetric(float64(events), "events")
			b.ReportMetric(float64(total)/1e9, "GB")
		})
	}
}

// writeOutput writes the log files of an instance: lines of a web server, a few of them special.
func writeOutput(b *testing.B, dir string, at time.Time) (total int64) {
	b.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	line := 0
	for file := 1; file <= 3; file++ {
		var data bytes.Buffer
		for data.Len() < 10<<20 {
			line++
			word := "GET"
			if line%50_000 == 0 {
				word = "needle"
			}
			fmt.Fprintf(&data, "%d o 10.0.0.%d - %q \"%s /path/to/%d HTTP/1.1\" status=%d bytes=%d \"Mozilla/5.0 (X11; Linux x86_64)\"\n",
				at.Add(time.Duration(line)*10*time.Millisecond).UnixMilli(), line%250, "frank", word, line, 200+line%5, line*7%10_000)
		}
		total += int64(data.Len())
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%08d.log", file)), data.Bytes(), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return total
}
