package awsapi

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type color string

type leaf struct {
	Name  *string `json:"Name,omitzero"`
	Color *color  `json:"Color,omitzero"`
}

// thing has every type that a model can describe.
type thing struct {
	Text   *string             `json:"Text,omitzero"`
	Flag   *bool               `json:"Flag,omitzero"`
	Int    *int32              `json:"Int,omitzero"`
	Long   *int64              `json:"Long,omitzero"`
	Double *float64            `json:"Double,omitzero"`
	When   *Time               `json:"When,omitzero"`
	Blob   []byte              `json:"Blob,omitzero"`
	Leaf   *leaf               `json:"Leaf,omitzero"`
	Leaves []leaf              `json:"Leaves,omitzero"`
	Words  []string            `json:"Words,omitzero"`
	Env    map[string]string   `json:"Env,omitzero" sensitive:"true"`
	Lists  map[string][]string `json:"Lists,omitzero"`
	Counts map[color]int32     `json:"Counts,omitzero"`
	Things map[string]thing    `json:"Things,omitzero"`
	Next   *thing              `json:"Next,omitzero"`
}

func TestUnmarshal(t *testing.T) {
	tests := []struct {
		reason string
		body   string
		want   thing
	}{
		{"empty body", "", thing{}},
		{"spaces", " \n", thing{}},
		{"empty object", "{}", thing{}},
		{"null", "null", thing{}},
		{"scalars", `{"Text":"é","Flag":true,"Int":-7,"Long":9007199254740993,"Double":0.5}`,
			thing{Text: new("é"), Flag: new(true), Int: new(int32(-7)), Long: new(int64(9007199254740993)), Double: new(0.5)}},
		{"whole numbers in other spellings", `{"Int":1.0,"Long":1e2}`, thing{Int: new(int32(1)), Long: new(int64(100))}},
		{"zero values are present", `{"Text":"","Flag":false,"Int":0}`, thing{Text: new(""), Flag: new(false), Int: new(int32(0))}},
		{"timestamp with a fraction", `{"When":1700000000.1239}`, thing{When: NewTime(time.UnixMilli(1700000000124).UTC())}},
		{"blob", `{"Blob":"aGk="}`, thing{Blob: []byte("hi")}},
		{"structures and enumerations", `{"Leaf":{"Color":"red"},"Leaves":[{"Name":"a"},{}]}`,
			thing{Leaf: &leaf{Color: new(color("red"))}, Leaves: []leaf{{Name: new("a")}, {}}}},
		{"empty collections are present", `{"Words":[],"Env":{}}`, thing{Words: []string{}, Env: map[string]string{}}},
		{"maps", `{"Env":{"A":"1","a":"2"},"Lists":{"x":["y"]}}`,
			thing{Env: map[string]string{"A": "1", "a": "2"}, Lists: map[string][]string{"x": {"y"}}}},
		{"maps with enumerated keys", `{"Counts":{"red":3}}`, thing{Counts: map[color]int32{"red": 3}}},
		{"nulls are absent", `{"Text":null,"Leaf":null,"Words":null,"Env":{"A":null,"B":"2"}}`, thing{Env: map[string]string{"B": "2"}}},
		{"unknown members are skipped", `{"New":{"a":[1,{"b":null}],"c":"d"},"Text":"x"}`, thing{Text: new("x")}},
		{"names match exactly", `{"text":"x","TEXT":"y"}`, thing{}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			var got thing
			if err := Unmarshal([]byte(tt.body), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	tests := []struct{ reason, body, says string }{
		{"cut off", `{"Text":"x"`, "ends in the middle"},
		{"cut off in a string", `{"Text":"x`, "ends in the middle"},
		{"no JSON", `hello`, "not JSON"},
		{"a trailing comma", `{"Text":"x",}`, "not JSON"},
		{"two values", `{}{}`, "goes on after"},
		{"garbage after the value", `{} x`, "goes on after"},
		{"a list at the top", `[]`, "must be an object, not a list"},
		{"a string at the top", `"x"`, "must be an object, not a string"},
		{"invalid UTF-8", "{\"Text\":\"\xff\"}", "UTF-8"},
		{"a member twice", `{"Text":"x","Text":"y"}`, "two members of one name"},
		{"a member twice, spelled otherwise", `{"Text":"x","\u0054ext":"y"}`, "two members of one name"},
		{"a member twice in an unknown member", `{"New":{"a":1,"a":2}}`, "two members of one name"},
		{"a map key twice", `{"Env":{"A":"1","A":"2"}}`, "two members of one name"},
		{"a number for a string", `{"Text":1}`, `member "Text" must be a string, not a number`},
		{"a string for a number", `{"Int":"1"}`, `member "Int" must be a number, not a string`},
		{"a string for a boolean", `{"Flag":"true"}`, "must be a boolean, not a string"},
		{"an object for a string", `{"Leaf":{"Name":{}}}`, `member "Leaf.Name" must be a string, not an object`},
		{"a list for a structure", `{"Leaf":[]}`, "must be an object, not a list"},
		{"an object for a list", `{"Words":{}}`, "must be a list, not an object"},
		{"an object for a timestamp", `{"When":{}}`, "must be a timestamp, not an object"},
		{"a list for a blob", `{"Blob":[1]}`, "must be a base64 string, not a list"},
		{"a string for a timestamp", `{"When":"2026-01-01T00:00:00Z"}`, "seconds since 1970"},
		{"a timestamp out of this world", `{"When":1e300}`, "seconds since 1970"},
		{"a fraction", `{"Int":1.5}`, "must be an integer"},
		{"too large for 32 bits", `{"Int":2147483648}`, "integer of 32 bits"},
		{"too large for 64 bits", `{"Long":1e30}`, "must be an integer"},
		{"too large for a double", `{"Double":1e999}`, "must be a number of 64 bits"},
		{"no base64", `{"Blob":"***"}`, "must be base64"},
		{"null in a list", `{"Words":["a",null]}`, `member "Words.2" must not be null`},
		{"a number in a map", `{"Env":{"SECRET_NAME":1}}`, "must be a string, not a number"},
		{"too deep", strings.Repeat(`{"Next":`, 65) + "{}" + strings.Repeat("}", 65), "nests deeper than 64"},
		{"too deep where nobody looks", `{"New":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + "}", "nests deeper than 64"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			err := Unmarshal([]byte(tt.body), new(thing))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error = %v, want one with %q", err, tt.says)
			}
			if err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error %q tells the key of a map", err)
			}
		})
	}
}

// What Unmarshal accepts, encoding/json accepts; and a value survives its own encoding.
func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"Text":"x","Flag":true,"Int":1,"Long":2,"Double":1e3,"When":1.5,"Blob":"aGk=","Leaf":{"Name":"n","Color":"c"}}`,
		`{"Leaves":[{}],"Words":["a"],"Env":{"A":"b","C":null},"Lists":{"x":[]},"Next":{"Next":{}},"X":[1,[{"y":null}]]}`,
		`{"Text":"\ud800"}`, `{"When":-1e-3}`, `[[[`, "\xff", `{"a":1,"a":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var first, second thing
		if Unmarshal(body, &first) != nil {
			return
		}
		if len(strings.TrimSpace(string(body))) > 0 && !json.Valid(body) {
			t.Fatalf("Unmarshal accepts %q, which is not JSON", body)
		}
		encoded, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := Unmarshal(encoded, &second); err != nil {
			t.Fatalf("%s, which came from %q: %v", encoded, body, err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatal(diff)
		}
	})
}
