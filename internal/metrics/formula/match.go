package formula

import (
	"strings"
	"unicode"
)

// candidate is a metric that is looked at. Its names are taken apart once, when a word needs it, for all
// metrics that have them: most are in many.
type candidate struct {
	metric Metric
	names  []name
	split  map[string]*words // of names
}

// name is a name or value of a metric, and the words in it.
type name struct {
	property string // "" for the name of a dimension
	text     string
	words    *words
}

// propertyOf selects the names that a property has: those of one dimension unless it is one of the two
// that every metric has.
func propertyOf(property string) func(*candidate) []name {
	return func(c *candidate) []name {
		for i, n := range c.everything() {
			if n.property == property {
				return c.names[i : i+1]
			}
		}
		return nil
	}
}

// everything is all the names and values of the metric.
func (c *candidate) everything() []name {
	if c.names == nil {
		c.names = []name{{property: "MetricName", text: c.metric.Name}, {property: "Namespace", text: c.metric.Namespace}}
		for _, d := range c.metric.Dimensions {
			c.names = append(c.names, name{property: d.Name, text: d.Value}, name{text: d.Name})
		}
	}
	return c.names
}

func (c *candidate) wordsOf(name string) *words {
	known := c.split[name]
	if known == nil {
		known = split(name)
		c.split[name] = known
	}
	return known
}

// matches is a condition on the names that of selects: one is the same as a text, or has its words in it.
func matches(text string, whole bool, of func(*candidate) []name) condition {
	if whole {
		return func(c *candidate) bool {
			for _, n := range of(c) {
				if n.text == text {
					return true
				}
			}
			return false
		}
	}
	wanted := split(text)
	return func(c *candidate) bool {
		names := of(c)
		for i := range names {
			if names[i].words == nil {
				names[i].words = c.wordsOf(names[i].text)
			}
			if names[i].words.contain(wanted) {
				return true
			}
		}
		return false
	}
}

// words are the parts of a name as CloudWatch divides it: by signs, where capitals begin and where digits
// do.
type words struct {
	list  []word
	whole string // without signs
}

type word struct {
	text string
	// exact says that capitals count: there is another word at once before or after it, without a sign.
	exact bool
}

// contain reports whether words are among those of a name, one after the other, or are the whole name.
// A word that stands alone is looked for without regard to capitals.
//
// Source: "Tokenization" and "Partial matches", CloudWatch search expression syntax.
func (w *words) contain(wanted *words) bool {
	if len(wanted.list) == 0 {
		return false
	}
	for i := 0; i+len(wanted.list) <= len(w.list); i++ {
		if begins(w.list[i:], wanted.list) {
			return true
		}
	}
	return strings.EqualFold(w.whole, wanted.whole)
}

func begins(name, wanted []word) bool {
	for i, w := range wanted {
		if w.text != name[i].text && (w.exact || !strings.EqualFold(w.text, name[i].text)) {
			return false
		}
	}
	return true
}

// split divides a text into its words: "Project2-trial333" into Project, 2, trial and 333.
func split(text string) *words {
	out := &words{}
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		divided := humps([]rune(part))
		for _, text := range divided {
			out.list = append(out.list, word{text, len(divided) > 1})
		}
		out.whole += part
	}
	return out
}

// humps divides letters and digits: "SDBFailure2" into SDB, Failure and 2.
func humps(part []rune) (out []string) {
	start := 0
	for i := 1; i < len(part); i++ {
		if boundary(part, i) {
			out, start = append(out, string(part[start:i])), i
		}
	}
	return append(out, string(part[start:]))
}

// boundary reports whether a word begins at a character: a digit after a letter or a letter after a
// digit, a capital after a small letter, the last of several capitals before a small letter.
func boundary(part []rune, i int) bool {
	before, at := part[i-1], part[i]
	switch {
	case unicode.IsDigit(before) != unicode.IsDigit(at):
		return true
	case !unicode.IsUpper(at):
		return false
	case !unicode.IsUpper(before):
		return true
	}
	return i+1 < len(part) && unicode.IsLower(part[i+1])
}
