package daemon

import (
	"context"
	"path/filepath"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/metrics"
	"github.com/slipway-run/slipway/internal/metrics/expose"
	"github.com/slipway-run/slipway/internal/router"
)

// counts reads what is counted of services: from the fleet which there are, from the router their
// requests, from the engine what their instances use.
type counts struct{ d *Daemon }

var _ metrics.Source = counts{}

// Read implements metrics.Source.
func (c counts) Read(ctx context.Context, collect bool) []metrics.Reading {
	services := c.d.fleet.Snapshot()
	all := make([]metrics.Reading, 0, len(services))
	for _, s := range services {
		read := c.d.router.Stats
		if collect {
			read = c.d.router.Collect
		}
		stats, ok := read(s.Service.ID)
		if !ok {
			continue
		}
		all = append(all, c.reading(ctx, s, stats))
	}
	return all
}

func (c counts) reading(ctx context.Context, s fleet.Snapshot, stats router.Stats) metrics.Reading {
	r := metrics.Reading{
		ID: s.Service.ID, Name: s.Service.Name, Region: s.Service.Region,
		At: stats.Time, Serving: s.Serving, Counts: counted(stats.Service, stats.Load, stats.InFlight),
		Queued: stats.Queued, Queue: durations(stats.Waits.Queue), Wake: durations(stats.Waits.Wake), ColdStarts: stats.Waits.ColdStarts,
	}
	for _, in := range s.Instances {
		of := stats.Instances[in.ID]
		reading := metrics.InstanceReading{ID: in.ID, Counts: counted(of.Tally, of.Load, of.InFlight)}
		used, err := c.d.engine.Stats(ctx, in.ID)
		if err != nil { // it is being made, or is gone
			if !engine.Is(err, engine.NotFound) && ctx.Err() == nil {
				c.d.log.Debug("what an instance uses is not known", "instance", in.ID, "error", err)
			}
			continue
		}
		reading.Known, reading.CPU, reading.Memory = true, used.CPU, used.Memory
		reading.CPULimit, reading.MemoryLimit = float64(in.Size.CPU)/1024, int64(in.Size.Memory)<<20
		r.Instances = append(r.Instances, reading)
	}
	return r
}

func counted(t router.Tally, l router.Load, inFlight int) metrics.Counts {
	return metrics.Counts{
		Requests: t.Requests, Status: t.Status, Latency: durations(t.Latency),
		InFlight: inFlight, Load: l.Sum, Peak: l.Peak,
	}
}

func durations(d router.Durations) metrics.Durations {
	return metrics.Durations{
		Count: d.Count, Sum: d.Sum, Buckets: metrics.Buckets(d.Buckets), Shortest: d.Shortest, Longest: d.Longest,
	}
}

func (d *Daemon) openMetrics() (err error) {
	if d.stored, err = metrics.OpenStore(filepath.Join(d.config.DataDir, "metrics")); err != nil {
		return err
	}
	d.metrics = metrics.NewCollector(counts{d}, d.stored, d.log.With("component", "metrics"))
	d.exposed = expose.Handler(counts{d}, d.config.Version)
	return nil
}
