package formula

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// metrics is METRICS: the metrics of the request, all or those whose id has a text in it.
func metrics(p *parser, c *call) node {
	part := ""
	if len(c.args) == 1 {
		if c.args[0].text == nil {
			p.refuse(c, c.args[0], "a text")
			return nil
		}
		part = c.args[0].text.text
	}
	return func(e *evaluation) (Value, error) {
		out := Many(nil)
		for _, id := range e.Metrics {
			if !strings.Contains(id, part) {
				continue
			}
			v, err := e.Get(id)
			if err != nil {
				return Value{}, err
			}
			out.Series = append(out.Series, v.Series...)
		}
		return out, nil
	}
}

// array returns the series of an argument; a single one is an array of one.
func (c *call) array(v Value) ([]Series, error) {
	if v.Kind == Number {
		return nil, c.wrong(0, v, "an array of time series")
	}
	return v.Series, nil
}

func count(_ *evaluation, c *call, args []Value) (Value, error) {
	all, err := c.array(args[0])
	return number(float64(len(all))), err
}

// first is a series without points when there is none.
func first(e *evaluation, c *call, args []Value) (Value, error) {
	all, err := c.array(args[0])
	if len(all) == 0 {
		return One(Series{Period: e.Period}), err
	}
	return One(all[0]), nil
}

func last(e *evaluation, c *call, args []Value) (Value, error) {
	all, err := c.array(args[0])
	if len(all) == 0 {
		return One(Series{Period: e.Period}), err
	}
	return One(all[len(all)-1]), nil
}

func removeEmpty(_ *evaluation, c *call, args []Value) (Value, error) {
	all, err := c.array(args[0])
	var out []Series
	for _, s := range all {
		if len(s.Points) > 0 {
			out = append(out, s)
		}
	}
	return Many(out), err
}

// slice returns a part of an array: from an index, to one that is not in it or to the end.
func slice(_ *evaluation, c *call, args []Value) (Value, error) {
	all, err := c.array(args[0])
	if err != nil {
		return Value{}, err
	}
	from, err := c.index(1, args[1], len(all))
	to := len(all)
	if err == nil && len(args) == 3 {
		to, err = c.index(2, args[2], len(all))
	}
	return Many(all[from:max(from, to)]), err
}

// index is a number as one between 0 and most.
func (c *call) index(i int, v Value, most int) (int, error) {
	if v.Kind != Number {
		return 0, c.wrong(i, v, "a number")
	}
	if math.IsNaN(v.Number) {
		return 0, nil
	}
	return int(min(max(v.Number, 0), float64(most))), nil
}

// sorted is SORT: an array by a summary of each series, those that have none last.
func sorted(p *parser, c *call) node {
	by, order := c.args[1].word, c.args[2].word
	switch {
	case c.args[0].node == nil:
		p.refuse(c, c.args[0], "an array of time series")
	case !slices.Contains([]string{"AVG", "MAX", "MIN", "SUM"}, by):
		p.refuse(c, c.args[1], "AVG, MAX, MIN or SUM")
	case order != "ASC" && order != "DESC":
		p.refuse(c, c.args[2], "ASC or DESC")
	case len(c.args) == 4 && c.args[3].node == nil:
		p.refuse(c, c.args[3], "a number")
	}
	return func(e *evaluation) (Value, error) {
		v, err := c.args[0].node(e)
		if err != nil {
			return Value{}, err
		}
		all, err := c.array(v)
		if err != nil {
			return Value{}, err
		}
		all, err = e.sort(c, all, summaries[by], order == "DESC")
		if err != nil || len(c.args) < 4 {
			return Many(all), err
		}
		if v, err = c.args[3].node(e); err != nil {
			return Value{}, err
		}
		most, err := c.index(3, v, len(all))
		return Many(all[:most]), err
	}
}

func (e *evaluation) sort(c *call, all []Series, by func([]float64, int) float64, descending bool) ([]Series, error) {
	type ranked struct {
		Series

		rank float64
	}
	list := make([]ranked, len(all))
	for i, s := range all {
		if err := e.spend(c.at, len(s.Points)+1); err != nil {
			return nil, err
		}
		list[i] = ranked{s, e.summarize(s, by)}
		if descending {
			list[i].rank = -list[i].rank
		}
		if math.IsNaN(list[i].rank) {
			list[i].rank = math.Inf(1)
		}
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	out := make([]Series, len(list))
	for i, r := range list {
		out[i] = r.Series
	}
	return out, nil
}
