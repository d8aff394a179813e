package cloudwatch

import (
	"cmp"
	"slices"

	"github.com/slipway-run/slipway/internal/metrics"
	"github.com/slipway-run/slipway/internal/metrics/formula"
)

// Namespaces.
const (
	AppRunner = "AWS/AppRunner"
	Slipway   = "Slipway" // of what App Runner does not measure
)

// Dimensions.
const (
	serviceName = "ServiceName"
	serviceID   = "ServiceID"
	instanceDim = "Instance"
)

// Service is a service whose metrics are kept.
type Service struct{ Name, ID string }

// place is where a metric is measured, and its place in the order of all.
type place struct {
	service  Service
	instance string // "" for the whole service
	metric   metrics.Metric
}

func (p place) compare(other place) int {
	return cmp.Or(compareServices(p.service, other.service), cmp.Compare(p.instance, other.instance), cmp.Compare(p.metric, other.metric))
}

func compareServices(a, b Service) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}

func namespace(m metrics.Metric) string {
	if m.Own() {
		return Slipway
	}
	return AppRunner
}

// named is the metric as CloudWatch names it.
func (p place) named() formula.Metric {
	m := formula.Metric{Namespace: namespace(p.metric), Name: p.metric.String(), Dimensions: []formula.Dimension{
		{Name: serviceName, Value: p.service.Name}, {Name: serviceID, Value: p.service.ID},
	}}
	if p.instance != "" {
		m.Dimensions = append(m.Dimensions, formula.Dimension{Name: instanceDim, Value: p.instance})
	}
	return m
}

// find returns where a metric is measured. Its dimensions have to be exactly those that it has.
func (r *Reader) find(m formula.Metric) (p place, ok bool) {
	values := map[string]string{}
	for _, d := range m.Dimensions {
		values[d.Name] = d.Value
	}
	p.service = Service{values[serviceName], values[serviceID]}
	p.instance = values[instanceDim]
	if p.metric, ok = metrics.Parse(m.Name); !ok || p.metric.String() != m.Name || namespace(p.metric) != m.Namespace {
		return place{}, false
	}
	named := p.named()
	same := len(named.Dimensions) == len(m.Dimensions) && !slices.ContainsFunc(named.Dimensions, func(d formula.Dimension) bool { return !slices.Contains(m.Dimensions, d) })
	return p, same && slices.Contains(r.Services, p.service)
}

// Unit is the unit of a metric by its name, "" when there is no such metric.
func Unit(name string) string {
	m, ok := metrics.Parse(name)
	if !ok {
		return ""
	}
	return m.Unit()
}
