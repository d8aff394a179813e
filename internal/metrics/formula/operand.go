package formula

import (
	"slices"
	"strconv"
	"strings"
)

// operand reads what stands between operators.
func (p *parser) operand() node {
	p.space()
	switch c := p.peek(); {
	case p.take("("):
		inside := p.expression()
		if !p.take(")") {
			p.fail("%s is not expected here, ) would be", p.next())
		}
		return inside
	case c == '[':
		return p.array()
	case digit(c) || c == '.':
		return p.number()
	case lower(c):
		return p.reference()
	case upper(c):
		return p.call()
	case c == '"' || c == '\'':
		p.fail("a text is only for METRICS and SEARCH")
	default:
		p.fail("%s is not expected here, a number, the id of a query, a function or ( would be", p.next())
	}
	return nil
}

func (p *parser) number() node {
	start := p.at
	p.word(func(c byte) bool { return digit(c) || c == '.' })
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
	}
	p.word(letter) // 5m is no number
	v, err := strconv.ParseFloat(p.text[start:p.at], 64)
	if err != nil || strings.ContainsAny(p.text[start:p.at], "xXpP_") { // what Go takes beyond decimal numbers
		p.failAt(start, "%q is no number", p.text[start:p.at])
	}
	return constant(v)
}

// array reads time series between brackets.
func (p *parser) array() node {
	c := &call{name: "an array", at: p.place(p.at)}
	up, ok := p.deeper()
	defer up()
	if !ok || !p.take("[") {
		return nil
	}
	for {
		p.space()
		c.args = append(c.args, argument{at: p.place(p.at), node: p.expression()})
		if p.take("]") || p.err != nil {
			break
		}
		if !p.take(",") {
			p.fail("%s is not expected here, a comma or ] would be", p.next())
		}
	}
	return values(func(e *evaluation, c *call, args []Value) (Value, error) {
		out := Many(nil)
		for i, v := range args {
			if v.Kind == Number {
				return Value{}, c.wrong(i, v, "time series alone")
			}
			if err := e.spend(c.at, len(v.Series)*seriesCost); err != nil {
				return Value{}, err
			}
			out.Series = append(out.Series, v.Series...)
		}
		return out, nil
	})(p, c)
}

// reference reads the id of another query.
func (p *parser) reference() node {
	start := p.at
	id := p.word(letter)
	p.space()
	switch {
	case p.peek() == '(':
		p.failAt(start, "functions are written in capitals: %s", strings.ToUpper(id))
	case id == "select" && (lower(p.peek()) || upper(p.peek())):
		p.insights(start)
	}
	if !slices.Contains(p.references, id) {
		p.references = append(p.references, id)
	}
	return func(e *evaluation) (Value, error) { return e.Get(id) }
}
