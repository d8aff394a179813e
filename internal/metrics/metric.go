package metrics

import "strings"

// Metric is one thing that is counted. Its number is stored: new ones go to the end.
type Metric int

// App Runner's metrics, then Slipway's own.
const (
	CPUUtilization Metric = iota
	MemoryUtilization
	Concurrency
	Requests
	Responses2xx
	Responses4xx
	Responses5xx
	RequestLatency
	ActiveInstances
	QueueTime
	WakeTime
	ColdStarts
	metricCount
)

// Units, as CloudWatch names them.
const (
	Percent      = "Percent"
	Count        = "Count"
	Milliseconds = "Milliseconds"
)

// kind is how a metric adds up.
type kind int

const (
	gauge    kind = iota // looked at now and then: samples
	counter              // one number a minute
	duration             // each of many, in buckets
)

// metrics has the properties of every metric, by number.
var metrics = [metricCount]struct {
	name     string
	unit     string
	kind     kind
	instance bool // counted of instances too
	own      bool // Slipway's: App Runner has none
	help     string
}{
	CPUUtilization:    {"CPUUtilization", Percent, gauge, true, false, "Processor time used, of what is configured. A start may use more."},
	MemoryUtilization: {"MemoryUtilization", Percent, gauge, true, false, "Memory in use, of what is configured."},
	Concurrency:       {"Concurrency", Count, gauge, true, false, "Requests at once, those that wait included. The maximum is exact."},
	Requests:          {"Requests", Count, counter, true, false, "Requests that ended."},
	Responses2xx:      {"2xxStatusResponses", Count, counter, true, false, "Responses with a status from 200 to 299."},
	Responses4xx:      {"4xxStatusResponses", Count, counter, true, false, "Responses with a status from 400 to 499."},
	Responses5xx:      {"5xxStatusResponses", Count, counter, true, false, "Responses with a status from 500 to 599."},
	RequestLatency:    {"RequestLatency", Milliseconds, duration, true, false, "From the request to the last byte of its response, time in the queue included."},
	ActiveInstances:   {"ActiveInstances", Count, gauge, false, false, "Instances that had a request in the last ten seconds."},
	QueueTime:         {"QueueTime", Milliseconds, duration, false, true, "How long requests waited for an instance, of those that did."},
	WakeTime:          {"WakeTime", Milliseconds, duration, false, true, "How long requests waited that found no instance awake."},
	ColdStarts:        {"ColdStarts", Count, counter, false, true, "How often a request found no instance at all and had one started."},
}

// All returns every metric, App Runner's first.
func All() []Metric {
	all := make([]Metric, metricCount)
	for i := range all {
		all[i] = Metric(i)
	}
	return all
}

// Parse returns the metric with a name; case does not matter.
func Parse(name string) (Metric, bool) {
	for _, m := range All() {
		if strings.EqualFold(m.String(), name) {
			return m, true
		}
	}
	return 0, false
}

// String returns the name.
func (m Metric) String() string { return metrics[m].name }

// Unit returns the unit as CloudWatch names it.
func (m Metric) Unit() string { return metrics[m].unit }

// Help says in a sentence what is counted.
func (m Metric) Help() string { return metrics[m].help }

// OfInstances reports whether the metric is counted of single instances, too.
func (m Metric) OfInstances() bool { return metrics[m].instance }

// Own reports whether the metric is Slipway's: App Runner has none of the name.
func (m Metric) Own() bool { return metrics[m].own }

// Percentiles reports whether percentiles are known.
func (m Metric) Percentiles() bool { return metrics[m].kind == duration }
