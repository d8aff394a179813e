package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// commands reads the list of a phase.
func (r *reader) commands(s section, phase string) []Text {
	n := s.get(phase)
	if n == nil {
		return nil
	}
	path := s.path + "." + phase
	switch n.Kind {
	case yaml.SequenceNode:
	case yaml.ScalarNode:
		r.fail(n, fmt.Sprintf("%q is one value, and it has to be a list of commands.", path), "Write:"+yamlLines(phase+":", "  - "+firstLine(n.Value)))
		return nil
	default:
		r.fail(n, fmt.Sprintf("%q is %s, and it has to be a list of commands.", path, kind(n)), `Begin each command with "- ":`+yamlLines(phase+":", "  - "+strings.TrimSpace(r.line(n.Line))))
		return nil
	}
	all := []Text{}
	for _, item := range n.Content {
		if c := r.command(path, item); c.Value != "" {
			all = append(all, c)
		}
	}
	return all
}

func (r *reader) command(path string, item *yaml.Node) Text {
	n := resolve(item)
	switch {
	case n.Kind == yaml.MappingNode:
		r.fail(item, fmt.Sprintf("YAML reads this command of %q as a key with a value, because of the colon in it.", path), "Put quotes around the command:"+yamlLines(quoted(r.line(item.Line))))
		return Text{}
	case n.Kind == yaml.SequenceNode:
		r.fail(item, fmt.Sprintf("This command of %q is a list.", path), `Write it on one line after one "- ", without brackets.`)
		return Text{}
	case empty(n), strings.TrimSpace(n.Value) == "":
		r.warn(item, fmt.Sprintf("A command of %q is empty.", path), "Delete the line.")
		return Text{}
	case strings.ContainsRune(n.Value, 0):
		r.fail(item, fmt.Sprintf("A command of %q has a NUL character in it, which no command can.", path), "Delete it.")
		return Text{}
	}
	return Text{strings.TrimRight(n.Value, "\n"), item.Line, item.Column}
}

// start reads "run.command".
func (r *reader) start(run section) Text {
	n := run.get("command")
	switch {
	case n == nil:
		r.need(run, "command", "Say how the application starts:"+yamlLines("run:", "  command: python3 app.py"))
	case n.Kind == yaml.MappingNode:
		r.fail(n, `YAML reads "run.command" as a key with a value, because of the colon in it.`, "Put quotes around the command:"+yamlLines("command: "+quote(strings.TrimPrefix(strings.TrimSpace(r.line(n.Line)), "command:"))))
	case n.Kind == yaml.SequenceNode:
		words := make([]string, len(n.Content))
		for i, word := range n.Content {
			words[i] = resolve(word).Value
		}
		r.fail(n, `"run.command" is a list, and it has to be one command.`, "Write:"+yamlLines("command: "+strings.Join(words, " ")))
	case strings.TrimSpace(n.Value) == "":
		r.fail(n, `"run.command" is empty.`, "Say how the application starts:"+yamlLines("command: python3 app.py"))
	case strings.ContainsRune(n.Value, 0):
		r.fail(n, `"run.command" has a NUL character in it, which no command can.`, "Delete it.")
	default:
		return Text{strings.TrimSpace(n.Value), n.Line, n.Column}
	}
	return Text{}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
