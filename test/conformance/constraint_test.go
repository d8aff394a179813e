package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/awsapi"
	"github.com/slipway-run/slipway/test/kit"
)

// model is the service model as AWS publishes it, as far as it is of use here.
type model struct {
	Operations map[string]struct{ Input, Output reference }
	Shapes     map[string]shape
}

type reference struct{ Shape string }

type shape struct {
	Type               string
	Members            map[string]reference
	Required           []string
	Member, Key, Value reference
	Enum               []string
	Min, Max           *int
	Pattern            string
}

func readModel(t *testing.T) *model {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(kit.Root(), "internal", "awsapi", "model", "apprunner.json"))
	if err != nil {
		t.Fatal(err)
	}
	m := new(model)
	if err := json.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// constraint is one that the model has for a member of an input, and a request that breaks it alone.
type constraint struct {
	member string // where: sourceConfiguration.imageRepository.imageIdentifier
	rule   string // what: "length ≤ 40"
	in     any    // the whole request
	says   string // part of the message
}

func (c constraint) name(operation string) string {
	return operation + "/" + strings.ReplaceAll(c.member+" "+c.rule, "/", "∕")
}

// constraints are those of an operation, in the order of their names.
func (m *model) constraints(operation string) []constraint {
	input := m.Operations[operation].Input.Shape
	all := m.walk(input, "", func(inner any) any { return inner })
	slices.SortFunc(all, func(a, b constraint) int { return strings.Compare(a.name(operation), b.name(operation)) })
	return all
}

// walk returns the constraints of a shape. Path is where it is, and wrap puts a value of it into a
// request that is right otherwise.
func (m *model) walk(name, path string, wrap func(any) any) []constraint {
	s := m.Shapes[name]
	switch s.Type {
	case "structure":
		return m.walkStructure(s, path, wrap)
	case "list":
		return m.walk(s.Member.Shape, path+".1.member", func(v any) any { return wrap([]any{v}) })
	case "map":
		var all []constraint
		for _, c := range m.walk(s.Value.Shape, path, func(v any) any { return wrap(map[string]any{m.sample(s.Key.Shape).(string): v}) }) {
			c.rule, c.says = "value "+c.rule, "Map value must satisfy constraint: ["
			all = append(all, c)
		}
		for _, c := range m.walk(s.Key.Shape, path, func(v any) any { return wrap(map[string]any{v.(string): m.sample(s.Value.Shape)}) }) {
			c.rule, c.says = "key "+c.rule, "Map keys must satisfy constraint: ["
			all = append(all, c)
		}
		return all
	default:
		return m.scalar(name, path, wrap)
	}
}

func (m *model) walkStructure(s shape, path string, wrap func(any) any) []constraint {
	var all []constraint
	for _, member := range slices.Sorted(maps.Keys(s.Members)) {
		ref := s.Members[member]
		inner := strings.TrimPrefix(path+"."+strings.ToLower(member[:1])+member[1:], ".")
		valid := m.required(s)
		if slices.Contains(s.Required, member) {
			without := maps.Clone(valid)
			delete(without, member)
			all = append(all, constraint{inner, "required", wrap(without), "Member must not be null"})
		}
		all = append(all, m.walk(ref.Shape, inner, func(v any) any {
			with := maps.Clone(valid)
			with[member] = v
			return wrap(with)
		})...)
	}
	return all
}

// unbound are the shapes that Slipway takes more of than App Runner does, on purpose: images of any
// registry.
var unbound = map[string]bool{"ImageIdentifier": true}

func (m *model) scalar(name, path string, wrap func(any) any) []constraint {
	s := m.Shapes[name]
	var all []constraint
	add := func(rule string, value any, says string) {
		all = append(all, constraint{path, rule, wrap(value), says})
	}
	switch {
	case s.Type == "integer":
		if s.Min != nil {
			add(fmt.Sprintf("≥ %d", *s.Min), *s.Min-1, fmt.Sprintf("Member must have value greater than or equal to %d", *s.Min))
		}
		if s.Max != nil {
			add(fmt.Sprintf("≤ %d", *s.Max), *s.Max+1, fmt.Sprintf("Member must have value less than or equal to %d", *s.Max))
		}
		return all
	case s.Type != "string":
		return nil
	case len(s.Enum) > 0:
		add("is one of "+strings.Join(s.Enum, ", "), "Nonsense", "Member must satisfy enum value set: [")
		return all
	}
	if s.Min != nil && *s.Min > 0 {
		add(fmt.Sprintf("length ≥ %d", *s.Min), strings.Repeat("a", *s.Min-1), fmt.Sprintf("Member must have length greater than or equal to %d", *s.Min))
	}
	if s.Max != nil {
		add(fmt.Sprintf("length ≤ %d", *s.Max), strings.Repeat("a", *s.Max+1), fmt.Sprintf("Member must have length less than or equal to %d", *s.Max))
	}
	if s.Pattern != "" && s.Pattern != ".*" && !unbound[name] {
		const bad = "aws:\n\x00" // that no pattern allows; as long as a valid value
		value := bad + strings.Repeat("!", max(0, len(m.sample(name).(string))-len(bad)))
		add("matches "+s.Pattern, value, "Member must satisfy regular expression pattern: "+s.Pattern)
	}
	return all
}

// required is a valid value of a structure, with what must be there.
func (m *model) required(s shape) map[string]any {
	v := map[string]any{}
	for _, member := range s.Required {
		v[member] = m.sample(s.Members[member].Shape)
	}
	return v
}

// samples are valid values of the shapes with a pattern that says much.
var samples = map[string]string{
	"AppRunnerResourceArn": "arn:aws:apprunner:us-east-1:123456789012:service/hello/8fe1e10304f84fd2b0df550fe98a71fa",
	"RoleArn":              "arn:aws:iam::123456789012:role/service-role/Access",
	"KmsKeyArn":            "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
	"Cpu":                  "1 vCPU",
	"Memory":               "2 GB",
}

// sample is a valid value of a shape, with what must be there.
func (m *model) sample(name string) any {
	s := m.Shapes[name]
	switch {
	case s.Type == "structure":
		return m.required(s)
	case s.Type == "list":
		return []any{m.sample(s.Member.Shape)}
	case s.Type == "map":
		return map[string]any{m.sample(s.Key.Shape).(string): m.sample(s.Value.Shape)}
	case s.Type == "boolean":
		return true
	case s.Type == "integer":
		return 1
	case samples[name] != "":
		return samples[name]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Min != nil:
		return strings.Repeat("a", max(1, *s.Min))
	default:
		return "a"
	}
}

// testConstraints breaks every constraint that the model has for an input, one at a time. The SDKs
// would refuse to send some of it, so the requests are made by hand.
func testConstraints(t *testing.T, s *kit.Slipway) {
	m, tried := readModel(t), 0
	for _, operation := range implemented(t) {
		for _, c := range m.constraints(operation) {
			tried++
			t.Run(c.name(operation), func(t *testing.T) {
				err := s.Call(operation, c.in, nil)
				e, ok := errors.AsType[*awsapi.Error](err)
				if !ok || e.Code != "InvalidRequestException" || !strings.Contains(e.Message, "at '"+c.member+"' failed to satisfy constraint: "+c.says) {
					t.Errorf("%.300v: got %v, want %s", c.in, err, c.says)
				} else if strings.Count(e.Message, " at '") != strings.Count(e.Message, " at '"+c.member+"'") {
					t.Errorf("%.300v: got %v, want nothing said of other members", c.in, err)
				}
			})
		}
	}
	if tried < 100 {
		t.Errorf("only %d constraints were tried", tried)
	}
}
