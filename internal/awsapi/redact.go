package awsapi

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

const redacted = "***sensitive***"

// Redact returns a generated structure as a log value in which every sensitive member is hidden.
// Absent members are left out.
func Redact(v any) slog.Value { return redact(reflect.ValueOf(v)) }

// FormatRedacted prints a generated structure for any verb of package fmt, sensitive members hidden.
func FormatRedacted(f fmt.State, v any) { fmt.Fprint(f, Redact(v).String()) }

func redact(v reflect.Value) slog.Value {
	if t, ok := reflect.TypeAssert[Time](v); ok {
		return slog.StringValue(t.UTC().Format(time.RFC3339Nano))
	}
	switch v.Kind() {
	case reflect.Pointer:
		return redact(v.Elem())
	case reflect.Struct:
		return redactStruct(v)
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Struct {
			return slog.AnyValue(v.Interface())
		}
		var attrs []slog.Attr
		for i := range v.Len() {
			attrs = append(attrs, slog.Attr{Key: strconv.Itoa(i), Value: redact(v.Index(i))})
		}
		return slog.GroupValue(attrs...)
	case reflect.Map:
		var attrs []slog.Attr
		for _, key := range v.MapKeys() {
			attrs = append(attrs, slog.Attr{Key: key.String(), Value: redact(v.MapIndex(key))})
		}
		slices.SortFunc(attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
		return slog.GroupValue(attrs...)
	case reflect.String:
		return slog.StringValue(v.String())
	}
	return slog.AnyValue(v.Interface())
}

func redactStruct(v reflect.Value) slog.Value {
	var attrs []slog.Attr
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		switch {
		case value.IsZero():
		case field.Tag.Get("sensitive") != "":
			attrs = append(attrs, slog.String(field.Name, redacted))
		default:
			attrs = append(attrs, slog.Attr{Key: field.Name, Value: redact(value)})
		}
	}
	return slog.GroupValue(attrs...)
}
