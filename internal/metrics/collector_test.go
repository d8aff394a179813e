package metrics

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const (
	one = "11111111111111111111111111111111"
	two = "22222222222222222222222222222222"
)

// world is a service that a test drives.
type world struct {
	mu       sync.Mutex
	reading  Reading
	gone     bool
	collects int
}

func (w *world) Read(_ context.Context, collect bool) []Reading {
	w.mu.Lock()
	defer w.mu.Unlock()
	if collect {
		w.collects++
	}
	if w.gone {
		return nil
	}
	r := w.reading
	r.At = time.Now()
	r.Instances = append([]InstanceReading(nil), r.Instances...)
	return []Reading{r}
}

// change changes the service.
func (w *world) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// serve has instance i answer n requests that take so long, with a status.
func (w *world) serve(i, n, status int, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range []*Counts{&w.reading.Counts, &w.reading.Instances[i].Counts} {
		c.Requests += int64(n)
		c.Status[status/100] += int64(n)
		c.Latency.Count += int64(n)
		c.Latency.Sum += time.Duration(n) * took
		for b, bound := range Bounds {
			if took <= bound {
				c.Latency.Buckets[b] += int64(n)
				break
			}
		}
		c.Latency.Shortest, c.Latency.Longest = took, took
		c.Load += float64(n) * took.Seconds()
		c.Peak = n
	}
}

func newWorld() *world {
	w := &world{reading: Reading{ID: web, Name: "web", Serving: true}}
	for _, id := range []string{one, two} {
		w.reading.Instances = append(w.reading.Instances, InstanceReading{ID: id, Known: true, CPULimit: 0.25, MemoryLimit: 1000, Memory: 250})
	}
	return w
}

// collected runs f beside a collector, from the beginning of a minute on, and returns the collector.
func collected(t *testing.T, dir string, w *world, f func(c *Collector)) *Collector {
	t.Helper()
	c := NewCollector(w, openStore(t, dir), slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx)
	}()
	time.Sleep(time.Second) // beside the ticks
	f(c)
	stop()
	<-done
	c.Finish(t.Context())
	return c
}

func TestMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight
		dir, w, start := t.TempDir(), newWorld(), time.Now().UTC()
		c := collected(t, dir, w, func(c *Collector) {
			time.Sleep(10 * time.Second)
			w.serve(0, 10, 200, 20*time.Millisecond)
			w.serve(1, 5, 503, 2*time.Second)
			w.change(func() { w.reading.Instances[0].CPU += time.Second }) // of 2.5 that it could have in ten seconds
			time.Sleep(20 * time.Second)
			w.change(func() { w.reading.Instances = w.reading.Instances[:1] })
			time.Sleep(30 * time.Second)
			w.serve(0, 1, 404, time.Millisecond)
			time.Sleep(20 * time.Second)
		})
		series, err := c.Query(Query{Service: web, From: start, To: start.Add(time.Hour), Period: time.Minute, Instances: func(string) bool { return true }})
		must(t, err)
		if len(series) != 3 || series[0].Instance != "" || series[1].Instance != one || len(series[0].Points) != 2 || len(series[2].Points) != 1 {
			t.Fatalf("got %d series: %+v", len(series), series)
		}
		service, first := series[0].Points[0].Values, series[1].Points[0].Values
		for name, c := range map[string]struct{ got, want Statistic }{
			"requests":                 {service[Requests], sample(15)},
			"requests of the first":    {first[Requests], sample(10)},
			"requests after a minute":  {series[0].Points[1].Values[Requests], sample(1)},
			"good ones":                {service[Responses2xx], sample(10)},
			"errors":                   {service[Responses5xx], sample(5)},
			"not found, a minute on":   {series[0].Points[1].Values[Responses4xx], sample(1)},
			"processor of the first":   {first[CPUUtilization], Statistic{Count: 5, Sum: 40, Min: 0, Max: 40}},
			"memory of all":            {service[MemoryUtilization], Statistic{Count: 9, Sum: 225, Min: 25, Max: 25}},
			"at once":                  {service[Concurrency], Statistic{Count: 5, Sum: 1.02, Min: 0, Max: 5}},
			"instances with a request": {service[ActiveInstances], Statistic{Count: 6, Sum: 2, Min: 0, Max: 2}},
		} {
			if diff := c.got.Sum - c.want.Sum; diff > 0.01 || diff < -0.01 {
				t.Errorf("%s: sum %v, want %v", name, c.got.Sum, c.want.Sum)
			}
			c.got.Sum, c.want.Sum = 0, 0
			if c.got != c.want {
				t.Errorf("%s: got %+v, want %+v", name, c.got, c.want)
			}
		}
		if l := service[RequestLatency]; l.Count != 15 || l.Max != 2000 || l.Average() < 679 || l.Average() > 681 {
			t.Errorf("latency: %+v", l)
		}
		if p, _ := service[RequestLatency].Percentile(95); p < 1500 || p > 2000 {
			t.Errorf("p95 of 5 slow ones in 15 is %v", p)
		}
	})
}

// A killed process loses the running minute, one that ends does not, and one that begins in the same
// minute goes on with it.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, start := t.TempDir(), time.Now().UTC()
		w := newWorld()
		collected(t, dir, w, func(c *Collector) {
			w.serve(0, 7, 200, time.Millisecond)
			time.Sleep(10 * time.Second)
			if _, err := os.Stat(filepath.Join(dir, web)); err == nil {
				t.Error("the running minute is written before it is over")
			}
			c.mu.Lock() // what a killed process has not written
			defer c.mu.Unlock()
			clear(c.running)
		})
		w = newWorld()
		collected(t, dir, w, func(*Collector) { w.serve(0, 3, 200, time.Millisecond) })
		w = newWorld()
		c := collected(t, dir, w, func(c *Collector) {
			w.serve(0, 4, 200, time.Millisecond)
			time.Sleep(10 * time.Second)
			series, err := c.Query(Query{Service: web, From: start, To: time.Now(), Period: time.Minute})
			must(t, err)
			if got := series[0].Points[0].Values[Requests]; got != sample(3+4) {
				t.Errorf("the running minute has %+v", got)
			}
			time.Sleep(time.Minute)
		})
		series, err := c.Query(Query{Service: web, From: start, To: time.Now(), Period: 5 * time.Minute})
		must(t, err)
		if got := series[0].Points[0].Values[Requests]; len(series[0].Points) != 1 || got.Sum != 7 || got.Count != 2 {
			t.Errorf("two minutes have %+v", got)
		}
	})
}

func TestServiceThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, start := t.TempDir(), time.Now().UTC()
		w := newWorld()
		c := collected(t, dir, w, func(*Collector) {
			time.Sleep(time.Minute)
			w.change(func() { w.reading.Serving, w.reading.Instances = false, nil }) // paused
			time.Sleep(time.Minute)
			w.change(func() { w.reading.Serving = true }) // asleep
			time.Sleep(time.Minute)
			w.change(func() { w.gone = true })
			time.Sleep(2 * time.Minute)
		})
		series, err := c.Query(Query{Service: web, From: start, To: time.Now(), Period: time.Minute})
		must(t, err)
		var at []time.Duration
		for _, p := range series[0].Points {
			at = append(at, p.Time.Sub(start))
		}
		// A paused service has nothing to tell. One that sleeps has: no instance is active.
		if len(at) != 2 || at[0] != 0 || at[1] != 2*time.Minute {
			t.Errorf("there are points at %v", at)
		}
		if w.collects < 30 {
			t.Errorf("looked %d times", w.collects)
		}
	})
}

func TestInstanceSeriesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, start := newWorld(), time.Now().UTC()
		for i := range 3 * maxInstances {
			w.reading.Instances = append(w.reading.Instances, InstanceReading{ID: time.Unix(int64(i), 0).UTC().Format("20060102150405")})
		}
		c := collected(t, t.TempDir(), w, func(*Collector) { time.Sleep(time.Minute) })
		ids, some, err := c.Instances(web, start)
		must(t, err)
		if len(ids) != maxInstances || !some {
			t.Errorf("%d instances have series, want %d", len(ids), maxInstances)
		}
		if ids, some, err := c.Instances(two, start); err != nil || some || len(ids) != 0 {
			t.Errorf("a service without metrics has %v, %v, %v", ids, some, err)
		}
	})
}

func TestQueriesThatAreRefused(t *testing.T) {
	c := NewCollector(newWorld(), openStore(t, t.TempDir()), slog.New(slog.DiscardHandler))
	for name, q := range map[string]Query{
		"no period":       {From: noon, To: noon.Add(time.Hour)},
		"half a minute":   {From: noon, To: noon.Add(time.Hour), Period: 30 * time.Second},
		"a minute and":    {From: noon, To: noon.Add(time.Hour), Period: 90 * time.Second},
		"backwards":       {From: noon, To: noon, Period: time.Minute},
		"too many points": {From: noon, To: noon.AddDate(0, 0, 2), Period: time.Minute},
	} {
		q.Service = web
		if _, err := c.Query(q); err == nil {
			t.Errorf("%s: was answered", name)
		}
	}
	if series, err := c.Query(Query{Service: web, From: noon, To: noon.Add(time.Hour), Period: time.Minute}); err != nil || len(series) != 0 {
		t.Errorf("a service without metrics: %v, %v", series, err)
	}
	if _, err := c.Query(Query{Service: web, From: noon, To: noon.AddDate(0, 0, 14), Period: 7 * 24 * time.Hour, Points: 18 * 1440}); err != nil {
		t.Errorf("two periods, of which all that are allowed last longer than a time.Duration: %v", err)
	}
}
