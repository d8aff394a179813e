package awsapi

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Pattern is a regular expression that a whole string must match.
type Pattern struct {
	source    string // as the model has it, for messages
	notPrefix string
	expr      *regexp.Regexp
}

// MustPattern compiles a pattern: the string must match expr from end to end and must not begin
// with notPrefix, unless that is empty. It panics on an expression that Go does not have.
func MustPattern(source, notPrefix, expr string) *Pattern {
	return &Pattern{source: source, notPrefix: notPrefix, expr: regexp.MustCompile(`\A(?:` + expr + `)\z`)}
}

func (p *Pattern) matches(s string) bool {
	if p.notPrefix != "" && strings.HasPrefix(s, p.notPrefix) {
		return false
	}
	return p.expr.MatchString(s)
}

// StringRule bounds a string: its length in characters and what it is made of. A Max of 0 is none.
type StringRule struct {
	Min, Max  int
	Pattern   *Pattern
	Sensitive bool // the value never appears in a message
}

// Check reports what v breaks.
func (r StringRule) Check(v *string, c *Checker) {
	shown := func() string {
		if r.Sensitive {
			return ""
		}
		return quote(*v)
	}
	n := utf8.RuneCountInString(*v)
	if r.Max != 0 && n > r.Max {
		c.fail(shown(), fmt.Sprintf("Member must have length less than or equal to %d", r.Max))
	}
	if n < r.Min {
		c.fail(shown(), fmt.Sprintf("Member must have length greater than or equal to %d", r.Min))
	}
	// An overlong value is not worth the time of an expression.
	if r.Pattern != nil && (r.Max == 0 || n <= r.Max) && !r.Pattern.matches(*v) {
		c.fail(shown(), "Member must satisfy regular expression pattern: "+r.Pattern.source)
	}
}

// quote puts a value into a message.
func quote(s string) string { return "'" + clip(s) + "'" }

// clip shortens what a caller sent, so that it does not drown the rest of a message.
func clip(s string) string {
	const most = 100
	n := 0
	for i := range s {
		if n++; n > most {
			return s[:i] + "…"
		}
	}
	return s
}

// RangeRule bounds a number, both ends included.
type RangeRule[T int32 | int64 | float64] struct{ Min, Max T }

// Check reports what v breaks.
func (r RangeRule[T]) Check(v *T, c *Checker) {
	if *v > r.Max {
		c.fail(fmt.Sprintf("'%v'", *v), fmt.Sprintf("Member must have value less than or equal to %v", r.Max))
	}
	if *v < r.Min {
		c.fail(fmt.Sprintf("'%v'", *v), fmt.Sprintf("Member must have value greater than or equal to %v", r.Min))
	}
}

// EnumRule lists the values that a string may have.
type EnumRule[T ~string] []T

// Check reports a value that is not in the list.
func (r EnumRule[T]) Check(v *T, c *Checker) {
	if slices.Contains(r, *v) {
		return
	}
	names := make([]string, len(r))
	for i, value := range r {
		names[i] = string(value)
	}
	c.fail(quote(string(*v)), "Member must satisfy enum value set: ["+strings.Join(names, ", ")+"]")
}

// BlobRule bounds the length of a blob, in bytes. A Max of 0 is none.
type BlobRule struct {
	Min, Max  int
	Sensitive bool
}

// Check reports what v breaks. The value of a blob is never shown.
func (r BlobRule) Check(v *[]byte, c *Checker) {
	if *v != nil {
		Size{Min: r.Min, Max: r.Max}.check(c, len(*v))
	}
}
