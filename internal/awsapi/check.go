package awsapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Violations are the constraints of the model that a request or an answer breaks. The message has
// the form of AWS: "2 validation errors detected: Value 'x' at 'serviceName' failed to …; …".
type Violations []string

// maxMessage is the model's limit for the message of an exception, in characters.
const maxMessage = 600

func (v Violations) Error() string {
	noun := "errors"
	if len(v) == 1 {
		noun = "error"
	}
	head := fmt.Sprintf("%d validation %s detected: ", len(v), noun)
	text, shown := v[0], 1
	for _, more := range v[1:] {
		if len(head)+len(text)+len(more) > maxMessage-len("; and 999 more") {
			return fmt.Sprintf("%s%s; and %d more", head, text, len(v)-shown)
		}
		text, shown = text+"; "+more, shown+1
	}
	return head + text
}

// Validate runs check and returns what it found as Violations, or nil.
func Validate(check func(*Checker)) error {
	var c Checker
	check(&c)
	if len(c.found) == 0 {
		return nil
	}
	return c.found
}

// Checker walks through a value, knows where it is, and collects what is wrong there.
type Checker struct {
	path  []string
	found Violations
	aside *[]string // inside a list of scalars or a map: collect constraints, not sentences
}

// Required reports a member that must be there and is not.
func (c *Checker) Required(name string, present bool) {
	if present {
		return
	}
	c.path = append(c.path, name)
	c.fail("null", "Member must not be null")
	c.path = c.path[:len(c.path)-1]
}

// fail records that the value at the current place breaks constraint. The value "" is not shown.
func (c *Checker) fail(value, constraint string) {
	if c.aside != nil {
		if !slices.Contains(*c.aside, constraint) {
			*c.aside = append(*c.aside, constraint)
		}
		return
	}
	if value != "" {
		value += " "
	}
	c.found = append(c.found, fmt.Sprintf("Value %sat '%s' failed to satisfy constraint: %s", value, strings.Join(c.path, "."), constraint))
}

// Member checks a member, when it is present.
func Member[T any](c *Checker, name string, v *T, check func(*T, *Checker)) {
	if v == nil {
		return
	}
	c.path = append(c.path, name)
	check(v, c)
	c.path = c.path[:len(c.path)-1]
}

// Size bounds the number of entries of a list or a map; a Max of 0 is none.
type Size struct{ Min, Max int }

func (s Size) check(c *Checker, n int) {
	if n < s.Min {
		c.fail("", fmt.Sprintf("Member must have length greater than or equal to %d", s.Min))
	}
	if s.Max != 0 && n > s.Max {
		c.fail("", fmt.Sprintf("Member must have length less than or equal to %d", s.Max))
	}
}

// ListOf returns the check of a list: its size and, when check is given, its elements. A nil list is
// an absent one.
func ListOf[T any](size Size, check func(*T, *Checker)) func(*[]T, *Checker) {
	return func(list *[]T, c *Checker) {
		if *list == nil {
			return
		}
		size.check(c, len(*list))
		for i := range *list {
			if check == nil {
				break
			}
			c.path = append(c.path, strconv.Itoa(i+1), "member")
			check(&(*list)[i], c)
			c.path = c.path[:len(c.path)-2]
		}
	}
}

// MapOf returns the check of a map: its size, keys and values. Neither keys nor values are shown,
// for they may be secret; a constraint that several entries break is reported once.
func MapOf[K ~string, T any](size Size, key func(*K, *Checker), value func(*T, *Checker)) func(*map[K]T, *Checker) {
	return func(m *map[K]T, c *Checker) {
		if *m == nil {
			return
		}
		size.check(c, len(*m))
		for k, v := range *m {
			if key != nil {
				c.entry("Map keys", func() { key(&k, c) })
			}
			if value != nil {
				c.entry("Map value", func() { value(&v, c) })
			}
		}
	}
}

// entry runs the check of one key or value and reports what it breaks about the map as a whole.
func (c *Checker) entry(what string, check func()) {
	var broken []string
	outer := c.aside
	c.aside = &broken
	check()
	c.aside = outer
	if len(broken) == 0 {
		return
	}
	before := len(c.found)
	c.fail("", fmt.Sprintf("%s must satisfy constraint: [%s]", what, strings.Join(broken, ", ")))
	if before < len(c.found) && slices.Contains(c.found[:before], c.found[before]) {
		c.found = c.found[:before]
	}
}
