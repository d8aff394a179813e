package formula

import "math"

// parser reads metric math.
type parser struct {
	scanner

	references []string
}

// operator is one between two values.
type operator struct {
	text  string
	apply func(a, b float64) float64
}

// operators are those between two values, from those that bind least to those that bind most. Of two
// with the same beginning the longer one is first. A power binds more than all of them and than a sign.
var operators = [][]operator{
	{{"OR", or}, {"||", or}},
	{{"AND", and}, {"&&", and}},
	{
		{"==", func(a, b float64) float64 { return truth(a == b) }},
		{"!=", func(a, b float64) float64 { return truth(a != b) }},
		{"<=", func(a, b float64) float64 { return truth(a <= b) }},
		{">=", func(a, b float64) float64 { return truth(a >= b) }},
		{"<", func(a, b float64) float64 { return truth(a < b) }},
		{">", func(a, b float64) float64 { return truth(a > b) }},
	},
	{
		{"+", func(a, b float64) float64 { return a + b }},
		{"-", func(a, b float64) float64 { return a - b }},
	},
	{
		{"*", func(a, b float64) float64 { return a * b }},
		{"/", divide},
	},
}

var power = operator{"^", math.Pow}

func or(a, b float64) float64  { return truth(a != 0 || b != 0) }
func and(a, b float64) float64 { return truth(a != 0 && b != 0) }

// divide leaves nothing where the divisor is 0.
func divide(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func (p *parser) expression() node {
	up, ok := p.deeper()
	defer up()
	if !ok {
		return nil
	}
	return p.binary(0)
}

// binary reads operators of a level and all that bind more.
func (p *parser) binary(level int) node {
	if level == len(operators) {
		return p.unary()
	}
	left := p.binary(level + 1)
	for {
		p.space()
		at := p.at
		op, ok := p.operator(level)
		if !ok {
			return left
		}
		left = p.between(at, op, left, p.binary(level+1))
	}
}

func (p *parser) operator(level int) (operator, bool) {
	for _, op := range operators[level] {
		start := p.at
		if !p.take(op.text) {
			continue
		}
		if upper(op.text[0]) && letter(p.peek()) { // ORDER is not OR
			p.at = start
			continue
		}
		return op, true
	}
	return operator{}, false
}

func (p *parser) unary() node {
	p.space()
	at := p.at
	if !p.take("-") {
		return p.power()
	}
	up, ok := p.deeper()
	defer up()
	if !ok {
		return nil
	}
	return p.between(at, operator{"-", func(a, b float64) float64 { return a * b }}, constant(-1), p.unary())
}

func (p *parser) power() node {
	base := p.operand()
	p.space()
	at := p.at
	if !p.take(power.text) {
		return base
	}
	up, ok := p.deeper()
	defer up()
	if !ok {
		return nil
	}
	return p.between(at, power, base, p.unary())
}

func constant(v float64) node {
	return func(*evaluation) (Value, error) { return number(v), nil }
}

// between is an operator and its two values.
func (p *parser) between(at int, op operator, left, right node) node {
	at = p.place(at)
	return func(e *evaluation) (Value, error) {
		a, err := left(e)
		if err != nil {
			return Value{}, err
		}
		b, err := right(e)
		if err != nil {
			return Value{}, err
		}
		return e.apply(at, op, a, b)
	}
}
