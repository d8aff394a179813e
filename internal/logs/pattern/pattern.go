// Package pattern has the filter patterns of CloudWatch Logs: terms, JSON and fields between spaces.
//
//	ERROR "not found" -health       all terms, the last of them not
//	?ERROR ?WARN                    one of them is enough
//	%time=[0-9]{4,}%                a regular expression
//	{ $.status >= 500 && $.user.name = "a*" }
//	[ip, user, ..., status = 5*, bytes > 1000]
//
// Terms are compared as they are, upper and lower case apart, anywhere in the text.
//
// Source: Filter pattern syntax, Amazon CloudWatch Logs User Guide.
package pattern

import (
	"fmt"
	"strings"
)

// Pattern decides about the text of log events.
type Pattern struct {
	match   func(text string) bool
	literal string
}

// Error is a text that is no pattern.
type Error struct {
	At   int // bytes of the text before the fault
	What string
}

func (e *Error) Error() string {
	return fmt.Sprintf("Invalid filter pattern: %s, at character %d.", e.What, e.At+1)
}

// Parse reads a pattern; an empty one matches everything. The error is an *Error.
func Parse(text string) (*Pattern, error) {
	p := &parser{text: text}
	p.space()
	var out *Pattern
	switch {
	case p.done():
		return &Pattern{match: func(string) bool { return true }}, nil
	case p.peek() == '{':
		out = p.json()
	case p.peek() == '[':
		out = p.fields()
	default:
		out = p.terms()
	}
	if p.err == nil && p.regexes > maxRegexes {
		p.fail("there are more than %d regular expressions", maxRegexes)
	}
	if p.err != nil {
		return nil, p.err
	}
	return out, nil
}

// maxRegexes is how many regular expressions a pattern may have.
const maxRegexes = 2

// Match reports whether the text of an event is one that is looked for.
func (p *Pattern) Match(text string) bool { return p.match(text) }

// Literal returns a text that is part of everything which matches, "" when there is none: what is not
// part of a file need not be looked for in its lines.
func (p *Pattern) Literal() string { return p.literal }

// parser takes a pattern apart. After the first fault it has nothing left.
type parser struct {
	text    string
	at      int
	depth   int
	regexes int
	err     error
}

func (p *parser) done() bool { return p.at >= len(p.text) }

// peek returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.done() {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) space() {
	for !p.done() && isSpace(p.peek()) {
		p.at++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// take reports whether the next bytes are these, and goes beyond them.
func (p *parser) take(token string) bool {
	if !strings.HasPrefix(p.text[min(p.at, len(p.text)):], token) {
		return false
	}
	p.at += len(token)
	return true
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = &Error{At: min(p.at, len(p.text)), What: fmt.Sprintf(format, args...)}
	}
	p.at = len(p.text)
}

// quoted reads what is between double quotes; a backslash takes the meaning from a quote and from itself.
func (p *parser) quoted() string {
	p.take(`"`)
	var out strings.Builder
	for {
		switch c := p.peek(); {
		case p.done():
			p.fail("a double quote is not closed")
			return ""
		case c == '"':
			p.at++
			return out.String()
		case c == '\\' && p.at+1 < len(p.text) && (p.text[p.at+1] == '"' || p.text[p.at+1] == '\\'):
			out.WriteByte(p.text[p.at+1])
			p.at += 2
		default:
			out.WriteByte(c)
			p.at++
		}
	}
}

// word reads characters for which ok is true.
func (p *parser) word(ok func(byte) bool) string {
	start := p.at
	for !p.done() && ok(p.peek()) {
		p.at++
	}
	return p.text[start:p.at]
}

// plain are the characters that a word may have without quotes.
func plain(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
