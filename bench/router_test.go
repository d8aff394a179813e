package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/slipway-run/slipway/test/kit"
)

const (
	connections = 64
	oneRound    = 3 * time.Second
)

// direct is the backend without anything before it.
const direct = "direct"

// round is what one round measured of one contender.
type round struct {
	Rate     float64       // requests per second at full load
	P50, P99 time.Duration // at 1,000 requests per second
}

// BenchmarkRouter measures requests per second through Slipway's router and its peers, with keep-alive
// and 64 connections, and the latency that each adds at 1,000 requests per second. All have the same
// backend, and they take turns: each round measures all of them.
func BenchmarkRouter(b *testing.B) {
	installPeers(b)
	contenders := startContenders(b)
	rounds := map[string][]round{}
	for b.Loop() {
		for _, c := range contenders {
			rate := hammer(b, c)
			p50, p99 := trickle(b, c.address)
			rounds[c.name] = append(rounds[c.name], round{rate, p50, p99})
		}
	}
	b.ReportMetric(0, "ns/op") // the length of a round says nothing
	report(b, contenders, summarise(rounds))
}

func installPeers(b *testing.B) {
	b.Helper()
	if out, err := exec.Command(filepath.Join(kit.Root(), "scripts/bench-peers")).CombinedOutput(); err != nil {
		b.Fatalf("install the peers: %v\n%s", err, out)
	}
}

var (
	ratePattern = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	failPattern = regexp.MustCompile(`Non-2xx or 3xx responses|Socket errors: .*`)
)

// hammer has wrk send what it can.
func hammer(b *testing.B, c contender) float64 {
	b.Helper()
	out, err := exec.Command("wrk", "-t", "2", "-c", strconv.Itoa(connections), "-d", oneRound.String(), "-H", "Host: "+benchHost, "http://"+c.address+"/").Output()
	if err != nil {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	if bad := failPattern.Find(out); bad != nil {
		b.Fatalf("%s failed requests: %s", c.name, bad)
	}
	found := ratePattern.FindSubmatch(out)
	if found == nil {
		b.Fatalf("wrk says no rate:\n%s", out)
	}
	rate, _ := strconv.ParseFloat(string(found[1]), 64)
	return rate
}

// result is the median of a contender's rounds, beside the others.
type result struct {
	Rate    float64 `json:"requests_per_second"`
	Nginx   float64 `json:"rate_beside_nginx"`      // median of the ratios within a round
	Slipway float64 `json:"rate_of_slipway_beside"` // likewise, the other way round
	Added50 float64 `json:"added_p50_ms"`           // at 1,000 requests per second, to a direct request
	Added99 float64 `json:"added_p99_ms"`           // likewise
	Rounds  int     `json:"rounds"`
	Version string  `json:"version,omitempty"`
}

// summarise compares only what was measured in the same round, since the machine changes between rounds.
func summarise(rounds map[string][]round) map[string]result {
	results := map[string]result{}
	for name, of := range rounds {
		over := func(value func(own round, n int) float64) float64 {
			var all []float64
			for n, own := range of {
				all = append(all, value(own, n))
			}
			slices.Sort(all)
			return all[len(all)/2]
		}
		results[name] = result{
			Rounds:  len(of),
			Rate:    over(func(own round, _ int) float64 { return own.Rate }),
			Nginx:   over(func(own round, n int) float64 { return own.Rate / rounds["nginx"][n].Rate }),
			Slipway: over(func(own round, n int) float64 { return rounds["slipway"][n].Rate / own.Rate }),
			Added50: over(func(own round, n int) float64 { return (own.P50 - rounds[direct][n].P50).Seconds() * 1000 }),
			Added99: over(func(own round, n int) float64 { return (own.P99 - rounds[direct][n].P99).Seconds() * 1000 }),
		}
	}
	return results
}

// report prints the table, gives Go's benchmark the ratios, and writes everything as JSON.
func report(b *testing.B, contenders []contender, results map[string]result) {
	b.Helper()
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\trequests/s\tbeside nginx\tSlipway beside it\tadded p50 ms\tadded p99 ms\t")
	for _, c := range contenders {
		r := results[c.name]
		r.Version = c.version
		results[c.name] = r
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.2f\t%.3f\t%.3f\t\n", c.name, r.Rate, r.Nginx, r.Slipway, r.Added50, r.Added99)
	}
	_ = w.Flush()
	fmt.Printf("\n%s\n", table.String())
	b.ReportMetric(results["slipway"].Rate, "req/s")
	b.ReportMetric(results["slipway"].Nginx, "slipway/nginx")
	for _, name := range []string{"caddy", logging("caddy"), "traefik", logging("traefik"), "kamal-proxy"} {
		b.ReportMetric(results[name].Slipway, "slipway/"+strings.ReplaceAll(name, ", ", "-"))
	}

	file := filepath.Join(kit.Root(), "bin/bench/router.json")
	data, err := json.MarshalIndent(map[string]any{
		"machine": machine(), "connections": connections, "contenders": results, "names": slices.Sorted(maps.Keys(results)),
	}, "", "  ")
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

// machine describes where this runs: rates mean nothing without it.
func machine() map[string]any {
	info, _ := os.ReadFile("/proc/cpuinfo")
	model := "unknown"
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	load, _ := os.ReadFile("/proc/loadavg")
	return map[string]any{
		"processor": model, "processors": runtime.NumCPU(), "kernel": strings.TrimSpace(string(kernel)),
		"go": runtime.Version(), "load_at_end": strings.TrimSpace(string(load)),
	}
}
