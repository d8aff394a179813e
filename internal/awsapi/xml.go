package awsapi

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// xmlMessage writes a generated structure as the query protocol does: lists of <member>, maps of <entry>,
// times by ISO 8601.
type xmlMessage struct{ Message }

// MarshalXML implements xml.Marshaler.
func (m xmlMessage) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	return encodeXML(e, start.Name.Local, reflect.ValueOf(m.Message))
}

func encodeXML(e *xml.Encoder, name string, v reflect.Value) error {
	v = reflect.Indirect(v)
	if text, ok := textOf(v); ok {
		return e.EncodeElement(text, element(name))
	}
	if err := e.EncodeToken(element(name)); err != nil {
		return err
	}
	if err := encodeParts(e, v); err != nil {
		return err
	}
	return e.EncodeToken(element(name).End())
}

func encodeParts(e *xml.Encoder, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			member, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if v.Field(i).IsZero() {
				continue // an absent member
			}
			if err := encodeXML(e, member, v.Field(i)); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := encodeXML(e, "member", v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if err := encodeEntry(e, key, v.MapIndex(key)); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("a %s is none of the protocol", v.Kind())
	}
	return nil
}

func encodeEntry(e *xml.Encoder, key, value reflect.Value) error {
	if err := e.EncodeToken(element("entry")); err != nil {
		return err
	}
	if err := encodeXML(e, "key", key); err != nil {
		return err
	}
	if err := encodeXML(e, "value", value); err != nil {
		return err
	}
	return e.EncodeToken(element("entry").End())
}

func element(name string) xml.StartElement { return xml.StartElement{Name: xml.Name{Local: name}} }

// textOf is a value that is written as text.
func textOf(v reflect.Value) (string, bool) {
	switch value := v.Interface().(type) {
	case Time:
		return value.UTC().Format("2006-01-02T15:04:05.999Z07:00"), true
	case []byte:
		return base64.StdEncoding.EncodeToString(value), true
	}
	switch v.Kind() {
	case reflect.String:
		return v.String(), true
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), true
	case reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), true
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), true
	}
	return "", false
}
