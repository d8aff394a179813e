package pattern

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// maxDepth is how many parentheses may be open at once.
const maxDepth = 32

// condition is true or false of a JSON object.
type condition func(document any) bool

// json reads a pattern for JSON: { $.member operator value && … }.
func (p *parser) json() *Pattern {
	p.take("{")
	c, literal := p.either()
	p.space()
	if p.err == nil && !p.take("}") {
		p.fail("} or an operator is missing")
	}
	if p.space(); p.err == nil && !p.done() {
		p.fail("nothing may follow the }")
	}
	return &Pattern{literal: literal, match: func(text string) bool {
		if !strings.Contains(text, "{") {
			return false
		}
		var document any
		decoder := json.NewDecoder(strings.NewReader(text[strings.IndexByte(text, '{'):]))
		if decoder.Decode(&document) != nil {
			return false
		}
		return c(document)
	}}
}

// either reads conditions with || between them. The text is part of everything that meets them.
func (p *parser) either() (condition, string) {
	first, literal := p.both()
	for p.space(); p.err == nil && p.take("||"); p.space() {
		left, right := first, condition(nil)
		right, _ = p.both()
		first, literal = func(d any) bool { return left(d) || right(d) }, ""
	}
	return first, literal
}

func (p *parser) both() (condition, string) {
	first, literal := p.one()
	for p.space(); p.err == nil && p.take("&&"); p.space() {
		left := first
		right, other := p.one()
		first = func(d any) bool { return left(d) && right(d) }
		if len(other) > len(literal) {
			literal = other
		}
	}
	return first, literal
}

func (p *parser) one() (condition, string) {
	p.space()
	if !p.take("(") {
		return p.member()
	}
	if p.depth++; p.depth > maxDepth {
		p.fail("more than %d parentheses are open", maxDepth)
		return nil, ""
	}
	c, literal := p.either()
	p.depth--
	if p.space(); p.err == nil && !p.take(")") {
		p.fail(") is missing")
	}
	return c, literal
}

// member reads a condition on one member.
func (p *parser) member() (condition, string) {
	path := p.path()
	p.space()
	switch {
	case p.err != nil:
		return nil, ""
	case p.keyword("NOT EXISTS"):
		return func(d any) bool { return len(find(d, path)) == 0 }, ""
	case p.keyword("EXISTS"):
		return func(d any) bool { return len(find(d, path)) > 0 }, ""
	case p.keyword("IS TRUE"):
		return is(path, true), "true"
	case p.keyword("IS FALSE"):
		return is(path, false), "false"
	case p.keyword("IS NULL"):
		return is(path, nil), "null"
	}
	c := p.comparison("{}")
	return func(d any) bool {
		return slices.ContainsFunc(find(d, path), c.value)
	}, jsonLiteral(c.literal())
}

// jsonLiteral is what a text looks like in JSON, "" when that is not sure.
func jsonLiteral(text string) string {
	if strings.Trim(text, "0123456789.") == "" { // a number has more than one form
		return ""
	}
	for i := range len(text) {
		if !plain(text[i]) && !strings.ContainsRune(" .,:;-=@#()[]", rune(text[i])) || text[i] >= 0x80 {
			return ""
		}
	}
	return text
}

// keyword takes words that are in upper or lower case, with any space between them.
func (p *parser) keyword(words string) bool {
	start := p.at
	for word := range strings.FieldsSeq(words) {
		p.space()
		if !strings.EqualFold(p.word(plain), word) {
			p.at = start
			return false
		}
	}
	return true
}

func is(path []step, want any) condition {
	return func(d any) bool { return slices.Contains(find(d, path), want) }
}

// value compares with a value of JSON. Objects and lists equal nothing.
func (c *comparison) value(v any) bool {
	switch v := v.(type) {
	case string:
		return c.text(v)
	case float64:
		if c.numeric {
			return c.order(v)
		}
		return c.text(strconv.FormatFloat(v, 'f', -1, 64))
	case bool:
		return c.text(strconv.FormatBool(v))
	default:
		return false
	}
}

// step goes from a value to one inside.
type step struct {
	name  string
	index int  // of a list, when list is set
	list  bool // name means nothing
	every bool // all elements of a list, or all members of an object
}

// path reads a selector: $.a.b[0].c, $.a[*], $['a.b'] or $.["a.b"].
func (p *parser) path() (path []step) {
	if !p.take("$") {
		p.fail("a member is missing: $ and its name, such as $.status")
		return nil
	}
	for {
		switch {
		case p.take("["):
			path = append(path, p.element())
		case p.take("."):
			if p.peek() == '[' {
				continue
			}
			if p.take("*") {
				path = append(path, step{every: true})
				continue
			}
			name := p.word(func(c byte) bool { return plain(c) || c == '-' || c == '@' || c == ':' || c == '/' })
			if name == "" {
				p.fail("the name of a member is missing")
				return nil
			}
			path = append(path, step{name: name})
		default:
			if len(path) == 0 {
				p.fail("the name of a member is missing after $")
			}
			return path
		}
		if p.err != nil {
			return nil
		}
	}
}

// element reads what is between the brackets of a selector.
func (p *parser) element() (s step) {
	switch c := p.peek(); c {
	case '"':
		s = step{name: p.quoted()}
	case '\'':
		p.at++
		s = step{name: p.word(func(c byte) bool { return c != '\'' })}
		p.take("'")
	case '*':
		p.at++
		s = step{list: true, every: true}
	default:
		n, err := strconv.Atoi(p.word(func(c byte) bool { return c >= '0' && c <= '9' }))
		if err != nil {
			p.fail("the number of an element is missing")
			return s
		}
		s = step{list: true, index: n}
	}
	if !p.take("]") {
		p.fail("] is missing")
	}
	return s
}

// find returns the values that a path leads to.
func find(value any, path []step) []any {
	if len(path) == 0 {
		return []any{value}
	}
	s, rest := path[0], path[1:]
	var found []any
	switch v := value.(type) {
	case map[string]any:
		if member, ok := v[s.name]; ok && !s.list && !s.every {
			return find(member, rest)
		}
		for _, member := range v {
			if s.every && !s.list {
				found = append(found, find(member, rest)...)
			}
		}
	case []any:
		for i, element := range v {
			if s.every || s.list && s.index == i {
				found = append(found, find(element, rest)...)
			}
		}
	}
	return found
}
