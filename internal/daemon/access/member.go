package access

import (
	"reflect"

	"github.com/slipway-run/slipway/internal/awsapi"
)

// member finds a member of an input by the names on the way to it. It is not valid when there is no
// such member, or one on the way is absent.
func member(in awsapi.Message, path ...string) reflect.Value {
	v := reflect.Indirect(reflect.ValueOf(in))
	for _, name := range path {
		if !v.IsValid() || v.Kind() != reflect.Struct {
			return reflect.Value{}
		}
		v = reflect.Indirect(v.FieldByName(name))
	}
	return v
}

// textOf is a member that is a string, "" when it is absent.
func textOf(in awsapi.Message, path ...string) string {
	if v := member(in, path...); v.IsValid() && v.Kind() == reflect.String {
		return v.String()
	}
	return ""
}

// listOf is a member that is a list of strings.
func listOf(in awsapi.Message, path ...string) (all []string) {
	v := member(in, path...)
	if !v.IsValid() || v.Kind() != reflect.Slice || v.Type().Elem().Kind() != reflect.String {
		return nil
	}
	for i := range v.Len() {
		all = append(all, v.Index(i).String())
	}
	return all
}

// flag is a member that is true or false.
func flag(in awsapi.Message, name string) bool {
	v := member(in, name)
	return v.IsValid() && v.Kind() == reflect.Bool && v.Bool()
}

// tag is a tag of a request.
type tag struct{ key, value string }

// tagsOf reads the member Tags: a list of structures of a key and a value.
func tagsOf(in awsapi.Message) (all []tag) {
	v := member(in, "Tags")
	if !v.IsValid() || v.Kind() != reflect.Slice || v.Type().Elem().Kind() != reflect.Struct {
		return nil
	}
	part := func(structure reflect.Value, name string) string {
		if f := reflect.Indirect(structure.FieldByName(name)); f.IsValid() && f.Kind() == reflect.String {
			return f.String()
		}
		return ""
	}
	for i := range v.Len() {
		all = append(all, tag{part(v.Index(i), "Key"), part(v.Index(i), "Value")})
	}
	return all
}
