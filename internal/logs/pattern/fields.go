package pattern

import "strings"

// field is one field of a pattern for texts whose fields have spaces between them.
type field struct {
	rest  bool // "...": any number of fields
	holds func(value string) bool
}

// fields reads a pattern such as [ip, user, ..., status = 4* || status = 5*, bytes > 1000].
func (p *parser) fields() *Pattern {
	p.take("[")
	var all []field
	gap := -1
	for p.err == nil {
		p.space()
		f := p.field()
		if f.rest && gap >= 0 {
			p.fail("... may be there once only")
		} else if f.rest {
			gap = len(all)
		}
		all = append(all, f)
		if p.space(); p.take("]") {
			break
		}
		if p.err == nil && !p.take(",") {
			p.fail(", or ] is missing")
		}
	}
	if p.space(); p.err == nil && !p.done() {
		p.fail("nothing may follow the ]")
	}
	return &Pattern{match: func(text string) bool { return fits(split(text), all, gap) }}
}

// fits compares the fields of a text: those before the gap from the left, those after it from the right.
func fits(values []string, all []field, gap int) bool {
	before, after := all, []field(nil)
	if gap >= 0 {
		before, after = all[:gap], all[gap+1:]
	}
	if len(values) < len(before)+len(after) || gap < 0 && len(values) > len(before) {
		return false
	}
	for i, f := range before {
		if !f.holds(values[i]) {
			return false
		}
	}
	for i, f := range after {
		if !f.holds(values[len(values)-len(after)+i]) {
			return false
		}
	}
	return true
}

// field reads a name with conditions on it, or without.
func (p *parser) field() field {
	if p.take("...") {
		return field{rest: true}
	}
	if p.depth = 0; p.peek() == '(' {
		return field{holds: p.fieldEither("")}
	}
	name := p.word(fieldName)
	p.space()
	if c := p.peek(); c == ',' || c == ']' || p.done() {
		return field{holds: func(string) bool { return true }}
	}
	return field{holds: p.fieldEither(name)}
}

func fieldName(c byte) bool { return plain(c) || strings.IndexByte("-.$@:/", c) >= 0 }

// fieldEither reads conditions with || between them. The name of the first has been read already.
func (p *parser) fieldEither(name string) func(string) bool {
	first := p.fieldBoth(name)
	for p.space(); p.err == nil && p.take("||"); p.space() {
		left := first
		right := p.fieldBoth("")
		first = func(v string) bool { return left(v) || right(v) }
	}
	return first
}

func (p *parser) fieldBoth(name string) func(string) bool {
	first := p.fieldOne(name)
	for p.space(); p.err == nil && p.take("&&"); p.space() {
		left := first
		right := p.fieldOne("")
		first = func(v string) bool { return left(v) && right(v) }
	}
	return first
}

func (p *parser) fieldOne(name string) func(string) bool {
	p.space()
	if name == "" && p.take("(") {
		if p.depth++; p.depth > maxDepth {
			p.fail("more than %d parentheses are open", maxDepth)
			return nil
		}
		inner := p.fieldEither("")
		p.depth--
		if p.space(); p.err == nil && !p.take(")") {
			p.fail(") is missing")
		}
		return inner
	}
	if name == "" {
		p.word(fieldName)
	}
	p.space()
	c := p.comparison(",]")
	return c.text
}

// split takes a text apart at its spaces. What is between double quotes or brackets is one field.
func split(text string) []string {
	var all []string
	for {
		text = strings.TrimLeft(text, " \t")
		if text == "" {
			return all
		}
		end, skip := byte(' '), 0
		switch text[0] {
		case '"':
			end, skip = '"', 1
		case '[':
			end, skip = ']', 1
		}
		i := strings.IndexByte(text[skip:], end)
		if i < 0 && skip > 0 { // it is not closed: a plain word
			end, skip = ' ', 0
			i = strings.IndexByte(text, end)
		}
		if i < 0 {
			return append(all, text)
		}
		all = append(all, text[skip:skip+i])
		text = text[min(len(text), 2*skip+i):]
	}
}
