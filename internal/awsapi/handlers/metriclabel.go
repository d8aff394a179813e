package handlers

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/metrics/formula"
)

// dynamic is a part of a label that is different for each series: ${LABEL}, ${MAX}, ${PROP('Dim.ServiceName')}.
//
// Source: "Using dynamic labels", Amazon CloudWatch User Guide.
var dynamic = regexp.MustCompile(`\$\{(?:PROP\('([^']*)'\)|([A-Z_]+))\}`)

// label is the label of a series of a query. Where a query has several, each has its own after the
// query's.
func (p *dataPlan) label(q *dataQuery, v formula.Value, s formula.Series) string {
	label := text(q.Label)
	switch {
	case label == "":
		return s.Label
	case !dynamic.MatchString(label) && v.Kind == formula.Array:
		return label + " " + s.Label
	}
	return dynamic.ReplaceAllStringFunc(label, func(part string) string {
		m := dynamic.FindStringSubmatch(part)
		if m[1] != "" {
			return p.property(q, s, m[1])
		}
		if value, ok := p.summary(s, m[2]); ok {
			return value
		}
		return part
	})
}

// property is something that a series is of. What it is not of is empty.
func (p *dataPlan) property(q *dataQuery, s formula.Series, name string) string {
	switch name {
	case "AccountId":
		return p.here.Account
	case "Region":
		return p.here.Region
	case "Period":
		return strconv.Itoa(int(s.Period / time.Second))
	case "Stat":
		return s.Stat
	case "Expression":
		return text(q.Expression)
	}
	if s.Metric == nil {
		return ""
	}
	switch name {
	case "MetricName":
		return s.Metric.Name
	case "Namespace":
		return s.Metric.Namespace
	}
	for _, d := range s.Metric.Dimensions {
		if "Dim."+d.Name == name {
			return d.Value
		}
	}
	return ""
}

// summary is a value of the series, or with _TIME at the end its time. Without points it is --.
func (p *dataPlan) summary(s formula.Series, name string) (string, bool) {
	name, ofTime := strings.CutSuffix(name, "_TIME")
	if name == "LABEL" && !ofTime {
		return s.Label, true
	}
	of, ok := summaries[name]
	if !ok || ofTime && (name == "AVG" || name == "SUM") {
		return "", false
	}
	if len(s.Points) == 0 {
		return "--", true
	}
	point := of(s.Points)
	if ofTime {
		return point.Time.In(p.zone).Format("2006-01-02T15:04:05-0700"), true
	}
	return strconv.FormatFloat(math.Round(point.Value*100)/100, 'f', -1, 64), true
}

var summaries = map[string]func([]formula.Point) formula.Point{
	"FIRST": func(p []formula.Point) formula.Point { return p[0] },
	"LAST":  func(p []formula.Point) formula.Point { return p[len(p)-1] },
	"MIN":   func(p []formula.Point) formula.Point { return pick(p, func(a, b float64) bool { return a < b }) },
	"MAX":   func(p []formula.Point) formula.Point { return pick(p, func(a, b float64) bool { return a > b }) },
	"SUM":   func(p []formula.Point) formula.Point { return formula.Point{Value: total(p)} },
	"AVG":   func(p []formula.Point) formula.Point { return formula.Point{Value: total(p) / float64(len(p))} },
}

// pick is the first point that is better than all others.
func pick(points []formula.Point, better func(a, b float64) bool) formula.Point {
	best := points[0]
	for _, p := range points {
		if better(p.Value, best.Value) {
			best = p
		}
	}
	return best
}

func total(points []formula.Point) (sum float64) {
	for _, p := range points {
		sum += p.Value
	}
	return sum
}
