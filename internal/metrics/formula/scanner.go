package formula

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a fault of an expression: what is wrong, and where.
type Error struct {
	At   int // the character it is at, from 1
	What string
}

func (e *Error) Error() string { return fmt.Sprintf("%s, at character %d", e.What, e.At) }

// maxDepth is how deep parentheses, functions and signs may be nested.
const maxDepth = 50

// scanner takes a text apart. After the first fault it has nothing left.
type scanner struct {
	text  string
	at    int // bytes that are behind
	depth int
	err   *Error
	place func(at int) int // the character at a byte
}

func newScanner(text string) scanner {
	return scanner{text: text, place: func(at int) int { return utf8.RuneCountInString(text[:at]) + 1 }}
}

func (s *scanner) done() bool { return s.at >= len(s.text) }

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.done() {
		return 0
	}
	return s.text[s.at]
}

// space goes to what is next.
func (s *scanner) space() {
	for !s.done() && strings.IndexByte(" \t\r\n", s.peek()) >= 0 {
		s.at++
	}
}

// take reports whether the next bytes, after spaces, are these, and goes beyond them.
func (s *scanner) take(token string) bool {
	s.space()
	if !strings.HasPrefix(s.text[s.at:], token) {
		return false
	}
	s.at += len(token)
	return true
}

// word reads bytes for which ok is true.
func (s *scanner) word(ok func(byte) bool) string {
	start := s.at
	for !s.done() && ok(s.peek()) {
		s.at++
	}
	return s.text[start:s.at]
}

// next says what comes next, for a message.
func (s *scanner) next() string {
	if s.done() {
		return "the end"
	}
	r, _ := utf8.DecodeRuneInString(s.text[s.at:])
	return fmt.Sprintf("%q", r)
}

func (s *scanner) fail(format string, args ...any) { s.failAt(s.at, format, args...) }

func (s *scanner) failAt(at int, format string, args ...any) {
	if s.err == nil {
		s.err = &Error{At: s.place(min(at, len(s.text))), What: fmt.Sprintf(format, args...)}
	}
	s.at = len(s.text)
}

// deeper goes one level down and returns the way back up. It is false where that is too deep.
func (s *scanner) deeper() (up func(), ok bool) {
	if s.depth >= maxDepth {
		s.fail("this is nested more than %d deep", maxDepth)
		return func() {}, false
	}
	s.depth++
	return func() { s.depth-- }, true
}

func letter(c byte) bool { return lower(c) || upper(c) || c == '_' || digit(c) }
func lower(c byte) bool  { return c >= 'a' && c <= 'z' }
func upper(c byte) bool  { return c >= 'A' && c <= 'Z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }
