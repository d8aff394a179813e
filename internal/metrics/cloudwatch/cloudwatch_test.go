package cloudwatch

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/metrics"
	"github.com/slipway-run/slipway/internal/metrics/formula"
)

// kept is a source: what there is of each service, by its id.
type kept struct {
	instances map[string][]string // of services that have metrics
	points    []metrics.Point     // of each service; of instances twice as many requests
	queries   []metrics.Query
	looks     []string // services whose instances were looked for
	fault     error
}

func (k *kept) Instances(service string, _ time.Time) ([]string, bool, error) {
	k.looks = append(k.looks, service)
	ids, some := k.instances[service]
	return ids, some, k.fault
}

func (k *kept) Query(q metrics.Query) ([]metrics.Series, error) {
	k.queries = append(k.queries, q)
	all := []metrics.Series{{Points: k.points}}
	for _, id := range k.instances[q.Service] {
		if q.Instances == nil || !q.Instances(id) {
			continue
		}
		doubled := slices.Clone(k.points)
		for i := range doubled {
			doubled[i].Values[metrics.Requests].Sum *= 2
		}
		all = append(all, metrics.Series{Instance: id, Points: doubled})
	}
	return all, k.fault
}

func alive() error { return nil }

var (
	web, api = Service{"web", "w"}, Service{"api", "a"}
	today    = time.Now().UTC().Truncate(24 * time.Hour)
)

// reader reads two services, of which web has two instances.
func reader() (*Reader, *kept) {
	k := &kept{instances: map[string][]string{"w": {"i1", "i2"}, "a": nil}}
	for i := range 3 {
		var v metrics.Values
		if i != 1 { // nothing happened
			v[metrics.Requests] = metrics.Statistic{Count: 1, Sum: float64(i + 1), Min: float64(i + 1), Max: float64(i + 1)}
		}
		v[metrics.CPUUtilization] = metrics.Statistic{Count: 6, Sum: 60, Min: 5, Max: 15}
		v[metrics.WakeTime] = metrics.Statistic{Count: 2, Sum: 300, Min: 100, Max: 200, Buckets: &metrics.Buckets{30: 1, 33: 1}}
		k.points = append(k.points, metrics.Point{Time: today.Add(time.Duration(i) * time.Minute), Values: v})
	}
	return &Reader{Source: k, Services: []Service{web, api, {"silent", "s"}}, Alive: alive}, k
}

// dimensions are of pairs.
func dimensions(pairs ...string) (all []formula.Dimension) {
	for pair := range slices.Chunk(pairs, 2) {
		all = append(all, formula.Dimension{Name: pair[0], Value: pair[1]})
	}
	return all
}

func TestRead(t *testing.T) {
	t.Parallel()
	ofWeb := dimensions("ServiceName", "web", "ServiceID", "w")
	for _, tt := range []struct {
		reason, namespace, name string
		dimensions              []formula.Dimension
		statistic               string
		want                    []float64
	}{
		{"a service", AppRunner, "Requests", ofWeb, "Sum", []float64{1, 3}},
		{"an instance", AppRunner, "Requests", append(dimensions("Instance", "i2"), ofWeb...), "Sum", []float64{2, 6}},
		{"dimensions in another order", AppRunner, "Requests", dimensions("ServiceID", "w", "ServiceName", "web"), "Sum", []float64{1, 3}},
		{"Slipway's own", Slipway, "WakeTime", ofWeb, "Maximum", []float64{200, 200, 200}},
		{"a percentile of what is summed up", AppRunner, "CPUUtilization", ofWeb, "p90", nil},
		{"a percentile of a single sample", AppRunner, "Requests", ofWeb, "p90", []float64{1, 3}},
		{"an instance that is gone", AppRunner, "Requests", append(dimensions("Instance", "i9"), ofWeb...), "Sum", nil},
		{"Slipway's own in App Runner's namespace", AppRunner, "WakeTime", ofWeb, "Sum", nil},
		{"App Runner's in Slipway's", Slipway, "Requests", ofWeb, "Sum", nil},
		{"a name in small letters", AppRunner, "requests", ofWeb, "Sum", nil},
		{"a name that there is not", AppRunner, "Errors", ofWeb, "Sum", nil},
		{"one of the dimensions", AppRunner, "Requests", ofWeb[:1], "Sum", nil},
		{"one dimension more", AppRunner, "Requests", append(dimensions("Stage", "prod"), ofWeb...), "Sum", nil},
		{"one dimension twice", AppRunner, "Requests", append(dimensions("ServiceID", "w"), ofWeb...), "Sum", nil},
		{"an instance without a name", AppRunner, "Requests", append(dimensions("Instance", ""), ofWeb...), "Sum", nil},
		{"the name of one service and the id of another", AppRunner, "Requests", dimensions("ServiceName", "web", "ServiceID", "a"), "Sum", nil},
		{"no dimensions", AppRunner, "Requests", nil, "Sum", nil},
	} {
		r, _ := reader()
		of, err := ParseStatistic(tt.statistic)
		if err != nil {
			t.Fatal(err)
		}
		points, err := r.Read(formula.Metric{Namespace: tt.namespace, Name: tt.name, Dimensions: tt.dimensions}, of, Span{today, today.Add(time.Hour), time.Minute})
		var got []float64
		for _, p := range points {
			got = append(got, p.Value)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", tt.reason, err, diff)
		}
	}
}

// Only what is kept is asked for, and what several metrics of a service need once.
func TestReadAsks(t *testing.T) {
	t.Parallel()
	sum, err := ParseStatistic("Sum")
	if err != nil {
		t.Fatal(err)
	}
	metric := func(name string, more ...string) formula.Metric {
		return formula.Metric{Namespace: AppRunner, Name: name, Dimensions: append(dimensions("ServiceName", "web", "ServiceID", "w"), dimensions(more...)...)}
	}
	r, k := reader()
	read := func(m formula.Metric, span Span) {
		t.Helper()
		if _, err := r.Read(m, sum, span); err != nil {
			t.Error(err)
		}
	}
	all := Span{time.Time{}.Add(1), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Minute}
	read(metric("Requests"), all)
	read(metric("CPUUtilization"), all)
	if len(k.queries) != 1 {
		t.Errorf("two metrics of a service took %d queries", len(k.queries))
	}
	if q := k.queries[0]; q.To.Sub(q.From) < metrics.Retention || q.To.Sub(q.From) > metrics.Retention+4*day || q.Points < int(q.To.Sub(q.From)/q.Period) {
		t.Errorf("for all of time %v to %v was asked for, and %d points", q.From, q.To, q.Points)
	}
	read(metric("Requests", "Instance", "i1"), all)
	if len(k.queries) != 2 || !k.queries[1].Instances("i1") || k.queries[1].Instances("i2") {
		t.Errorf("for an instance %d queries", len(k.queries))
	}
	for _, span := range []Span{
		{today.AddDate(-1, 0, 0), today.AddDate(0, -1, 0), time.Minute}, {today.AddDate(0, 1, 0), today.AddDate(1, 0, 0), time.Minute},
	} {
		read(metric("Requests"), span)
	}
	if len(k.queries) != 2 {
		t.Error("it asked for what is not kept any more, or not there yet")
	}
	r.Alive = func() error { return context.Canceled }
	if _, err := r.Read(metric("Requests"), sum, Span{today, today.Add(time.Hour), time.Minute}); !errors.Is(err, context.Canceled) || len(k.queries) != 2 {
		t.Errorf("for nobody it read: %v", err)
	}
}

func TestStatistics(t *testing.T) {
	t.Parallel()
	spread := metrics.Statistic{Count: 4, Sum: 1000, Min: 100, Max: 400, Buckets: &metrics.Buckets{30: 2, 36: 2}}
	equal := metrics.Statistic{Count: 4, Sum: 28, Min: 7, Max: 7}
	unknown := math.NaN()
	for _, tt := range []struct {
		name string
		of   metrics.Statistic
		want float64
	}{
		{"SampleCount", spread, 4}, {"Sum", spread, 1000}, {"Average", spread, 250}, {"Minimum", spread, 100}, {"Maximum", spread, 400},
		{"p0", spread, 100}, {"p100", spread, 400}, {"p99.9", equal, 7}, {"p50", metrics.Statistic{Count: 4, Sum: 20, Min: 1, Max: 9}, unknown},
	} {
		of, err := ParseStatistic(tt.name)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got, known := of(tt.of)
		if known == math.IsNaN(tt.want) || known && math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s of %+v: %v, %v, want %v", tt.name, tt.of, got, known, tt.want)
		}
	}
	for _, name := range []string{"", "sum", "Average ", "p", "p-1", "p100.1", "p101", "p1000", "p50.", "p.5", "P50", "p5e1", "tm90", "p50\n"} {
		if _, err := ParseStatistic(name); !errors.Is(err, ErrStatistic) {
			t.Errorf("%q is taken: %v", name, err)
		}
	}
}

func TestUnit(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"Requests": "Count", "CPUUtilization": "Percent", "RequestLatency": "Milliseconds", "Errors": ""} {
		if got := Unit(name); got != want {
			t.Errorf("%s is in %q, want %q", name, got, want)
		}
	}
}

// line is a metric in a line.
func line(m formula.Metric) string {
	parts := []string{m.Namespace, m.Name}
	for _, d := range m.Dimensions {
		parts = append(parts, d.Value)
	}
	return strings.Join(parts, " ")
}

func TestList(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason string
		filter Filter
		want   []string
		looks  []string // services that were looked at
	}{
		{"by name", Filter{Name: "Requests"}, []string{"AWS/AppRunner Requests api a", "AWS/AppRunner Requests web w", "AWS/AppRunner Requests web w i1", "AWS/AppRunner Requests web w i2"}, []string{"a", "s", "w"}},
		{"not of instances", Filter{Name: "ColdStarts"}, []string{"Slipway ColdStarts api a", "Slipway ColdStarts web w"}, []string{"a", "s", "w"}},
		{"by namespace", Filter{Namespace: Slipway, Dimensions: dimensions("ServiceName", "api")}, []string{"Slipway QueueTime api a", "Slipway WakeTime api a", "Slipway ColdStarts api a"}, []string{"a"}},
		{"any instance", Filter{Name: "Requests", Dimensions: dimensions("Instance", "")}, []string{"AWS/AppRunner Requests web w i1", "AWS/AppRunner Requests web w i2"}, []string{"a", "s", "w"}},
		{"an instance of a service", Filter{Name: "Requests", Dimensions: dimensions("ServiceID", "w", "Instance", "i2")}, []string{"AWS/AppRunner Requests web w i2"}, []string{"w"}},
		{"no service is both", Filter{Name: "Requests", Dimensions: dimensions("ServiceID", "w", "ServiceName", "api")}, nil, nil},
		{"a dimension that there is not", Filter{Name: "Requests", Dimensions: dimensions("Stage", "")}, nil, nil},
		{"another namespace", Filter{Namespace: "AWS/EC2"}, nil, nil},
		{"a name of the other namespace", Filter{Namespace: AppRunner, Name: "ColdStarts"}, nil, nil},
		{"a name in small letters", Filter{Name: "requests"}, nil, nil},
	} {
		r, k := reader()
		var got []string
		for listed, err := range r.List(tt.filter, "") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, line(listed.Metric))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s:\n%s", tt.reason, diff)
		}
		if diff := cmp.Diff(tt.looks, k.looks); diff != "" {
			t.Errorf("%s: it looked at\n%s", tt.reason, diff)
		}
	}
}

// A list goes on after any of its positions, also when what was there has gone, and looks at no service twice.
func TestListGoesOn(t *testing.T) {
	t.Parallel()
	r, k := reader()
	var all, positions []string
	for listed, err := range r.List(Filter{}, "") {
		if err != nil {
			t.Fatal(err)
		}
		all, positions = append(all, line(listed.Metric)), append(positions, listed.Position())
	}
	if want := 2*12 + 2*8; len(all) != want {
		t.Fatalf("%d metrics, want %d", len(all), want)
	}
	rest := func(r *Reader, after string) (got []string) {
		for listed, err := range r.List(Filter{}, after) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, line(listed.Metric))
		}
		return got
	}
	for i, after := range positions {
		if got := rest(r, after); !slices.Equal(got, all[i+1:]) {
			t.Errorf("after %s: %q", after, got)
		}
	}
	if len(k.looks) != 3 {
		t.Errorf("it looked at %q", k.looks)
	}
	gone, _ := reader()
	gone.Services = gone.Services[:1] // web alone
	if got, want := rest(gone, positions[0]), all[12:]; !slices.Equal(got, want) {
		t.Errorf("after a service that is gone: %q", got)
	}
}

func TestListFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	for _, tt := range []struct {
		reason, after string
		change        func(*Reader, *kept)
		want          error
	}{
		{"no position", "x", func(*Reader, *kept) {}, ErrPosition},
		{"the source fails", "", func(_ *Reader, k *kept) { k.fault = broken }, broken},
		{"nobody needs it any more", "", func(r *Reader, _ *kept) { r.Alive = func() error { return context.Canceled } }, context.Canceled},
	} {
		r, k := reader()
		tt.change(r, k)
		n := 0
		for _, err := range r.List(Filter{}, tt.after) {
			if n++; !errors.Is(err, tt.want) || n > 1 {
				t.Errorf("%s: %v", tt.reason, err)
			}
		}
		if n == 0 {
			t.Errorf("%s: no error", tt.reason)
		}
	}
}
