package handlers

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/slipway-run/slipway/internal/awsapi"
	cloudwatchapi "github.com/slipway-run/slipway/internal/awsapi/cloudwatch"
	"github.com/slipway-run/slipway/internal/metrics/formula"
)

// What one call of GetMetricData may ask for, and what one page of its answer has at most.
//
// Source: GetMetricData, Amazon CloudWatch API Reference.
const (
	maxQueries    = 500
	maxPagePoints = 100_800

	maxPageResults = 10_000 // Slipway's: arrays of series without points have no other bound
)

// invalidData is what CloudWatch answers GetMetricData with that it does not understand.
func invalidData(format string, args ...any) error {
	return awsapi.Errorf(http.StatusBadRequest, "ValidationError", format, args...)
}

// GetMetricData returns metrics, and what expressions make of them.
func (h *Metrics) GetMetricData(ctx context.Context, in *cloudwatchapi.GetMetricDataInput) (*cloudwatchapi.GetMetricDataOutput, error) {
	plan, err := planOf(in)
	if err != nil {
		return nil, err
	}
	if plan.reader, err = h.reader(ctx); err != nil {
		return nil, err
	}
	plan.here = h.here(ctx)
	request := *in
	request.NextToken, request.MaxDatapoints = nil, nil
	scope := scope("GetMetricData", plan.here, written(request))
	page, err := h.pageOf(in, scope)
	if err != nil {
		return nil, err
	}
	if err := plan.fill(&page); err != nil {
		return nil, refusedMetrics(err)
	}
	out := &cloudwatchapi.GetMetricDataOutput{MetricDataResults: page.results, Messages: plan.messages}
	if page.next != nil {
		out.NextToken = new((&Handlers{TokenKey: h.TokenKey}).sealToken(written(page.next), scope))
	}
	return out, nil
}

// pageOf is the page that a call asks for, still empty.
func (h *Metrics) pageOf(in *cloudwatchapi.GetMetricDataInput, scope string) (page dataPage, err error) {
	page = dataPage{
		left: orDefault(in.MaxDatapoints, maxPagePoints), oldest: awsapi.Deref(in.ScanBy) == cloudwatchapi.ScanByTimestampAscending,
		results: []cloudwatchapi.MetricDataResult{},
	}
	if page.left < 1 || page.left > maxPagePoints {
		return page, invalidData("The parameter MaxDatapoints must be between 1 and %d, not %d.", maxPagePoints, page.left)
	}
	token := text(in.NextToken)
	if token == "" {
		return page, nil
	}
	last, err := (&Handlers{TokenKey: h.TokenKey}).openToken(token, scope)
	if err == nil {
		err = json.Unmarshal([]byte(last), &page.from)
	}
	if err != nil {
		err = awsapi.Errorf(http.StatusBadRequest, "InvalidNextToken", "The NextToken is not one of a page of this request.")
	}
	return page, err
}

// written is a value as text, the same for equal ones.
func written(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // what came from a request, or a position
	}
	return string(text)
}

// dataPosition is where a page goes on: a series of a query, after a time.
type dataPosition struct {
	Query, Series int
	After         time.Time
}

// dataPage is a page of an answer.
type dataPage struct {
	from    dataPosition
	oldest  bool // the oldest first, else the newest
	left    int  // points that it has room for
	results []cloudwatchapi.MetricDataResult
	next    *dataPosition // nil when there is no more
}

// fill puts results into a page until it is full.
func (p *dataPlan) fill(page *dataPage) error {
	for i := page.from.Query; i < len(p.queries) && page.next == nil; i++ {
		q := &p.queries[i]
		if !q.returned() {
			continue
		}
		value, err := p.value(*q.Id)
		if err != nil {
			return err
		}
		if value.Kind == formula.Number {
			return invalidData("Error in expression '%s': it is a number, and only time series can be returned. Set ReturnData to false, or make it one with TIME_SERIES.", *q.Id)
		}
		for j, s := range value.Series {
			at := dataPosition{Query: i, Series: j}
			switch {
			case i == page.from.Query && j < page.from.Series:
				continue
			case i == page.from.Query && j == page.from.Series:
				at.After = page.from.After
			}
			page.add(at, cloudwatchapi.MetricDataResult{Id: q.Id, Label: new(p.label(q, value, s))}, s.Points)
		}
	}
	return nil
}

// add puts a series into the page, as far as there is room.
func (page *dataPage) add(at dataPosition, result cloudwatchapi.MetricDataResult, points []formula.Point) {
	if page.next != nil {
		return
	}
	points = page.ordered(points, at.After)
	if len(points) > 0 && page.left == 0 || len(page.results) == maxPageResults {
		page.next = &at
		return
	}
	result.StatusCode = new(cloudwatchapi.StatusCodeComplete)
	if len(points) > page.left {
		points = points[:page.left]
		at.After = points[len(points)-1].Time
		page.next, result.StatusCode = &at, new(cloudwatchapi.StatusCodePartialData)
	}
	page.left -= len(points)
	result.Timestamps, result.Values = make([]awsapi.Time, len(points)), make([]float64, len(points))
	for i, point := range points {
		result.Timestamps[i], result.Values[i] = awsapi.Time{Time: point.Time}, point.Value
	}
	page.results = append(page.results, result)
}

// ordered returns the points that come after a time, in the order of the page.
func (page *dataPage) ordered(points []formula.Point, after time.Time) []formula.Point {
	points = slices.Clone(points)
	if !page.oldest {
		slices.Reverse(points)
	}
	if after.IsZero() {
		return points
	}
	return slices.DeleteFunc(points, func(p formula.Point) bool {
		return !p.Time.After(after) && page.oldest || !p.Time.Before(after) && !page.oldest
	})
}
