package cloudwatch

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/slipway-run/slipway/internal/metrics"
	"github.com/slipway-run/slipway/internal/metrics/formula"
)

// Source has the metrics of services.
type Source interface {
	Query(q metrics.Query) ([]metrics.Series, error)
	Instances(service string, since time.Time) (ids []string, some bool, err error)
}

// Reader reads the metrics of services. It serves one call.
type Reader struct {
	Source   Source
	Services []Service
	// Alive says why nobody needs what else would be read; nil while somebody does.
	Alive func() error

	last   cacheKey
	series []metrics.Series
	found  map[findKey]found
}

// found is what has metrics of a service: it and some instances, or nothing.
type found struct {
	instances []string
	some      bool
}

type findKey struct {
	service string
	since   time.Time
}

// instances looks once for what has metrics of a service: one call may search many times.
func (r *Reader) instances(s Service, since time.Time) (found, error) {
	key := findKey{s.ID, since}
	if known, ok := r.found[key]; ok {
		return known, nil
	}
	if err := r.Alive(); err != nil {
		return found{}, err
	}
	ids, some, err := r.Source.Instances(s.ID, since)
	if err != nil {
		return found{}, err
	}
	if r.found == nil {
		r.found = map[findKey]found{}
	}
	r.found[key] = found{ids, some}
	return r.found[key], nil
}

// Filter says which metrics to list; "" and nil are for all.
type Filter struct {
	Namespace, Name string
	Dimensions      []formula.Dimension // that a metric has, a Value of "" being any
	Since           time.Time           // with data since then
}

// has reports whether a metric has the dimensions.
func (f Filter) has(m formula.Metric) bool {
	for _, want := range f.Dimensions {
		if !slices.ContainsFunc(m.Dimensions, func(d formula.Dimension) bool {
			return d.Name == want.Name && (want.Value == "" || d.Value == want.Value)
		}) {
			return false
		}
	}
	return true
}

// metrics are those that can pass, of any service.
func (f Filter) metrics() []metrics.Metric {
	return slices.DeleteFunc(metrics.All(), func(m metrics.Metric) bool {
		return f.Namespace != "" && f.Namespace != namespace(m) || f.Name != "" && f.Name != m.String()
	})
}

// mayHave reports whether metrics of a service can pass at all, which saves looking for its instances.
func (f Filter) mayHave(s Service) bool {
	for _, want := range f.Dimensions {
		has, ok := map[string]string{serviceName: s.Name, serviceID: s.ID, instanceDim: want.Value}[want.Name]
		if !ok || want.Value != "" && want.Value != has {
			return false
		}
	}
	return true
}

// ErrPosition is a text that is no position in a list.
var ErrPosition = errors.New("no position in a list of metrics")

// List returns metrics in an order that stays, with the position of each. A list may begin after a
// position. Errors: ErrPosition, those of the source.
func (r *Reader) List(f Filter, after string) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		begin, err := parsePosition(after)
		if err != nil {
			yield(Listed{}, err)
			return
		}
		wanted := f.metrics()
		if len(wanted) == 0 {
			return
		}
		for _, s := range slices.SortedFunc(slices.Values(r.Services), compareServices) {
			if !f.mayHave(s) || after != "" && compareServices(s, begin.service) < 0 {
				continue
			}
			for p, err := range r.places(s, f.Since, wanted) {
				if err == nil && (after != "" && p.compare(begin) <= 0 || !f.has(p.named())) {
					continue
				}
				if !yield(Listed{p.named(), p}, err) || err != nil {
					return
				}
			}
		}
	}
}

// Listed is a metric of a list.
type Listed struct {
	Metric formula.Metric
	place  place
}

// position is a place as a page token holds it.
type position struct {
	Service  Service
	Instance string
	Metric   metrics.Metric
}

// Position is where the metric is in the list.
func (l Listed) Position() string {
	text, err := json.Marshal(position{l.place.service, l.place.instance, l.place.metric})
	if err != nil {
		panic(err) // strings and a number
	}
	return string(text)
}

func parsePosition(text string) (place, error) {
	var p position
	if text == "" {
		return place{}, nil
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return place{}, fmt.Errorf("%w: %q", ErrPosition, text)
	}
	return place{p.Service, p.Instance, p.Metric}, nil
}

// places are those of some metrics that a service and its instances have, in order. One without data has
// none.
func (r *Reader) places(s Service, since time.Time, of []metrics.Metric) iter.Seq2[place, error] {
	return func(yield func(place, error) bool) {
		known, err := r.instances(s, since)
		if err != nil {
			yield(place{}, err)
			return
		}
		if !known.some {
			return
		}
		for _, instance := range append([]string{""}, known.instances...) {
			for _, m := range of {
				if (instance == "" || m.OfInstances()) && !yield(place{s, instance, m}, nil) {
					return
				}
			}
		}
	}
}
