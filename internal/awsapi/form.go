package awsapi

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A form names the members of an input by their path: Queries.member.1.Stat.Period=60.
//
// Source: AWS query protocol, https://smithy.io/2.0/aws/protocols/aws-query-protocol.html.

// maxSteps is how many steps the name of a parameter may have. The longest that a model describes has 9.
// Each takes memory, also where nobody looks for it.
const maxSteps = 16

// unmarshalForm decodes parameters into a generated structure. Unknown ones are skipped. Its errors name
// the parameter and never show a value.
func unmarshalForm(params url.Values, in any) error {
	tree := &formNode{}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if err := tree.put(name, params.Get(name)); err != nil {
			return err
		}
	}
	return tree.decode("", reflect.ValueOf(in).Elem())
}

// formNode is a value of a form, or what the parts of names below it lead to.
type formNode struct {
	text  *string
	parts map[string]*formNode
}

func (n *formNode) put(name, text string) error {
	steps := strings.Split(name, ".")
	if len(steps) > maxSteps {
		return fmt.Errorf("the name of a parameter nests deeper than %d levels", maxSteps)
	}
	for _, step := range steps {
		next := n.parts[step]
		if next == nil {
			next = &formNode{}
			if n.parts == nil {
				n.parts = map[string]*formNode{}
			}
			n.parts[step] = next
		}
		n = next
	}
	n.text = &text
	return nil
}

func (n *formNode) decode(name string, v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch {
	case v.Type() == reflect.TypeFor[Time](), v.Type() == reflect.TypeFor[[]byte]():
		return n.scalar(name, v)
	case v.Kind() == reflect.Struct:
		return n.structure(name, v)
	case v.Kind() == reflect.Slice:
		return n.list(name, v)
	default:
		return n.scalar(name, v)
	}
}

func (n *formNode) structure(name string, v reflect.Value) error {
	for member, i := range fieldsOf(v.Type()) {
		if part := n.parts[member]; part != nil {
			if err := part.decode(strings.TrimPrefix(name+"."+member, "."), v.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// list decodes the elements in the order of their numbers. A list that is there and empty is NAME=.
func (n *formNode) list(name string, v reflect.Value) error {
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	members := n.parts["member"]
	if members == nil {
		return nil
	}
	numbers := make([]int, 0, len(members.parts))
	for step := range members.parts {
		number, err := strconv.Atoi(step)
		if err != nil || number < 1 || strconv.Itoa(number) != step {
			return fmt.Errorf("the parameter %q: elements of a list are numbered from 1 on", name+".member."+clip(step))
		}
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		step := strconv.Itoa(number)
		place := reflect.New(v.Type().Elem()).Elem()
		if err := members.parts[step].decode(name+".member."+step, place); err != nil {
			return err
		}
		v.Set(reflect.Append(v, place))
	}
	return nil
}

func (n *formNode) scalar(name string, v reflect.Value) (err error) {
	if n.text == nil {
		return fmt.Errorf("the parameter %q must be %s, and has parts", name, wanted(v))
	}
	switch target := v.Addr().Interface().(type) {
	case *Time:
		target.Time, err = parseTime(*n.text)
	case *[]byte:
		*target, err = base64.StdEncoding.DecodeString(*n.text)
	default:
		err = setText(v, *n.text)
	}
	if err != nil {
		return fmt.Errorf("the parameter %q must be %s", name, wanted(v))
	}
	return nil
}

func setText(v reflect.Value, text string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return err
	case reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(i)
		return err
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		v.SetFloat(f)
		return err
	default:
		return fmt.Errorf("a %s is none of the protocol", v.Kind())
	}
	return nil
}

// parseTime reads the forms in which clients write a moment; one without a zone is in UTC.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	var t Time
	err := t.UnmarshalJSON([]byte(text))
	return t.Time, err
}
