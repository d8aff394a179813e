package formula

import (
	"slices"
	"strings"
)

// terms reads what SEARCH looks for:
//
//	{Namespace,DimensionName} MetricName="Name" DimensionName=("a" OR "b") word NOT "whole name"
type terms struct{ scanner }

// condition decides about a metric.
type condition func(*candidate) bool

// parseTerm reads the first argument of SEARCH. All of what follows the schema is about its metrics.
func parseTerm(text *literal) (condition, *Error) {
	t := &terms{scanner{text: text.text, place: text.place}}
	schema := condition(nil)
	if t.take("{") {
		schema = t.schema()
		t.take(",") // as in some of CloudWatch's own examples
	}
	t.space()
	if t.err == nil && t.done() {
		if schema == nil {
			t.fail("SEARCH needs something to look for, such as {AWS/AppRunner,ServiceID,ServiceName} or MetricName=\"Requests\"")
		}
		return schema, t.err
	}
	out := t.any(t.term)
	if t.space(); t.err == nil && !t.done() {
		t.fail("%s is not expected here", t.next())
	}
	if schema == nil {
		return out, t.err
	}
	return func(c *candidate) bool { return schema(c) && out(c) }, t.err
}

// schema reads a namespace and the names of dimensions. It matches metrics that have these, in any order,
// and no others.
func (t *terms) schema() condition {
	var names []string
	for {
		t.space()
		name, _ := t.name(func(c byte) bool { return c != ',' && c != '{' && c != '}' })
		names = append(names, name)
		if t.take("}") || t.err != nil {
			break
		}
		if !t.take(",") {
			t.fail("%s is not expected here, a comma or } would be", t.next())
		}
	}
	slices.Sort(names[1:])
	return func(c *candidate) bool {
		if c.metric.Namespace != names[0] || len(c.metric.Dimensions) != len(names)-1 {
			return false
		}
		has := make([]string, len(c.metric.Dimensions))
		for i, d := range c.metric.Dimensions {
			has[i] = d.Name
		}
		slices.Sort(has)
		return slices.Equal(has, names[1:])
	}
}

// any reads conditions of which one is enough: those of leaf with OR, AND, NOT and parentheses. AND binds
// more than OR, and may be left out.
func (t *terms) any(leaf func() condition) condition {
	alternatives := []condition{t.all(leaf)}
	for t.operator("OR") {
		alternatives = append(alternatives, t.all(leaf))
	}
	return func(c *candidate) bool {
		return slices.ContainsFunc(alternatives, func(is condition) bool { return is(c) })
	}
}

func (t *terms) all(leaf func() condition) condition {
	needed := []condition{t.not(leaf)}
	for t.operator("AND") || !t.ends() {
		needed = append(needed, t.not(leaf))
	}
	return func(c *candidate) bool {
		return !slices.ContainsFunc(needed, func(is condition) bool { return !is(c) })
	}
}

// ends reports whether what follows is no further condition.
func (t *terms) ends() bool {
	t.space()
	at := t.at
	defer func() { t.at = at }()
	return t.done() || t.take(")") || t.operator("OR")
}

func (t *terms) not(leaf func() condition) condition {
	up, ok := t.deeper()
	defer up()
	switch {
	case !ok:
		return nil
	case t.operator("NOT"):
		is := t.not(leaf)
		return func(c *candidate) bool { return !is(c) }
	case t.take("("):
		inside := t.any(leaf)
		if !t.take(")") {
			t.fail("%s is not expected here, ) would be", t.next())
		}
		return inside
	}
	return leaf()
}

// operator reads AND, OR or NOT: capitals, and no part of a word.
func (t *terms) operator(word string) bool {
	t.space()
	start := t.at
	if t.word(bare) == word && !t.property() {
		return true
	}
	t.at = start
	return false
}

// property reports whether an equals sign follows.
func (t *terms) property() bool {
	t.space()
	return t.peek() == '='
}

// bare are the characters of a word without quotes.
func bare(c byte) bool { return strings.IndexByte(" \t\r\n\"'(){}=", c) < 0 }

// name reads a word or what is between quotes; whole says that it was between quotes.
func (t *terms) name(ok func(byte) bool) (name string, whole bool) {
	start := t.at
	quote := t.peek()
	if quote != '"' && quote != '\'' {
		if name = t.word(func(c byte) bool { return bare(c) && ok(c) }); name == "" {
			t.fail("%s is not expected here, a name or a word would be", t.next())
		}
		return name, false
	}
	var text strings.Builder
	for t.at++; t.peek() != quote; t.at++ {
		if t.done() {
			t.failAt(start, "the name that begins with %c does not end", quote)
			return "", true
		}
		if t.peek() == '\\' && t.at+1 < len(t.text) && strings.IndexByte(`"'\()`, t.text[t.at+1]) >= 0 {
			t.at++
		}
		text.WriteByte(t.peek())
	}
	t.at++
	if text.Len() == 0 {
		t.failAt(start, "there is nothing between the quotes")
	}
	return text.String(), true
}

// term reads a word, a whole name between quotes, or a property and what it has to be.
func (t *terms) term() condition {
	name, whole := t.name(bare)
	if !t.property() {
		return matches(name, whole, (*candidate).everything)
	}
	t.take("=")
	t.space()
	of := propertyOf(name)
	value := func() condition {
		value, whole := t.name(bare)
		return matches(value, whole, of)
	}
	wanted := t.value(value)
	if name == ":aws.AccountId" { // there is one account
		return func(*candidate) bool { return true }
	}
	return wanted
}

// value reads one value, or several in parentheses.
func (t *terms) value(value func() condition) condition {
	if !t.take("(") {
		return value()
	}
	inside := t.any(value)
	if !t.take(")") {
		t.fail("%s is not expected here, ) would be", t.next())
	}
	return inside
}
