package containerd_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/engine/enginetest"
)

// BenchmarkWake measures each step that a request may have to wait for.
func BenchmarkWake(b *testing.B) {
	opts := options(b)
	opts.Logger = nil
	e := open(b, opts)
	image := load(b, e, enginetest.Image(b, nil))
	steps := map[string]time.Duration{}
	measure := func(name string, f func() error) {
		begin := time.Now()
		if err := f(); err != nil {
			b.Fatalf("%s: %v", name, err)
		}
		steps[name] += time.Since(begin)
	}
	n := 0
	for b.Loop() {
		n++
		s := spec(fmt.Sprintf("bench-%d", n), image)
		s.Disk = 3 << 30
		measure("prepare", func() error { _, err := e.Prepare(b.Context(), s); return err })
		measure("start", func() error { _, err := e.Start(b.Context(), s.ID); return err })
		inst, err := e.Inspect(b.Context(), s.ID)
		if err != nil {
			b.Fatal(err)
		}
		measure("answer", func() error {
			for {
				if err := ask(inst); err == nil {
					return nil
				}
			}
		})
		measure("freeze", func() error { return e.Freeze(b.Context(), s.ID) })
		measure("thaw", func() error { return e.Thaw(b.Context(), s.ID) })
		measure("stop", func() error { return e.Stop(b.Context(), s.ID, patience) })
		measure("remove", func() error { return e.Remove(b.Context(), s.ID) })
	}
	for name, d := range steps {
		b.ReportMetric(float64(d.Microseconds())/float64(n)/1000, name+"-ms")
	}
}

// BenchmarkOpen measures how long Slipway waits for its engine: the first start, and adopting one
// that runs.
func BenchmarkOpen(b *testing.B) {
	var first, adopt time.Duration
	n := 0
	for b.Loop() {
		n++
		opts := options(b)
		opts.Logger = nil
		begin := time.Now()
		e := open(b, opts)
		first += time.Since(begin)
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
		begin = time.Now()
		e = open(b, opts)
		adopt += time.Since(begin)
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(first.Milliseconds())/float64(n), "first-ms")
	b.ReportMetric(float64(adopt.Milliseconds())/float64(n), "adopt-ms")
}
