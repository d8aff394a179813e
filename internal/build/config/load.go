package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// reader goes through one file and collects its problems.
type reader struct {
	file     string
	lines    []string
	problems Problems
	strays   []stray
	missing  []missing
}

// maxProblems is more than anybody reads, of errors and of warnings each.
const maxProblems = 50

func (r *reader) add(line, column int, fatal bool, what, remedy string) {
	same := 0
	for _, p := range r.problems {
		if p.Error == fatal {
			same++
		}
	}
	if same < maxProblems {
		r.problems = append(r.problems, Problem{r.file, max(line, 1), max(column, 1), fatal, what, remedy})
	}
}

func (r *reader) fail(n *yaml.Node, what, remedy string) { r.add(n.Line, n.Column, true, what, remedy) }
func (r *reader) warn(n *yaml.Node, what, remedy string) {
	r.add(n.Line, n.Column, false, what, remedy)
}

// load returns the mapping of the file's document, nil after a problem that hides all others.
func (r *reader) load(data []byte) *yaml.Node {
	if len(data) > MaxSize {
		r.add(1, 1, true, fmt.Sprintf("The file has %d bytes; %d are the limit.", len(data), MaxSize), "Move long commands to a script in the repository, and call that.")
		return nil
	}
	r.lines = splitLines(data)
	var document, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) || err == nil && empty(document.Content[0]) {
		r.add(1, 1, true, "The file is empty.", "Begin with:"+yamlLines("version: 1.0", "runtime: python311"))
		return nil
	}
	if err == nil {
		if err = decoder.Decode(&second); errors.Is(err, io.EOF) {
			return document.Content[0]
		}
	}
	if err != nil {
		r.syntax(err)
		return nil
	}
	r.fail(&second, "A second document begins here; App Runner reads a file of one.", `Delete the line "---" and what does not belong to this service.`)
	return nil
}

// syntax tells of a file that is not YAML.
func (r *reader) syntax(err error) {
	line, column, message := 1, 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if e, ok := errors.AsType[*yaml.LoadError](err); ok {
		line, column, message = e.Mark.Line, e.Mark.Column, e.Message
	}
	if line > len(r.lines) { // a quote or bracket that is open at the end of the file
		line, column = len(r.lines), len(r.lines[len(r.lines)-1])+1
	}
	for _, known := range syntaxProblems {
		if strings.Contains(message, known.message) {
			what, remedy := known.tell(r.line(line))
			r.add(line, column, true, what, remedy)
			return
		}
	}
	r.add(line, column, true, "This is not YAML: "+message+".", "Compare with the lines around it: keys of one section begin at the same column, and a key is followed by a colon and a space.")
}

// line returns a line of the file, from 1.
func (r *reader) line(n int) string {
	if n < 1 || n > len(r.lines) {
		return ""
	}
	return r.lines[n-1]
}

func splitLines(data []byte) []string {
	text := strings.TrimPrefix(string(data), "\ufeff")
	return strings.Split(breaks.Replace(text), "\n")
}

// breaks are what YAML takes for the end of a line.
var breaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

func yamlLines(lines ...string) string { return "\n    " + strings.Join(lines, "\n    ") }
