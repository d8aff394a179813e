package awsapi

import (
	"encoding/xml"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (thing) Validate() error { return nil }

func TestForms(t *testing.T) {
	t.Parallel()
	noon := &Time{time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)}
	for _, tt := range []struct {
		reason, form string
		want         thing
		says         string
	}{
		{"scalars", "Text=a+b&Flag=true&Int=7&Long=5000000000&Double=1e3&Blob=aGk%3D", thing{Text: new("a b"), Flag: new(true), Int: new(int32(7)), Long: new(int64(5e9)), Double: new(1e3), Blob: []byte("hi")}, ""},
		{"a time", "When=2026-11-25T12:00:00Z", thing{When: noon}, ""},
		{"a time with a zone", "When=2026-11-25T13:00:00%2B01:00", thing{When: noon}, ""},
		{"a time without a zone", "When=2026-11-25T12:00:00", thing{When: noon}, ""},
		{"a time without seconds", "When=2026-11-25T12:00Z", thing{When: noon}, ""},
		{"seconds since 1970", "When=1795608000", thing{When: noon}, ""},
		{"lists are in the order of their numbers", "Words.member.10=c&Words.member.2=b&Words.member.1=a", thing{Words: []string{"a", "b", "c"}}, ""},
		{"a list without elements", "Words=", thing{Words: []string{}}, ""},
		{"parts of parts", "Next.Leaves.member.1.Name=x&Next.Leaves.member.2.Color=y", thing{Next: &thing{Leaves: []leaf{{Name: new("x")}, {Color: new(color("y"))}}}}, ""},
		{"what is unknown", "Never.mind=1&Next.Other=2", thing{Next: &thing{}}, ""},
		{"no number", "Next.Int=x", thing{}, `"Next.Int" must be a number`},
		{"too large a number", "Int=5000000000", thing{}, `"Int" must be a number`},
		{"no boolean", "Flag=maybe", thing{}, `"Flag" must be a boolean`},
		{"no time", "When=noon", thing{}, `"When" must be a timestamp`},
		{"parts of a text", "Text.x=1", thing{}, `"Text" must be a string, and has parts`},
		{"an element without a number", "Words.member.x=1", thing{}, `"Words.member.x": elements of a list are numbered`},
		{"an element 0", "Words.member.0=1", thing{}, "numbered from 1 on"},
		{"no base64", "Blob=%21", thing{}, `"Blob" must be a base64 string`},
		{"very deep", strings.Repeat("Next.", 16) + "Text=1", thing{}, "nests deeper than 16 levels"},
	} {
		params, err := url.ParseQuery(tt.form)
		if err != nil {
			t.Fatal(err)
		}
		var got thing
		err = unmarshalForm(params, &got)
		if tt.says != "" {
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v, want %q", tt.reason, err, tt.says)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", tt.reason, err, diff)
		}
	}
}

func FuzzForm(f *testing.F) {
	f.Add("Text=a&Words.member.2=b&Leaves.member.1.Name=x&Next.When=2026-11-25T12:00:00Z")
	f.Add("Blob=aGk%3D&Double=NaN&Int=-1")
	f.Fuzz(func(t *testing.T, form string) {
		params, err := url.ParseQuery(form)
		if err != nil {
			return
		}
		var got thing
		if unmarshalForm(params, &got) != nil {
			return
		}
		if _, err := xml.Marshal(xmlMessage{&got}); err != nil {
			t.Errorf("%q is read and cannot be written: %v", form, err)
		}
	})
}
