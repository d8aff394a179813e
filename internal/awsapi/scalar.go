package awsapi

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
)

// scalar puts a string, a boolean or a number into v, when that is what v takes.
func (d *decoder) scalar(t json.Token, v reflect.Value) error {
	if at, ok := reflect.TypeAssert[*Time](v.Addr()); ok {
		if n, ok := t.(json.Number); !ok || at.UnmarshalJSON([]byte(n)) != nil {
			return d.errorf("must be a timestamp: seconds since 1970, as a number")
		}
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		if s, ok := t.(string); ok {
			v.SetString(s)
			return nil
		}
	case reflect.Bool:
		if b, ok := t.(bool); ok {
			v.SetBool(b)
			return nil
		}
	case reflect.Int32, reflect.Int64:
		if n, ok := t.(json.Number); ok {
			return d.integer(n, v)
		}
	case reflect.Float64:
		if n, ok := t.(json.Number); ok {
			return d.float(n, v)
		}
	case reflect.Slice:
		if s, ok := t.(string); ok && v.Type().Elem().Kind() == reflect.Uint8 {
			return d.blob(s, v)
		}
	}
	return d.errorf("must be %s, not %s", wanted(v), found(t))
}

func (d *decoder) integer(n json.Number, v reflect.Value) error {
	i, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil {
		// 1.0 and 1e2 are integers too.
		f, ferr := n.Float64()
		if ferr != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return d.errorf("must be an integer")
		}
		i = int64(f)
	}
	if v.OverflowInt(i) {
		return d.errorf("must be an integer of %d bits", v.Type().Bits())
	}
	v.SetInt(i)
	return nil
}

func (d *decoder) float(n json.Number, v reflect.Value) error {
	f, err := n.Float64()
	if err != nil {
		return d.errorf("must be a number of 64 bits")
	}
	v.SetFloat(f)
	return nil
}

func (d *decoder) blob(s string, v reflect.Value) error {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return d.errorf("must be base64")
	}
	v.SetBytes(b)
	return nil
}

// wanted and found name JSON types for messages.
func wanted(v reflect.Value) string {
	switch {
	case v.Type() == reflect.TypeFor[Time]():
		return "a timestamp"
	case v.Type() == reflect.TypeFor[[]byte]():
		return "a base64 string"
	}
	switch v.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a number"
}

func found(t json.Token) string {
	switch t.(type) {
	case string:
		return "a string"
	case bool:
		return "a boolean"
	}
	return "a number"
}
