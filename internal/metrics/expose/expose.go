// Package expose shows what is counted of services to Prometheus, under names and units that are usual
// there. Everything is read when it is asked for; a service or an instance that is gone has no series.
package expose

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/slipway-run/slipway/internal/metrics"
)

// MaxInstances is how many instances of all services together have series of their own. It bounds what
// a scrape costs; slipway_instances_without_series counts the others.
const MaxInstances = 1000

// readTime is how long reading may take.
const readTime = 5 * time.Second

// Handler answers scrapes.
func Handler(source metrics.Source, version string) http.Handler {
	return promhttp.HandlerFor(Registry(source, version), promhttp.HandlerOpts{MaxRequestsInFlight: 4, EnableOpenMetrics: true})
}

// Registry has everything that is shown: the process, and all services.
func Registry(source metrics.Source, version string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "slipway_build_info", Help: "1, with the version of the daemon.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	r.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), services{source})
	return r
}

var (
	ofService  = []string{"region", "service", "service_id"}
	ofInstance = slices.Concat(ofService, []string{"instance_id"})
)

func service(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("slipway_service_"+name, help, slices.Concat(ofService, labels), nil)
}

func instance(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("slipway_instance_"+name, help, slices.Concat(ofInstance, labels), nil)
}

var (
	serving    = service("serving", "Whether the service takes requests: 0 when it is paused or was never deployed.")
	instances  = service("instances", "Instances that run.")
	active     = service("active_instances", "Instances that have a request now.")
	inFlight   = service("in_flight_requests", "Requests that an instance has now.")
	queued     = service("queued_requests", "Requests that wait for an instance now.")
	busy       = service("request_load_seconds_total", "Time that requests were there, in flight and queued, added up: its rate is the average concurrency.")
	requests   = service("requests_total", "Requests that ended, by class of status; none when the client left.", "code")
	latency    = service("request_duration_seconds", "From the request to the last byte of its response, time in the queue included.")
	queue      = service("queue_duration_seconds", "How long requests waited for an instance, of those that did.")
	wake       = service("wake_duration_seconds", "How long requests waited that found no instance awake.")
	coldStarts = service("cold_starts_total", "How often a request found no instance at all and had one started.")

	cpu           = instance("cpu_seconds_total", "Processor time used.")
	cpuLimit      = instance("cpu_limit_cores", "Processors that the instance is configured to have.")
	memory        = instance("memory_bytes", "Memory in use, without what the kernel can take back.")
	memoryLimit   = instance("memory_limit_bytes", "Memory that the instance is configured to have.")
	inFlightOf    = instance("in_flight_requests", "Requests that the instance has now.")
	requestsOf    = instance("requests_total", "Requests that ended, by class of status; none when the client left.", "code")
	latencySumOf  = instance("request_duration_seconds_total", "Time that requests took which the instance had, added up.")
	withoutSeries = prometheus.NewDesc("slipway_instances_without_series", "Instances that are beyond the number of those with series of their own.", nil, nil)

	all = []*prometheus.Desc{
		serving, instances, active, inFlight, queued, busy, requests, latency, queue, wake, coldStarts,
		cpu, cpuLimit, memory, memoryLimit, inFlightOf, requestsOf, latencySumOf, withoutSeries,
	}
)

// buckets are the bounds of histograms: a part of those that are counted by, to keep series few.
var buckets = []time.Duration{
	250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
}

// classes are the values of the label code, by status/100.
var classes = [6]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// services is a collector of what a source reads.
type services struct{ source metrics.Source }

// Describe implements prometheus.Collector.
func (s services) Describe(out chan<- *prometheus.Desc) {
	for _, d := range all {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s services) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	shown, beyond := 0, 0
	for _, r := range s.source.Read(ctx, false) {
		labels := []string{r.Region, r.Name, r.ID}
		collectService(out, r, labels)
		for _, in := range r.Instances {
			if shown == MaxInstances {
				beyond++
				continue
			}
			shown++
			collectInstance(out, in, append(slices.Clip(labels), in.ID))
		}
	}
	gauge(out, withoutSeries, float64(beyond), nil)
}

func collectService(out chan<- prometheus.Metric, r metrics.Reading, labels []string) {
	working, taken := 0, 0.0
	for _, in := range r.Instances {
		if in.InFlight > 0 {
			working++
		}
	}
	if r.Serving {
		taken = 1
	}
	gauge(out, serving, taken, labels)
	gauge(out, instances, float64(len(r.Instances)), labels)
	gauge(out, active, float64(working), labels)
	gauge(out, inFlight, float64(r.InFlight), labels)
	gauge(out, queued, float64(r.Queued), labels)
	counter(out, busy, r.Load, labels)
	byClass(out, requests, r.Status, labels)
	histogram(out, latency, r.Latency, labels)
	histogram(out, queue, r.Queue, labels)
	histogram(out, wake, r.Wake, labels)
	counter(out, coldStarts, float64(r.ColdStarts), labels)
}

func collectInstance(out chan<- prometheus.Metric, in metrics.InstanceReading, labels []string) {
	gauge(out, inFlightOf, float64(in.InFlight), labels)
	byClass(out, requestsOf, in.Status, labels)
	counter(out, latencySumOf, in.Latency.Sum.Seconds(), labels)
	if !in.Known {
		return
	}
	counter(out, cpu, in.CPU.Seconds(), labels)
	gauge(out, cpuLimit, in.CPULimit, labels)
	gauge(out, memory, float64(in.Memory), labels)
	gauge(out, memoryLimit, float64(in.MemoryLimit), labels)
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels []string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func counter(out chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels []string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
}

func byClass(out chan<- prometheus.Metric, d *prometheus.Desc, status [6]int64, labels []string) {
	for class, n := range status {
		counter(out, d, float64(n), append(slices.Clip(labels), classes[class]))
	}
}

func histogram(out chan<- prometheus.Metric, d *prometheus.Desc, of metrics.Durations, labels []string) {
	within := make(map[float64]uint64, len(buckets))
	for _, bound := range buckets {
		within[bound.Seconds()] = uint64(of.Buckets.Within(bound))
	}
	out <- prometheus.MustNewConstHistogram(d, uint64(of.Count), of.Sum.Seconds(), within, labels...)
}
