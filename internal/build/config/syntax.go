package config

import (
	"fmt"
	"strings"
)

// syntaxProblems are what the YAML reader says, and what people make of it.
var syntaxProblems = []struct {
	message string
	tell    func(line string) (what, remedy string)
}{
	{"mapping values are not allowed", func(line string) (string, string) {
		if strings.Count(line, ":") == 1 && strings.HasSuffix(strings.TrimSpace(line), ":") {
			return fmt.Sprintf("%s cannot be a key here.", excerpt(line)), "Look above it for a bracket or a quote that is not closed, or for a value that goes on over several lines."
		}
		return "A colon before a space or the end of the line begins a value inside of another value.", "Put quotes around the whole value:" + yamlLines(quoted(line))
	}},
	{"did not find expected key", func(line string) (string, string) {
		return fmt.Sprintf("%s does not fit the lines above it.", excerpt(line)), "Keys of one section begin at the same column: indent it and the key above that it belongs beside alike. When it begins with a quote, the quotes must go around all of the value."
	}},
	{"did not find expected '-' indicator", func(line string) (string, string) {
		return fmt.Sprintf("%s stands where the next item of a list was expected.", excerpt(line)), `Begin it with "- ", or indent it as the key it belongs beside.`
	}},
	{"block sequence entries are not allowed", func(line string) (string, string) {
		return fmt.Sprintf("A list begins where none can: %s.", excerpt(line)), "Put the list on the lines below its key."
	}},
	{"cannot start any token", func(line string) (string, string) {
		if strings.Contains(line[:len(line)-len(strings.TrimLeft(line, " \t"))], "\t") {
			return tabbed(line)
		}
		return fmt.Sprintf("A value cannot begin with this character: %s.", excerpt(line)), "Put quotes around the value:" + yamlLines(quoted(line))
	}},
	{"tab character", tabbed},
	{"unknown anchor", func(line string) (string, string) {
		return fmt.Sprintf("A value that begins with * means another part of the file, and there is none of that name: %s.", excerpt(line)), "Put quotes around the value:" + yamlLines(quoted(line))
	}},
	{"unexpected end of stream", func(string) (string, string) {
		return "A quote that was opened is still open at the end of the file.", "Close it where the value ends."
	}},
	{"did not find expected ',' or", func(string) (string, string) {
		return "A bracket that was opened is not closed.", "Close it, or put quotes around the value if the bracket belongs to it."
	}},
	{"could not find expected ':'", func(line string) (string, string) {
		return fmt.Sprintf("A key without a value: %s.", excerpt(line)), "A key is followed by a colon and a space. A long command on several lines begins with | and is indented."
	}},
	{"max depth", func(string) (string, string) {
		return "Brackets or lines are nested deeper than any file of this format.", "Close the brackets."
	}},
	{"control characters", notText}, {"invalid", notText}, {"incomplete", notText},
}

func tabbed(line string) (string, string) {
	return "The line is indented with a tab, which YAML does not allow.", "Use spaces:" + yamlLines(strings.ReplaceAll(line, "\t", "  "))
}

func notText(string) (string, string) {
	return "The file is not text: it has bytes that YAML does not allow.", "Save it as plain text in UTF-8."
}

// excerpt is a line as a message quotes it.
func excerpt(line string) string {
	line = strings.TrimSpace(line)
	if runes := []rune(line); len(runes) > 60 {
		line = string(runes[:60]) + "…"
	}
	return fmt.Sprintf("%q", line)
}

// quoted is a line with quotes around its value, or around its item.
func quoted(line string) string {
	text := strings.TrimLeft(line, " ")
	prefix := ""
	if item, ok := strings.CutPrefix(text, "- "); ok {
		prefix, text = "- ", item
	} else if key, value, ok := strings.Cut(text, ": "); ok {
		prefix, text = key+": ", value
	}
	return prefix + quote(text)
}

func quote(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
		text = text[1 : len(text)-1]
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
