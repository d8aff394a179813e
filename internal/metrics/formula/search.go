package formula

import (
	"math"
	"time"
)

// MaxSeries is the most series that one search gives; CloudWatch has as many in a graph.
const MaxSeries = 500

// search is SEARCH: the series of metrics that match.
func search(p *parser, c *call) node {
	for _, a := range c.args[:2] {
		if a.text == nil {
			p.refuse(c, a, "a text between single quotes")
			return nil
		}
	}
	if len(c.args) == 3 && c.args[2].node == nil {
		p.refuse(c, c.args[2], "a period in seconds")
	}
	text, stat := c.args[0].text, c.args[1].text.text
	if stat == "" {
		p.refuse(c, c.args[1], "a statistic, such as 'Average' or 'p99',")
	}
	wanted, err := parseTerm(text)
	if err != nil && p.err == nil {
		p.err = err
	}
	return func(e *evaluation) (Value, error) {
		period, err := e.searchPeriod(c)
		if err != nil {
			return Value{}, err
		}
		known := map[string]*words{}
		match := func(m Metric) bool { return wanted(&candidate{metric: m, split: known}) }
		found, err := e.Search(match, stat, period)
		if err != nil {
			return Value{}, err
		}
		found = found[:min(len(found), MaxSeries)]
		SetLabels(found)
		return Many(found), nil
	}
}

func (e *evaluation) searchPeriod(c *call) (time.Duration, error) {
	if len(c.args) < 3 {
		return e.Period, nil
	}
	v, err := c.args[2].node(e)
	if err != nil {
		return 0, err
	}
	if v.Kind != Number {
		return 0, c.wrong(2, v, "a period in seconds")
	}
	const most = 365 * 24 * 60 * 60 // longer than anything is kept
	if v.Number < 1 || v.Number > most || v.Number != math.Trunc(v.Number) {
		return 0, &Error{c.args[2].at, "the period of SEARCH is whole seconds, such as 60 or 300"}
	}
	return time.Duration(v.Number) * time.Second, nil
}
