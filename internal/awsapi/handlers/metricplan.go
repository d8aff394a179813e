package handlers

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	cloudwatchapi "github.com/slipway-run/slipway/internal/awsapi/cloudwatch"
	"github.com/slipway-run/slipway/internal/metrics/cloudwatch"
	"github.com/slipway-run/slipway/internal/metrics/formula"
)

// dataQuery is a query of GetMetricData: a metric or an expression.
type dataQuery struct {
	*cloudwatchapi.MetricDataQuery
	metric     formula.Metric
	statistic  cloudwatch.Statistic
	expression *formula.Expression // nil for a metric
	period     time.Duration
}

func (q *dataQuery) returned() bool { return q.ReturnData == nil || *q.ReturnData }

// dataPlan evaluates the queries of one call.
type dataPlan struct {
	reader   *cloudwatch.Reader
	here     apprunner.Place
	zone     *time.Location // of times in labels
	queries  []dataQuery
	byID     map[string]*dataQuery
	metrics  []string // ids of the queries that are metrics
	from, to time.Time
	period   time.Duration // of expressions without their own

	known    map[string]formula.Value
	open     map[string]bool // that are being evaluated
	held     int             // the size of known
	found    int             // what searches gave to expressions that are being evaluated
	messages []cloudwatchapi.MessageData
}

var queryID = regexp.MustCompile(`\A[a-z][a-zA-Z0-9_]*\z`)

// planOf checks what a call asks for.
func planOf(in *cloudwatchapi.GetMetricDataInput) (p *dataPlan, err error) {
	p = &dataPlan{byID: map[string]*dataQuery{}, known: map[string]formula.Value{}, open: map[string]bool{}, from: in.StartTime.Time, to: in.EndTime.Time}
	switch {
	case !p.from.Before(p.to):
		return nil, invalidData("The parameter StartTime must be less than the parameter EndTime.")
	case len(in.MetricDataQueries) == 0 || len(in.MetricDataQueries) > maxQueries:
		return nil, invalidData("The collection MetricDataQueries must have 1 to %d queries, not %d.", maxQueries, len(in.MetricDataQueries))
	}
	p.queries = make([]dataQuery, len(in.MetricDataQueries))
	for i := range in.MetricDataQueries {
		q := &p.queries[i]
		q.MetricDataQuery = &in.MetricDataQueries[i]
		if err := q.check(); err != nil {
			return nil, err
		}
		if p.byID[*q.Id] != nil {
			return nil, invalidData("The id '%s' is used by two queries. Each needs its own.", *q.Id)
		}
		p.byID[*q.Id] = q
		if q.expression == nil {
			p.metrics = append(p.metrics, *q.Id)
			p.period = max(p.period, q.period)
		}
	}
	if p.zone, err = zoneOf(in.LabelOptions); err != nil {
		return nil, err
	}
	return p, p.checkReferences()
}

// check reads what the query asks for.
func (q *dataQuery) check() (err error) {
	switch {
	case !queryID.MatchString(*q.Id):
		return invalidData("The value '%s' for parameter MetricDataQueries.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.", *q.Id)
	case (q.Expression == nil) == (q.MetricStat == nil):
		return invalidData("The query '%s' must have either an Expression or a MetricStat.", *q.Id)
	case q.Expression != nil:
		if q.expression, err = formula.Parse(*q.Expression); err != nil {
			return q.explain(err)
		}
		if q.Period != nil {
			q.period, err = periodOf(*q.Period)
		}
		return err
	}
	m := q.MetricStat
	q.metric = metricOf(m.Metric.Namespace, m.Metric.MetricName, m.Metric.Dimensions)
	if q.period, err = periodOf(*m.Period); err != nil {
		return err
	}
	if q.statistic, err = cloudwatch.ParseStatistic(*m.Stat); err != nil {
		return invalidData("The query '%s': %s", *q.Id, err)
	}
	return nil
}

func (p *dataPlan) checkReferences() error {
	for _, q := range p.queries {
		if q.expression == nil {
			continue
		}
		for _, id := range q.expression.References() {
			if p.byID[id] == nil {
				return invalidData("Error in expression '%s': Unknown identifier: %s", *q.Id, id)
			}
		}
	}
	return nil
}

// maxHeld is how many points one call may make expressions of: some 60 MB.
const maxHeld = 2 << 20

// hold checks whether so many points may be added to what is held.
func (p *dataPlan) hold(points int) error {
	if p.held+p.found+points > maxHeld {
		return invalidData("The query has more than %d points to compute with. Take a longer period, a shorter time or fewer queries.", maxHeld)
	}
	return nil
}

// value is what a query amounts to. What expressions may refer to is kept.
func (p *dataPlan) value(id string) (formula.Value, error) {
	if v, ok := p.known[id]; ok {
		return v, nil
	}
	if p.open[id] {
		return formula.Value{}, invalidData("Error in expression '%s': it refers to itself, maybe by way of others.", id)
	}
	p.open[id] = true
	defer delete(p.open, id)
	found := p.found
	v, err := p.evaluate(p.byID[id])
	if err != nil {
		return formula.Value{}, err
	}
	p.found = found
	if len(p.metrics) == len(p.queries) { // no expressions: nobody asks again
		return v, nil
	}
	if err := p.hold(v.Size()); err != nil {
		return formula.Value{}, err
	}
	p.held += v.Size()
	p.known[id] = v
	return v, nil
}

func (p *dataPlan) evaluate(q *dataQuery) (formula.Value, error) {
	if q.expression == nil {
		return p.read(q)
	}
	if err := p.reader.Alive(); err != nil {
		return formula.Value{}, err
	}
	period := q.period
	if period == 0 {
		period = max(p.period, time.Minute)
	}
	v, err := q.expression.Evaluate(formula.Inputs{
		Get: p.value, Metrics: p.metrics, Search: p.search, Period: period, From: p.from, To: p.to,
	})
	if err != nil {
		return v, q.explain(err)
	}
	if v.Kind == formula.Single && v.Series[0].Metric == nil {
		named := v.Series[0] // a copy: it may be the value of another query
		named.Label = *q.Id
		v = formula.One(named)
	}
	return v, nil
}

// explain turns what is wrong with an expression into an answer.
func (q *dataQuery) explain(err error) error {
	if wrong, ok := errors.AsType[*formula.Error](err); ok {
		return invalidData("Error in expression '%s', character %d: %s.", *q.Id, wrong.At, wrong.What)
	}
	return err
}

// read reads a metric. One of another unit than is asked for has no points.
func (p *dataPlan) read(q *dataQuery) (formula.Value, error) {
	s := formula.Series{Label: q.metric.Name, Metric: &q.metric, Stat: *q.MetricStat.Stat, Period: q.period}
	if unit := text((*string)(q.MetricStat.Unit)); unit != "" && unit != cloudwatch.Unit(q.metric.Name) {
		return formula.One(s), nil
	}
	var err error
	s.Points, err = p.reader.Read(q.metric, q.statistic, cloudwatch.Span{From: p.from, To: p.to, Period: q.period})
	return formula.One(s), err
}

// search reads the metrics that a search finds.
func (p *dataPlan) search(match func(formula.Metric) bool, stat string, period time.Duration) (all []formula.Series, err error) {
	of, err := cloudwatch.ParseStatistic(stat)
	if err != nil {
		return nil, invalidData("Error in a search: %s", err)
	}
	if period, err = periodOf(int32(period / time.Second)); err != nil {
		return nil, err
	}
	for listed, err := range p.reader.List(cloudwatch.Filter{Since: p.from}, "") {
		if err == nil {
			err = p.reader.Alive()
		}
		if err != nil {
			return nil, err
		}
		if !match(listed.Metric) {
			continue
		}
		if len(all) == formula.MaxSeries {
			p.messages = []cloudwatchapi.MessageData{{
				Code: new("MaxMetricsExceeded"), Value: new(fmt.Sprintf("A search found more than %d metrics; the others are left out.", formula.MaxSeries)),
			}}
			break
		}
		points, err := p.reader.Read(listed.Metric, of, cloudwatch.Span{From: p.from, To: p.to, Period: period})
		if err != nil {
			return nil, err
		}
		one := formula.Series{Metric: &listed.Metric, Stat: stat, Period: period, Points: points}
		size := formula.One(one).Size()
		if err := p.hold(size); err != nil {
			return nil, err
		}
		p.found += size
		all = append(all, one)
	}
	return all, nil
}

// zoneOf reads a time zone such as +0130.
func zoneOf(o *cloudwatchapi.LabelOptions) (*time.Location, error) {
	if o == nil || text(o.Timezone) == "" {
		return time.UTC, nil
	}
	at, err := time.Parse("-0700", *o.Timezone)
	if err != nil {
		return nil, invalidData("The value '%s' for parameter LabelOptions.Timezone is no time zone such as +0130.", *o.Timezone)
	}
	_, offset := at.Zone()
	return time.FixedZone(*o.Timezone, offset), nil
}
