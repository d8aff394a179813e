package secret_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/secret"
)

func TestPutParameterRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(t, "/there", "x")
	long := strings.Repeat("x", 4097)
	for _, c := range []struct {
		reason string
		put    secret.NewParameter
		code   string
	}{
		{"it is there", secret.NewParameter{Name: "/there", Type: secret.String, Value: "y"}, "ParameterAlreadyExists"},
		{"it has another type", secret.NewParameter{Name: "/there", Type: secret.String, Value: "y", Overwrite: true}, "HierarchyTypeMismatchException"},
		{"a new one needs a type", secret.NewParameter{Name: "/new", Value: "y"}, "ValidationException"},
		{"levels begin with a slash", secret.NewParameter{Name: "a/b", Type: secret.String, Value: "y"}, "ValidationException"},
		{"reserved for AWS", secret.NewParameter{Name: "/AWS/b", Type: secret.String, Value: "y"}, "ValidationException"},
		{"too deep", secret.NewParameter{Name: strings.Repeat("/a", 16), Type: secret.String, Value: "y"}, "HierarchyLevelLimitExceededException"},
		{"a strange name", secret.NewParameter{Name: "a b", Type: secret.String, Value: "y"}, "ValidationException"},
		{"no value", secret.NewParameter{Name: "a", Type: secret.String}, "ValidationException"},
		{"too long", secret.NewParameter{Name: "a", Type: secret.String, Value: long}, "ValidationException"},
		{"too long for every tier", secret.NewParameter{Name: "a", Type: secret.String, Value: long + long, Tier: "Intelligent-Tiering"}, "ValidationException"},
		{"not what the pattern says", secret.NewParameter{Name: "a", Type: secret.String, Value: "y", Pattern: "^[0-9]+$"}, "ParameterPatternMismatchException"},
		{"no pattern", secret.NewParameter{Name: "a", Type: secret.String, Value: "y", Pattern: "["}, "InvalidAllowedPatternException"},
		{"a key for what is not secret", secret.NewParameter{Name: "a", Type: secret.String, Value: "y", KMSKey: "alias/x"}, "ValidationException"},
		{"tags of what is there", secret.NewParameter{Name: "/there", Value: "y", Overwrite: true, Tags: map[string]string{"a": "b"}}, "ValidationException"},
		{"what AWS would check", secret.NewParameter{Name: "a", Type: secret.String, Value: "y", Format: "aws:ec2:image"}, "ValidationException"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			_, err := w.Parameters.Put(t.Context(), here, c.put)
			wantCode(t, err, c.code)
		})
	}
}

func TestParameterVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 105 {
		w.put(t, "/p", fmt.Sprint("value ", i+1))
	}
	for id, want := range map[string]string{"/p": "value 105", "/p:6": "value 6", "arn:aws:ssm:us-east-1:123456789012:parameter/p:105": "value 105"} {
		if g, err := w.Parameters.Get(t.Context(), here, id, true); err != nil || *g.Value.Text != want {
			t.Errorf("%s: %v, want %s", id, err, want)
		}
	}
	for _, id := range []string{"/p:5", "/p:106", "/p:label"} {
		_, err := w.Parameters.Get(t.Context(), here, id, true)
		wantCode(t, err, "ParameterVersionNotFound")
	}
	if g, err := w.Parameters.Get(t.Context(), here, "/p", false); err != nil || !g.Value.Empty() || len(g.Sealed) == 0 || strings.Contains(string(g.Sealed), "value") {
		t.Errorf("without decryption: %v", err)
	}
	if w.changes != 105 {
		t.Errorf("%d changes were told", w.changes)
	}
}

func TestTiers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put := func(tier, value string) (secret.Parameter, error) {
		return w.Parameters.Put(t.Context(), here, secret.NewParameter{Name: "a", Type: secret.String, Value: value, Tier: tier, Overwrite: true})
	}
	if p, err := put("Intelligent-Tiering", strings.Repeat("x", 4097)); err != nil || p.Tier != secret.Advanced {
		t.Errorf("tier %s, %v", p.Tier, err)
	}
	_, err := put(secret.Standard, "y")
	wantCode(t, err, "ValidationException")
	if p, err := put("", "y"); err != nil || p.Tier != secret.Advanced {
		t.Errorf("tier %s, %v", p.Tier, err)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"/a/b/c", "/a/b", "/ab", "a", "/a/d"} {
		w.put(t, name, "x")
	}
	paths := func(path string, deep bool) string {
		found, err := w.Parameters.ByPath(t.Context(), here, path, deep, nil)
		if err != nil {
			t.Fatal(err)
		}
		return names(found)
	}
	for _, c := range []struct {
		path string
		deep bool
		want string
	}{
		{"/a", false, "/a/b /a/d"}, {"/a/", false, "/a/b /a/d"}, {"/a", true, "/a/b /a/b/c /a/d"}, {"/", false, "/ab a"}, {"/x", true, ""},
	} {
		if got := paths(c.path, c.deep); got != c.want {
			t.Errorf("under %s (all levels: %t): %q, want %q", c.path, c.deep, got, c.want)
		}
	}
	_, err := w.Parameters.ByPath(t.Context(), here, "a", false, nil)
	wantCode(t, err, "ValidationException")
	for _, c := range []struct {
		f    secret.ParameterFilter
		want string
		code string
	}{
		{secret.ParameterFilter{Key: "Name", Values: []string{"/a"}}, "a", ""},
		{secret.ParameterFilter{Key: "Name", Option: "BeginsWith", Values: []string{"/a/"}}, "/a/b /a/b/c /a/d", ""},
		{secret.ParameterFilter{Key: "Name", Option: "Contains", Values: []string{"b"}}, "/a/b /a/b/c /ab", ""},
		{secret.ParameterFilter{Key: "Path", Option: "Recursive", Values: []string{"/a/b"}}, "/a/b/c", ""},
		{secret.ParameterFilter{Key: "Type", Values: []string{"String"}}, "", ""},
		{secret.ParameterFilter{Key: "KeyId", Values: []string{"alias/aws/ssm"}}, "/a/b /a/b/c /a/d /ab a", ""},
		{secret.ParameterFilter{Key: "Colour", Values: []string{"red"}}, "", "InvalidFilterKey"},
		{secret.ParameterFilter{Key: "Tier", Option: "Contains", Values: []string{"x"}}, "", "InvalidFilterOption"},
		{secret.ParameterFilter{Key: "Name"}, "", "InvalidFilterValue"},
		{secret.ParameterFilter{Key: "Path", Values: []string{"a"}}, "", "InvalidFilterValue"},
	} {
		found, err := w.Parameters.Search(t.Context(), here, []secret.ParameterFilter{c.f})
		if c.code != "" {
			wantCode(t, err, c.code)
		} else if err != nil || names(found) != c.want {
			t.Errorf("%+v: %q %v, want %q", c.f, names(found), err, c.want)
		}
	}
}

func names(all []secret.Parameter) string {
	var list []string
	for _, p := range all {
		list = append(list, p.Name)
	}
	return strings.Join(list, " ")
}
