package pattern

import (
	"regexp"
	"strconv"
	"strings"
)

// operators compare, longer ones first.
var operators = []string{"!=", "<=", ">=", "=", "<", ">"}

// comparison is an operator and what is compared with.
type comparison struct {
	operator string
	number   float64
	numeric  bool
	regex    *regexp.Regexp
	parts    []string // of a text: what is between its stars
}

// comparison reads an operator and a value, which ends before one of the stops.
func (p *parser) comparison(stops string) (c comparison) {
	for _, operator := range operators {
		if p.take(operator) {
			c.operator = operator
			break
		}
	}
	if c.operator == "" {
		p.fail("an operator is missing: one of = != < <= > >=")
		return c
	}
	p.space()
	switch {
	case p.peek() == '%':
		c.regex = p.regex()
	case p.peek() == '"':
		c.parts = strings.Split(p.quoted(), "*")
	default:
		c.unquoted(p, stops)
	}
	if c.operator != "=" && c.operator != "!=" && !c.numeric {
		p.fail("%s compares with a number", c.operator)
	}
	return c
}

func (c *comparison) unquoted(p *parser, stops string) {
	text := p.word(func(b byte) bool { return !isSpace(b) && !strings.ContainsRune(stops+`"()&|<>=!%`, rune(b)) })
	if text == "" {
		p.fail("a value is missing")
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		c.number, c.numeric = n, true
	}
	c.parts = strings.Split(text, "*")
}

// literal is a text that every match contains.
func (c *comparison) literal() string {
	longest := ""
	if c.operator != "=" || c.numeric {
		return ""
	}
	for _, part := range c.parts {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}

// text compares with a text.
func (c *comparison) text(value string) bool {
	switch c.operator {
	case "=":
		return c.equal(value)
	case "!=":
		return !c.equal(value)
	}
	n, err := strconv.ParseFloat(value, 64)
	return err == nil && c.order(n)
}

func (c *comparison) equal(value string) bool {
	if c.regex != nil {
		return c.regex.MatchString(value)
	}
	if n, err := strconv.ParseFloat(value, 64); c.numeric && err == nil {
		return n == c.number
	}
	return like(value, c.parts)
}

// order compares numbers.
func (c *comparison) order(n float64) bool {
	switch c.operator {
	case "=":
		return n == c.number
	case "!=":
		return n != c.number
	case "<":
		return n < c.number
	case "<=":
		return n <= c.number
	case ">":
		return n > c.number
	default:
		return n >= c.number
	}
}

// like compares a text with one that has stars between its parts.
func like(text string, parts []string) bool {
	last := len(parts) - 1
	if last == 0 {
		return text == parts[0]
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for _, part := range parts[1:last] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, parts[last])
}
