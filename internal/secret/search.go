package secret

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// ParameterFilter narrows a listing of parameters.
type ParameterFilter struct {
	Key    string // Name, Type, KeyId, Path, Label, Tier, DataType, or tag:KEY
	Option string // Equals, BeginsWith, Contains, Recursive or OneLevel
	Values []string
}

// options are what each key can be compared by; the first is meant when none is given.
var options = map[string][]string{
	"Name": {"Equals", "BeginsWith", "Contains"}, "Path": {"OneLevel", "Recursive"},
	"Type": {"Equals", "BeginsWith"}, "KeyId": {"Equals", "BeginsWith"}, "Label": {"Equals", "BeginsWith", "Contains"},
	"Tier": {"Equals"}, "DataType": {"Equals"}, "tag": {"Equals"},
}

// byPath are the keys that GetParametersByPath takes.
var byPath = []string{"Type", "KeyId", "Label"}

func (f ParameterFilter) check(keys []string) (ParameterFilter, error) {
	kind, _, _ := strings.Cut(f.Key, ":")
	can, known := options[kind]
	if !known || keys != nil && !slices.Contains(keys, kind) {
		return f, Errorf("InvalidFilterKey", "The filter key %s is not valid for this operation.", f.Key)
	}
	if f.Option == "" {
		f.Option = can[0]
	}
	if !slices.Contains(can, f.Option) {
		return f, Errorf("InvalidFilterOption", "The filter option %s is not valid for the key %s. Valid ones: %s.", f.Option, f.Key, strings.Join(can, ", "))
	}
	if len(f.Values) == 0 && kind != "tag" {
		return f, Errorf("InvalidFilterValue", "The filter for the key %s has no values.", f.Key)
	}
	for _, value := range f.Values {
		if kind == "Path" && !strings.HasPrefix(value, "/") {
			return f, Errorf("InvalidFilterValue", "The path %q does not begin with a slash.", value)
		}
	}
	return f, nil
}

func (f ParameterFilter) passes(p Parameter, tags map[string]string) bool {
	var text string
	switch key, name, _ := strings.Cut(f.Key, ":"); key {
	case "Name", "Path":
		text = p.Name
	case "Type":
		text = p.Type
	case "KeyId":
		text = p.KMSKey
	case "Tier":
		text = p.Tier
	case "DataType":
		text = DataType
	case "tag":
		value, there := tags[name]
		if !there || len(f.Values) == 0 {
			return there
		}
		text = value
	default: // Label: no parameter here has one
		return false
	}
	return slices.ContainsFunc(f.Values, func(value string) bool { return f.compare(text, value) })
}

func (f ParameterFilter) compare(text, value string) bool {
	switch f.Option {
	case "BeginsWith":
		return strings.HasPrefix(text, value)
	case "Contains":
		return strings.Contains(text, value)
	case "Recursive", "OneLevel":
		return below(text, value, f.Option == "Recursive")
	default:
		return text == value || f.Key == "Name" && strings.TrimPrefix(text, "/") == strings.TrimPrefix(value, "/")
	}
}

// below reports whether a name is under a path, on its own level or on any.
func below(name, path string, deep bool) bool {
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(path, "/")+"/")
	return ok && rest != "" && (deep || !strings.Contains(rest, "/"))
}

// Search returns the parameters of a Region that pass every filter, by name.
func (m *Parameters) Search(ctx context.Context, here apprunner.Place, filters []ParameterFilter) ([]Parameter, error) {
	return m.search(ctx, here, filters, nil)
}

func (m *Parameters) search(ctx context.Context, here apprunner.Place, filters []ParameterFilter, keys []string) ([]Parameter, error) {
	for i, f := range filters {
		checked, err := f.check(keys)
		if err != nil {
			return nil, err
		}
		filters[i] = checked
	}
	all, err := m.Store.List(ctx, here.Region)
	if err != nil {
		return nil, err
	}
	var some []Parameter
	for _, p := range all {
		tags, err := m.Tags.Tags(ctx, ParameterARN(here, p.Name))
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(filters, func(f ParameterFilter) bool { return !f.passes(p, tags) }) {
			some = append(some, p)
		}
	}
	return some, nil
}

// ByPath returns the parameters under a path that pass every filter, by name.
func (m *Parameters) ByPath(ctx context.Context, here apprunner.Place, path string, deep bool, filters []ParameterFilter) ([]Parameter, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, Errorf(validation, "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".")
	}
	found, err := m.search(ctx, here, filters, byPath)
	return slices.DeleteFunc(found, func(p Parameter) bool {
		if path == "/" && !strings.HasPrefix(p.Name, "/") { // names without levels are at the root
			return false
		}
		return !below(p.Name, path, deep)
	}), err
}

// Read returns the newest version of a parameter.
func (m *Parameters) Read(ctx context.Context, p Parameter, decrypt bool) (Got, error) {
	return m.read(ctx, Got{Parameter: p, Change: p.Latest()}, decrypt)
}
