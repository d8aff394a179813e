package config

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/slipway-run/slipway/internal/build/plan"
)

// variables reads the list "env" of a section.
func (r *reader) variables(s section) []Variable {
	var all []Variable
	seen := map[string]int{}
	for _, item := range r.named(s, "env", "value") {
		v, ok := r.variable(s.path, item)
		if !ok {
			continue
		}
		if line := seen[v.Name]; line > 0 {
			r.warn(item.at, fmt.Sprintf("The variable %q is there already, on line %d.", v.Name, line), "The last value counts. Delete the other.")
		}
		seen[v.Name] = item.at.Line
		all = append(all, v)
	}
	return all
}

var substitution = regexp.MustCompile(`\$\{\w+\}`)

func (r *reader) variable(path string, item section) (Variable, bool) {
	name := r.name(item)
	if !item.has("value") {
		r.need(item, "value", fmt.Sprintf("Write:%s", yamlLines("- name: "+name, `  value: "…"`)))
		return Variable{}, false
	}
	n := item.get("value")
	if n == nil {
		r.warn(item.keys["value"], fmt.Sprintf("The variable %q has no value.", name), `It will be empty. Say so with value: "".`)
		return at(item.keys["value"], name, ""), name != ""
	}
	if n.Kind != yaml.ScalarNode {
		r.fail(n, fmt.Sprintf("The value of %q is %s, and it has to be one value.", name, kind(n)), "Put quotes around it: "+strings.TrimSpace(quoted(r.line(n.Line)))+".")
		return Variable{}, false
	}
	if found := substitution.FindString(n.Value); found != "" {
		r.warn(n, fmt.Sprintf("%s in a value is not replaced: the variable %q will hold it as it is written.", found, name), "Write the value itself, or put it together in the start command.")
	}
	return at(n, name, n.Value), name != ""
}

func at(n *yaml.Node, name, value string) Variable {
	return Variable{plan.Variable{Name: name, Value: value}, n.Line, n.Column}
}

// secrets reads "run.secrets".
func (r *reader) secrets(s section) []Secret {
	var all []Secret
	for _, item := range r.named(s, "secrets", "value-from") {
		name := r.name(item)
		n := item.get("value-from")
		if n == nil {
			r.need(item, "value-from", "It is the ARN of a secret or parameter, or a parameter's name:"+
				yamlLines("- name: "+name, `  value-from: "arn:aws:secretsmanager:…"`)+"\n    A value that is no secret belongs under run.env.")
			continue
		}
		if from := r.text(n, "value-from", `value-from: "arn:aws:secretsmanager:…"`).Value; from != "" && name != "" {
			all = append(all, Secret{name, from})
		}
	}
	return all
}

// named reads a list whose items have a name and a value of the given key.
func (r *reader) named(s section, list, value string) []section {
	n := s.get(list)
	if n == nil {
		return nil
	}
	path := strings.TrimPrefix(s.path+"."+list, ".")
	if n.Kind != yaml.SequenceNode {
		r.fail(n, fmt.Sprintf("%q is no list, and it has to be one of name and %s.", path, value), "Write:"+yamlLines(listed(n, list, value)...))
		return nil
	}
	var all []section
	for _, item := range n.Content {
		item = resolve(item)
		if item.Kind != yaml.MappingNode || !hasKey(item, "name") && !hasKey(item, value) {
			r.fail(item, fmt.Sprintf("An item of %q is no name with its %s.", path, value), "Write:"+yamlLines(listed(item, list, value)...))
			continue
		}
		all = append(all, r.section(item, path+"[]", "name", value))
	}
	return all
}

// listed is how a mapping, or NAME=VALUE, is written as a list. What it holds may be secret, and the
// author has it at hand, so only the name is repeated.
func listed(n *yaml.Node, list, value string) []string {
	name := "NAME"
	switch {
	case n.Kind == yaml.MappingNode && len(n.Content) > 0 && identifier.MatchString(n.Content[0].Value):
		name = n.Content[0].Value
	case n.Kind == yaml.ScalarNode:
		if before, _, ok := strings.Cut(n.Value, "="); ok && identifier.MatchString(before) {
			name = before
		}
	}
	return []string{list + ":", "  - name: " + name, "    " + value + `: "…"`}
}

var identifier = regexp.MustCompile(`^\w+$`)

func hasKey(n *yaml.Node, key string) bool {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// name reads the name of an item, "" after a problem.
func (r *reader) name(item section) string {
	if item.get("name") == nil {
		r.need(item, "name", "Give the variable a name:"+yamlLines("- name: NAME"))
		return ""
	}
	name := r.text(item.get("name"), "name", "- name: NAME").Value
	if !r.checkName(item.get("name"), name) {
		return ""
	}
	return name
}

// checkName refuses names that no process can have, and those that App Runner keeps for itself.
func (r *reader) checkName(n *yaml.Node, name string) bool {
	switch {
	case name == "":
		return false
	case strings.ContainsAny(name, "=\x00"):
		r.fail(n, fmt.Sprintf("A variable cannot be called %s.", excerpt(name)), `A name has no "=". The value goes to a line of its own.`)
	case strings.HasPrefix(name, "AWSAPPRUNNER"):
		r.fail(n, fmt.Sprintf("A variable cannot be called %q: App Runner keeps names that begin with AWSAPPRUNNER.", name), "Choose another name.")
	default:
		return true
	}
	return false
}
