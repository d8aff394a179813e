package formula

import (
	"fmt"
	"slices"
	"strings"
)

// function is one that can be called.
type function struct {
	least, most int // arguments
	usage       string
	build       func(p *parser, c *call) node
}

// call is one call of a function.
type call struct {
	name  string
	usage string
	at    int // the character
	args  []argument
}

// argument is a value, a text or a word such as REPEAT.
type argument struct {
	at   int // the character
	node node
	text *literal
	word string
}

// unsupported are functions that CloudWatch has and that need what only AWS has.
var unsupported = []string{"ANOMALY_DETECTION_BAND", "DB_PERF_INSIGHTS", "INSIGHT_RULE_METRIC", "LAMBDA", "SERVICE_QUOTA"}

// call reads a function with its arguments.
func (p *parser) call() node {
	start := p.at
	c := &call{at: p.place(start), name: p.word(letter)}
	known, ok := functions[c.name]
	c.usage = known.usage
	switch {
	case c.name == "SELECT":
		p.insights(start)
	case !ok && slices.Contains(unsupported, c.name):
		p.failAt(start, "the function %s is not supported. There are %s", c.name, names())
	case !ok && !p.take("("):
		p.failAt(start, "%q is no id of a query, which begins with a small letter", c.name)
	case !ok:
		p.failAt(start, "there is no function %s. There are %s", c.name, names())
	case !p.take("("):
		p.fail("%s needs ( and its arguments: %s", c.name, known.usage)
	default:
		c.args = p.arguments(c.name)
		if n := len(c.args); p.err == nil && (n < known.least || n > known.most) {
			p.failAt(start, "%s has the wrong number of arguments, %d: it takes %s", c.name, n, known.usage)
		}
	}
	if p.err != nil {
		return nil
	}
	return known.build(p, c)
}

// insights is for queries of Metrics Insights.
func (p *parser) insights(at int) {
	p.failAt(at, "SELECT, a query of Metrics Insights, is not supported. SEARCH finds metrics: SUM(SEARCH('{AWS/AppRunner,ServiceID,ServiceName} MetricName=\"Requests\"', 'Sum'))")
}

func names() string {
	all := make([]string, 0, len(functions))
	for name := range functions {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (p *parser) arguments(name string) (all []argument) {
	if p.take(")") {
		return nil
	}
	for {
		all = append(all, p.argument())
		if p.take(")") || p.err != nil {
			return all
		}
		if !p.take(",") {
			p.fail("%s is not expected here, a comma or the ) of %s would be", p.next(), name)
		}
	}
}

func (p *parser) argument() argument {
	p.space()
	a := argument{at: p.place(p.at)}
	if c := p.peek(); c == '"' || c == '\'' {
		a.text = p.literal()
		return a
	}
	start := p.at
	if upper(p.peek()) {
		a.word = p.word(letter)
		if p.space(); p.peek() == ',' || p.peek() == ')' {
			return a
		}
	}
	p.at, a.word = start, ""
	a.node = p.expression()
	return a
}

// values builds a call whose arguments are all values.
func values(f func(e *evaluation, c *call, args []Value) (Value, error)) func(*parser, *call) node {
	return func(p *parser, c *call) node {
		for _, a := range c.args {
			if a.node == nil {
				p.refuse(c, a, "a value")
			}
		}
		return func(e *evaluation) (Value, error) {
			args, err := e.values(c.args)
			if err != nil {
				return Value{}, err
			}
			return f(e, c, args)
		}
	}
}

func (e *evaluation) values(args []argument) ([]Value, error) {
	out := make([]Value, len(args))
	for i, a := range args {
		var err error
		if out[i], err = a.node(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// refuse is for an argument that is not of the sort that is needed.
func (p *parser) refuse(c *call, a argument, wanted string) {
	if p.err == nil {
		p.err = &Error{a.at, fmt.Sprintf("%s takes %s here: %s", c.name, wanted, c.usage)}
	}
}

// wrong is for an argument whose value is not of the kind that is needed.
func (c *call) wrong(i int, v Value, wanted string) error {
	return &Error{c.args[i].at, fmt.Sprintf("%s takes %s here, and gets %s", c.name, wanted, v.Kind)}
}
