package pattern

import (
	"regexp"
	"strings"
)

// term is one word, phrase or regular expression.
type term struct {
	text  string
	regex *regexp.Regexp // instead of text
}

func (t term) in(text string) bool {
	if t.regex != nil {
		return t.regex.MatchString(text)
	}
	return strings.Contains(text, t.text)
}

// terms reads a pattern of terms. Those with a question mark count only when there are no others, as in
// CloudWatch.
func (p *parser) terms() *Pattern {
	var all, none, some []term
	for p.space(); !p.done(); p.space() {
		list := &all
		switch {
		case p.take("-"):
			list = &none
		case p.take("?"):
			list = &some
		}
		*list = append(*list, p.term())
	}
	if len(all)+len(none) > 0 {
		some = nil
	}
	out := &Pattern{match: func(text string) bool { return holds(text, all, none, some) }}
	for _, t := range all {
		if len(t.text) > len(out.literal) {
			out.literal = t.text
		}
	}
	if len(some) == 1 {
		out.literal = some[0].text
	}
	return out
}

func holds(text string, all, none, some []term) bool {
	for _, t := range all {
		if !t.in(text) {
			return false
		}
	}
	for _, t := range none {
		if t.in(text) {
			return false
		}
	}
	for _, t := range some {
		if t.in(text) {
			return true
		}
	}
	return len(some) == 0
}

func (p *parser) term() term {
	switch p.peek() {
	case '"':
		text := p.quoted()
		if text == "" {
			p.fail("there is nothing between the double quotes")
		}
		return term{text: text}
	case '%':
		return term{regex: p.regex()}
	}
	text := p.word(plain)
	if c := p.peek(); c != 0 && !isSpace(c) {
		p.fail("a term with %q has to be in double quotes", c)
	} else if text == "" {
		p.fail("a term is missing")
	}
	return term{text: text}
}

// regex reads a regular expression between percent signs.
func (p *parser) regex() *regexp.Regexp {
	p.take("%")
	start := p.at
	for p.peek() != '%' {
		c := p.peek()
		switch {
		case p.done():
			p.at = start
			p.fail("a regular expression is not closed by %%")
			return nil
		case c >= 0x80, !plain(c) && !strings.ContainsRune(` :#=@/;,-^$?[]{}|\*+.`, rune(c)):
			p.fail("%q is not allowed in a regular expression", c)
			return nil
		}
		p.at++
	}
	expression := p.text[start:p.at]
	p.take("%")
	p.regexes++
	compiled, err := regexp.Compile(expression)
	if err != nil || expression == "" {
		p.at = start
		p.fail("%q is not a regular expression", expression)
		return nil
	}
	return compiled
}
