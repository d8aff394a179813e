package awsapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxDepth is how deep the objects and lists of a request may nest. The deepest that a model
// describes is 7.
const maxDepth = 64

// Unmarshal decodes a request body into a generated structure. It is stricter than encoding/json,
// as the protocol asks: member names match exactly, no name comes twice, text is valid UTF-8, lists
// hold no null. Unknown members are skipped, a null is an absent member or map entry, and an empty
// body is an empty object. Its errors say where the body is wrong and never show a value.
func Unmarshal(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if !utf8.Valid(body) {
		return fmt.Errorf("the request body is not valid UTF-8")
	}
	d := decoder{json: json.NewDecoder(bytes.NewReader(body))}
	d.json.UseNumber()
	if err := d.value(reflect.ValueOf(v).Elem()); err != nil {
		return err
	}
	if _, err := d.json.Token(); err != io.EOF {
		return fmt.Errorf("the request body goes on after the JSON value, at byte %d", d.json.InputOffset())
	}
	return nil
}

type decoder struct {
	json *json.Decoder
	path []string
}

func (d *decoder) errorf(format string, args ...any) error {
	at := strings.Join(d.path, ".")
	if at == "" {
		return fmt.Errorf("the request body "+format, args...)
	}
	return fmt.Errorf("the member %q "+format, append([]any{at}, args...)...)
}

func (d *decoder) token() (json.Token, error) {
	t, err := d.json.Token()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("the request body ends in the middle of its JSON")
	}
	if err != nil {
		return nil, fmt.Errorf("the request body is not JSON: byte %d: syntax error", d.json.InputOffset())
	}
	return t, nil
}

// value reads the next JSON value into v. An invalid v skips it, but holds it to the same syntax.
func (d *decoder) value(v reflect.Value) error {
	t, err := d.token()
	if err != nil {
		return err
	}
	return d.assign(t, v)
}

func (d *decoder) assign(t json.Token, v reflect.Value) error {
	if len(d.path) > maxDepth {
		return fmt.Errorf("the request body nests deeper than %d levels", maxDepth)
	}
	switch t := t.(type) {
	case nil:
		return nil
	case json.Delim:
		if t == '{' {
			return d.object(v)
		}
		return d.list(v)
	}
	if !v.IsValid() {
		return nil
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	return d.scalar(t, v)
}

// object reads the rest of an object, up to its closing brace.
func (d *decoder) object(v reflect.Value) error {
	v, err := d.open(v, reflect.Struct, reflect.Map)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.json.More() {
		t, err := d.token()
		if err != nil {
			return err
		}
		name := t.(string) // Token accepts nothing else as a name
		if seen[name] {
			return d.errorf("has two members of one name")
		}
		seen[name] = true
		if err := d.member(v, name); err != nil {
			return err
		}
	}
	_, err = d.token()
	return err
}

func (d *decoder) member(v reflect.Value, name string) error {
	place, shown := reflect.Value{}, "(unknown member)"
	switch {
	case v.IsValid() && v.Kind() == reflect.Map:
		place, shown = reflect.New(v.Type().Elem()).Elem(), "(entry)"
	case v.IsValid():
		if i, ok := fieldsOf(v.Type())[name]; ok {
			place, shown = v.Field(i), name
		}
	}
	d.path = append(d.path, shown)
	t, err := d.token()
	if err == nil {
		err = d.assign(t, place)
	}
	d.path = d.path[:len(d.path)-1]
	if err == nil && t != nil && v.IsValid() && v.Kind() == reflect.Map {
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), place)
	}
	return err
}

// list reads the rest of a list, up to its closing bracket.
func (d *decoder) list(v reflect.Value) error {
	v, err := d.open(v, reflect.Slice)
	if err != nil {
		return err
	}
	for i := 0; d.json.More(); i++ {
		d.path = append(d.path, strconv.Itoa(i+1))
		t, err := d.token()
		if err != nil {
			return err
		}
		if t == nil && v.IsValid() {
			return d.errorf("must not be null: it is an element of a list")
		}
		place := reflect.Value{}
		if v.IsValid() {
			place = reflect.New(v.Type().Elem()).Elem()
		}
		if err := d.assign(t, place); err != nil {
			return err
		}
		if v.IsValid() {
			v.Set(reflect.Append(v, place))
		}
		d.path = d.path[:len(d.path)-1]
	}
	_, err = d.token()
	return err
}

// open makes room for an object or a list in v, which must be of one of the kinds.
func (d *decoder) open(v reflect.Value, kinds ...reflect.Kind) (reflect.Value, error) {
	if !v.IsValid() {
		return v, nil
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	for _, kind := range kinds {
		if v.Kind() != kind || v.Type() == reflect.TypeFor[Time]() || v.Type() == reflect.TypeFor[[]byte]() {
			continue
		}
		switch kind {
		case reflect.Map:
			v.Set(reflect.MakeMap(v.Type()))
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		return v, nil
	}
	what := "an object"
	if kinds[0] == reflect.Slice {
		what = "a list"
	}
	return v, d.errorf("must be %s, not %s", wanted(v), what)
}

var fieldCache sync.Map // reflect.Type → map[string]int

// fieldsOf maps the JSON names of a generated structure to its fields.
func fieldsOf(t reflect.Type) map[string]int {
	if fields, ok := fieldCache.Load(t); ok {
		return fields.(map[string]int)
	}
	fields := map[string]int{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[name] = i
	}
	fieldCache.Store(t, fields)
	return fields
}
