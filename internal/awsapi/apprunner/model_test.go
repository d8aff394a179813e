package apprunnerapi_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// shape is the model read a second time, apart from the generator, so that the two can disagree.
type shape struct {
	Type     string
	Members  map[string]struct{ Shape string }
	Required []string
	Member   struct{ Shape string }
	Key      struct{ Shape string }
	Value    struct{ Shape string }
	Enum     []string
	Min, Max *int
	Pattern  string
}

type model struct {
	Operations map[string]struct{ Input, Output struct{ Shape string } }
	Shapes     map[string]shape
}

// samples are valid values of the shapes with a pattern that means something.
var samples = map[string]string{
	"AppRunnerResourceArn":           "arn:aws:apprunner:us-east-1:123456789012:service/hello/8fe1e10304f84fd2b0df550fe98a71fa",
	"RoleArn":                        "arn:aws:iam::123456789012:role/service-role/Access",
	"KmsKeyArn":                      "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
	"ServiceId":                      "8fe1e10304f84fd2b0df550fe98a71fa",
	"UUID":                           "8fe1e10304f84fd2b0df550fe98a71fa",
	"Cpu":                            "1 vCPU",
	"Memory":                         "2 GB",
	"CustomerAccountId":              "123456789012",
	"AutoScalingConfigurationStatus": "active",
	"CustomDomainAssociationStatus":  "pending_certificate_dns_validation",
}

// looser are the bounds that Slipway leaves out or moves, each for a reason given in the generator.
var looser = map[string]bool{"ServiceId": true, "UUID": true}

func readModel(t *testing.T) *model {
	t.Helper()
	data, err := os.ReadFile("../model/apprunner.json")
	if err != nil {
		t.Fatal(err)
	}
	m := new(model)
	if err := json.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// sample returns a valid value of a shape with every member present.
func (m *model) sample(name string) any {
	s := m.Shapes[name]
	switch s.Type {
	case "structure":
		v := map[string]any{}
		for member, ref := range s.Members {
			v[member] = m.sample(ref.Shape)
		}
		return v
	case "list":
		return []any{m.sample(s.Member.Shape)}
	case "map":
		return map[string]any{m.sample(s.Key.Shape).(string): m.sample(s.Value.Shape)}
	case "boolean":
		return true
	case "timestamp":
		return 1700000000.25
	case "integer":
		return 1
	}
	switch {
	case samples[name] != "":
		return samples[name]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Min != nil:
		return strings.Repeat("a", max(1, *s.Min))
	}
	return "a"
}

// wrong is one way to break a valid value, and what the message must say about it.
type wrong struct {
	path string // in the message
	at   []any  // in the value: names and indices
	to   any    // the broken value; nil takes the member away
	says string
}

// wrongs returns every way in which the model lets a value of a shape be broken.
func (m *model) wrongs(name, path string, at []any) []wrong {
	s := m.Shapes[name]
	var out []wrong
	add := func(to any, says string) { out = append(out, wrong{path, slices.Clone(at), to, says}) }
	switch s.Type {
	case "structure":
		for member, ref := range s.Members {
			inner, there := strings.TrimPrefix(path+"."+strings.ToLower(member[:1])+member[1:], "."), append(slices.Clone(at), member)
			if slices.Contains(s.Required, member) {
				out = append(out, wrong{inner, there, nil, "Member must not be null"})
			}
			out = append(out, m.wrongs(ref.Shape, inner, there)...)
		}
	case "list":
		return m.wrongs(s.Member.Shape, path+".1.member", append(slices.Clone(at), 0))
	case "map":
		key := m.sample(s.Key.Shape).(string)
		for _, w := range m.wrongs(s.Value.Shape, path, append(slices.Clone(at), key)) {
			w.path, w.says = path, "Map value must satisfy constraint: ["
			out = append(out, w)
		}
		add(map[string]any{"": m.sample(s.Value.Shape)}, "Map keys must satisfy constraint: [")
	case "integer":
		if s.Min != nil {
			add(*s.Min-1, fmt.Sprintf("Member must have value greater than or equal to %d", *s.Min))
		}
		if s.Max != nil {
			add(*s.Max+1, fmt.Sprintf("Member must have value less than or equal to %d", *s.Max))
		}
	case "string":
		if len(s.Enum) > 0 {
			add("Nonsense", "Member must satisfy enum value set: [")
		}
		if s.Min != nil && *s.Min > 0 && !looser[name] {
			add(strings.Repeat("a", *s.Min-1), fmt.Sprintf("Member must have length greater than or equal to %d", *s.Min))
		}
		if s.Max != nil && !looser[name] {
			add(strings.Repeat("a", *s.Max+1), fmt.Sprintf("Member must have length less than or equal to %d", *s.Max))
		}
		if s.Pattern != "" && s.Pattern != ".*" && name != "ImageIdentifier" {
			// No pattern allows all of it; it is as long as a valid value.
			const bad = "aws:\n\x00"
			add(bad+strings.Repeat("!", max(0, len(m.sample(name).(string))-len(bad))), "Member must satisfy regular expression pattern: "+s.Pattern)
		}
	}
	return out
}

// put returns a copy of v with one place changed.
func put(v any, at []any, to any) any {
	if len(at) == 0 {
		return to
	}
	switch v := v.(type) {
	case []any:
		c := slices.Clone(v)
		c[at[0].(int)] = put(v[at[0].(int)], at[1:], to)
		return c
	case map[string]any:
		c := map[string]any{}
		for key, value := range v {
			c[key] = value
		}
		name := at[0].(string)
		if c[name] = put(v[name], at[1:], to); c[name] == nil {
			delete(c, name)
		}
		return c
	}
	panic(fmt.Sprintf("%v has no %v", v, at))
}

// Every constraint of the model holds in every place of every input and output.
func TestModelIsHeldTo(t *testing.T) {
	m, tried := readModel(t), 0
	handlers := reflect.TypeFor[apprunnerapi.Handlers]()
	for i := range handlers.NumMethod() {
		method := handlers.Method(i)
		op := m.Operations[method.Name]
		for shape, goType := range map[string]reflect.Type{op.Input.Shape: method.Type.In(1).Elem(), op.Output.Shape: method.Type.Out(0).Elem()} {
			valid := m.sample(shape)
			if err := validate(t, goType, valid); err != nil {
				t.Errorf("%v: a valid value: %v", goType, err)
			}
			for _, w := range m.wrongs(shape, "", nil) {
				tried++
				err := validate(t, goType, put(valid, w.at, w.to))
				if err == nil || !strings.Contains(err.Error(), "at '"+w.path+"' failed to satisfy constraint: "+w.says) {
					t.Errorf("%v with %.60q at %s: %v\nwant %s", goType, fmt.Sprint(w.to), w.path, err, w.says)
				}
			}
		}
	}
	if tried < 500 {
		t.Errorf("only %d values tried", tried)
	}
	t.Logf("%d values tried", tried)
}

// validate takes a value over the wire into a Go type and back, and validates it.
func validate(t *testing.T, goType reflect.Type, value any) error {
	t.Helper()
	body, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.New(goType).Interface().(awsapi.Message)
	if err := awsapi.Unmarshal(body, v); err != nil {
		t.Fatalf("%v from %.200s: %v", goType, body, err)
	}
	var back any
	again, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(again, &back); err != nil {
		t.Fatal(err)
	}
	if want := roundTrip(t, body); !reflect.DeepEqual(back, want) {
		t.Errorf("%v loses something: %.300s became %.300s", goType, body, again)
	}
	return v.Validate()
}

func roundTrip(t *testing.T, body []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
