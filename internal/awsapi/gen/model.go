package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// model is the part of a botocore service description that this generator reads.
type model struct {
	Metadata   metadata
	Operations map[string]operation
	Shapes     map[string]*shape
}

type metadata struct {
	APIVersion      string
	JSONVersion     string
	Protocols       []string
	ServiceFullName string
	SigningName     string
	EndpointPrefix  string
	TargetPrefix    string
}

type operation struct {
	Name          string
	Input, Output *ref
	Errors        []ref
}

type ref struct{ Shape string }

type shape struct {
	Type      string
	Members   map[string]ref // of a structure
	Required  []string
	Member    ref // of a list
	Key       ref // of a map
	Value     ref
	Enum      []string
	Min, Max  *int64
	Pattern   string
	Sensitive bool
	Exception bool
	Fault     bool

	goName               string // set by readModel
	notPrefix, goPattern string // the pattern as Go can have it, set by applyRules
}

// readModel parses a service description and names its Go types. It accepts services that speak the JSON
// protocol, if among others.
func readModel(data []byte) (*model, error) {
	var m model
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("parse the service model: %w", err)
	}
	if !slices.Contains(m.Metadata.Protocols, "json") {
		return nil, fmt.Errorf("service %q speaks %q: only the json protocol is generated", m.Metadata.ServiceFullName, m.Metadata.Protocols)
	}
	if m.Metadata.SigningName == "" {
		m.Metadata.SigningName = m.Metadata.EndpointPrefix
	}
	for name, s := range m.Shapes {
		s.goName = exported(name)
	}
	return &m, m.nameOperationShapes()
}

// nameOperationShapes gives every operation the types <Op>Input and <Op>Output, as the AWS SDKs
// have them. An operation without an input or output gets an empty one.
func (m *model) nameOperationShapes() error {
	for name, op := range m.Operations {
		for suffix, side := range map[string]**ref{"Input": &op.Input, "Output": &op.Output} {
			if *side == nil {
				*side = &ref{Shape: name + suffix}
				m.Shapes[name+suffix] = &shape{Type: "structure"}
			}
			s, ok := m.Shapes[(*side).Shape]
			if !ok {
				return fmt.Errorf("operation %q: no shape %q", name, (*side).Shape)
			}
			s.goName = name + suffix
		}
		m.Operations[name] = op
	}
	return nil
}

// structures returns the structures to generate, by Go name: all but the exceptions.
func (m *model) structures() []*shape {
	var out []*shape
	for _, s := range m.Shapes {
		if s.Type == "structure" && !s.Exception {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *shape) int { return strings.Compare(a.goName, b.goName) })
	return out
}

func (m *model) shape(r ref) *shape {
	if s, ok := m.Shapes[r.Shape]; ok {
		return s
	}
	panic(fmt.Sprintf("the model refers to shape %q and does not have it", r.Shape))
}

// secret reports whether s must not be shown: it is sensitive itself, or a list or map of such.
func (m *model) secret(s *shape) bool {
	switch s.Type {
	case "list":
		return m.secret(m.shape(s.Member))
	case "map":
		return m.secret(m.shape(s.Key)) || m.secret(m.shape(s.Value))
	}
	return s.Sensitive
}

// hidesSecrets reports whether a sensitive value can sit anywhere inside s.
func (m *model) hidesSecrets(s *shape, seen ...*shape) bool {
	if slices.Contains(seen, s) {
		return false
	}
	seen = append(seen, s)
	switch s.Type {
	case "structure":
		for _, r := range s.Members {
			if m.hidesSecrets(m.shape(r), seen...) {
				return true
			}
		}
	case "list":
		return m.hidesSecrets(m.shape(s.Member), seen...)
	case "map":
		return m.secret(s) || m.hidesSecrets(m.shape(s.Value), seen...)
	}
	return s.Sensitive
}

// sorted returns the keys of a map in order, so that the output never changes by itself.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// exported makes an exported Go identifier of a model name; lowerFirst the name that AWS uses in
// its validation messages.
func exported(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

func lowerFirst(name string) string { return strings.ToLower(name[:1]) + name[1:] }
