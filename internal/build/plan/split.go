package plan

import (
	"fmt"
	"strings"
)

// split takes a command apart as a shell does, without doing what the words say.
func split(command string) ([]word, error) {
	s := splitter{text: command}
	for s.i < len(s.text) {
		switch c := s.text[s.i]; c {
		case ' ', '\t', '\r':
			s.i++
		case '\n':
			s.line = true
			s.i++
		default:
			if err := s.word(); err != nil {
				return nil, err
			}
		}
	}
	return s.words, nil
}

type splitter struct {
	text  string
	i     int
	line  bool
	words []word
}

// word reads up to the next space outside of quotes.
func (s *splitter) word() error {
	w := word{at: s.i, plain: true, line: s.line}
	s.line = false
	var out strings.Builder
	for s.i < len(s.text) && !strings.ContainsRune(" \t\r\n", rune(s.text[s.i])) {
		switch c := s.text[s.i]; c {
		case '\'', '"':
			w.plain = false
			end, err := s.quotes(&w, &out, c)
			if err != nil {
				return err
			}
			s.i = end
		case '\\':
			w.plain = false
			if s.i++; s.i < len(s.text) && s.text[s.i] != '\n' {
				out.WriteByte(s.text[s.i])
			}
		default:
			w.variable = w.variable || expands(s.text[s.i:])
			out.WriteByte(c)
		}
		s.i++
	}
	w.text = out.String()
	s.words = append(s.words, w)
	return nil
}

// quotes reads from an opening quote and returns the index of the closing one.
func (s *splitter) quotes(w *word, out *strings.Builder, quote byte) (int, error) {
	for i := s.i + 1; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == quote:
			return i, nil
		case c == '\\' && quote == '"' && i+1 < len(s.text) && strings.IndexByte("\"\\$`", s.text[i+1]) >= 0:
			i++
			out.WriteByte(s.text[i])
		default:
			w.variable = w.variable || quote == '"' && expands(s.text[i:])
			out.WriteByte(c)
		}
	}
	return 0, fmt.Errorf("the start command has a quote %c that is not closed, at its character %d: %s", quote, s.i+1, s.text)
}

// expands reports whether a shell would put something else in the place of what comes next.
func expands(text string) bool {
	if text[0] == '`' {
		return true
	}
	if text[0] != '$' || len(text) == 1 {
		return false
	}
	c := text[1]
	return c == '{' || c == '(' || c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
