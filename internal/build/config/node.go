package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// section is a mapping of the file with the keys it may have.
type section struct {
	path string // such as "run.network"; "" for the top
	at   *yaml.Node
	keys map[string]*yaml.Node // key itself, for its place
	vals map[string]*yaml.Node
}

// get returns the value of a key, nil when it is missing or empty.
func (s section) get(key string) *yaml.Node { return s.vals[key] }

// has reports whether the key is written, perhaps without a value.
func (s section) has(key string) bool { return s.keys[key] != nil }

// maxMerges keeps files that merge anchors of anchors from growing.
const maxMerges = 16

// section reads a mapping. Keys that are not among those allowed become strays.
func (r *reader) section(n *yaml.Node, path string, allowed ...string) section {
	s := section{path: path, at: n, keys: map[string]*yaml.Node{}, vals: map[string]*yaml.Node{}}
	merges := maxMerges
	r.fill(s, n, allowed, &merges)
	return s
}

func (r *reader) fill(s section, n *yaml.Node, allowed []string, merges *int) {
	own := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		switch {
		case key.Tag == "!!merge":
			r.merge(s, value, allowed, merges)
		case own[key.Value] > 0:
			r.fail(key, fmt.Sprintf("The key %q is there already, on line %d.", key.Value, own[key.Value]), "Put what belongs to it in one place.")
		case !slices.Contains(allowed, key.Value):
			own[key.Value] = key.Line
			r.strays = append(r.strays, stray{key: key, section: s.path, allowed: allowed})
		default:
			own[key.Value] = key.Line
			s.keys[key.Value] = key
			if !empty(value) {
				s.vals[key.Value] = value
			}
		}
	}
}

// merge brings in what "<<" names; what the mapping has itself wins.
func (r *reader) merge(s section, n *yaml.Node, allowed []string, merges *int) {
	if *merges--; *merges < 0 {
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		inner := section{path: s.path, keys: map[string]*yaml.Node{}, vals: map[string]*yaml.Node{}}
		r.fill(inner, n, allowed, merges)
		for key, at := range inner.keys {
			if s.keys[key] == nil {
				s.keys[key], s.vals[key] = at, inner.vals[key]
			}
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			r.merge(s, resolve(item), allowed, merges)
		}
	}
}

// resolve follows an alias. What it names is never an alias itself.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// kind is what people call a node.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a section with keys of its own"
	case yaml.SequenceNode:
		return "a list"
	default:
		return fmt.Sprintf("the value %s", excerpt(n.Value))
	}
}

// text reads a value. Numbers and booleans mean what is written: 3.10 is not 3.1.
func (r *reader) text(n *yaml.Node, name, example string) Text {
	if n == nil {
		return Text{}
	}
	if n.Kind != yaml.ScalarNode {
		r.fail(n, fmt.Sprintf("%q is %s, and it has to be one value.", name, kind(n)), "Write:"+yamlLines(example))
		return Text{}
	}
	return Text{strings.TrimSpace(n.Value), n.Line, n.Column}
}

// child reads the value of a key that has to be a section.
func (r *reader) child(s section, key string, example []string, allowed ...string) (section, bool) {
	n, path := s.get(key), strings.TrimPrefix(s.path+"."+key, ".")
	switch {
	case n == nil:
		return section{}, false
	case n.Kind != yaml.MappingNode:
		r.fail(n, fmt.Sprintf("%q is %s, and it has to be a section.", path, kind(n)), "Write:"+yamlLines(example...))
		return section{}, false
	default:
		return r.section(n, path, allowed...), true
	}
}
