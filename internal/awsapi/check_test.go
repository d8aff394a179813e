package awsapi

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

var (
	nameRule   = StringRule{Min: 2, Max: 4, Pattern: MustPattern("[a-z]+", "", "[a-z]+")}
	secretRule = StringRule{Min: 2, Max: 4, Pattern: MustPattern("[a-z]+", "", "[a-z]+"), Sensitive: true}
	tagRule    = StringRule{Pattern: MustPattern("^(?!aws:).+", "aws:", ".+")}
	colorRule  = EnumRule[color]{"red", "blue"}
	sizeRule   = RangeRule[int32]{Min: -1, Max: 3}
	blobRule   = BlobRule{Max: 2, Sensitive: true}
)

func TestViolations(t *testing.T) {
	member := func(v string, rule StringRule) func(*Checker) {
		return func(c *Checker) { Member(c, "name", &v, rule.Check) }
	}
	tests := []struct {
		reason string
		check  func(*Checker)
		want   string
	}{
		{"fits", member("abc", nameRule), ""},
		{"characters are counted, not bytes", member("éé", StringRule{Max: 2}), ""},
		{"absent", func(c *Checker) { Member(c, "name", nil, nameRule.Check) }, ""},
		{"required", func(c *Checker) { c.Required("name", false) },
			"1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"},
		{"short", member("a", nameRule),
			"1 validation error detected: Value 'a' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 2"},
		{"long", member("abcde", nameRule),
			"1 validation error detected: Value 'abcde' at 'name' failed to satisfy constraint: Member must have length less than or equal to 4"},
		{"the whole string must match", member("ab\n", nameRule),
			"1 validation error detected: Value 'ab\n' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+"},
		{"forbidden prefix", member("aws:x", tagRule),
			"1 validation error detected: Value 'aws:x' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?!aws:).+"},
		{"prefix in another case", member("AWS:x", tagRule), ""},
		{"two errors", member("1", nameRule),
			"2 validation errors detected: Value '1' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 2; " +
				"Value '1' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+"},
		{"sensitive", member("1", secretRule),
			"2 validation errors detected: Value at 'name' failed to satisfy constraint: Member must have length greater than or equal to 2; " +
				"Value at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+"},
		{"enumeration", func(c *Checker) { Member(c, "color", new(color("Red")), colorRule.Check) },
			"1 validation error detected: Value 'Red' at 'color' failed to satisfy constraint: Member must satisfy enum value set: [red, blue]"},
		{"range, low", func(c *Checker) { Member(c, "size", new(int32(-2)), sizeRule.Check) },
			"1 validation error detected: Value '-2' at 'size' failed to satisfy constraint: Member must have value greater than or equal to -1"},
		{"range, high", func(c *Checker) { Member(c, "size", new(int32(4)), sizeRule.Check) },
			"1 validation error detected: Value '4' at 'size' failed to satisfy constraint: Member must have value less than or equal to 3"},
		{"blob", func(c *Checker) { Member(c, "data", &[]byte{1, 2, 3}, blobRule.Check) },
			"1 validation error detected: Value at 'data' failed to satisfy constraint: Member must have length less than or equal to 2"},
		{"the size of a list", func(c *Checker) { Member(c, "names", &[]string{}, ListOf(Size{Min: 1}, nameRule.Check)) },
			"1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"an element of a list", func(c *Checker) { Member(c, "names", &[]string{"ab", "a"}, ListOf(Size{Max: 2}, nameRule.Check)) },
			"1 validation error detected: Value 'a' at 'names.2.member' failed to satisfy constraint: Member must have length greater than or equal to 2"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			got := ""
			if err := Validate(tt.check); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// A map says each constraint once, and shows neither keys nor values.
func TestViolationsOfMaps(t *testing.T) {
	env := map[string]string{"A1": "bb", "B1": "bb", "ok": "toolong"}
	got := Validate(func(c *Checker) { Member(c, "env", &env, MapOf(Size{Max: 2}, nameRule.Check, nameRule.Check)) }).Error()
	for _, want := range []string{
		"3 validation errors detected: ",
		"Value at 'env' failed to satisfy constraint: Member must have length less than or equal to 2",
		"Value at 'env' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-z]+]",
		"Value at 'env' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 4]",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not have %q", got, want)
		}
	}
}

func TestViolationsOfNestedCollections(t *testing.T) {
	stages := map[color][]string{"red": {"ab", "a", ""}, "green": nil}
	check := MapOf(Size{}, colorRule.Check, ListOf(Size{Max: 2}, nameRule.Check))
	got := Validate(func(c *Checker) { Member(c, "stages", &stages, check) }).Error()
	for _, want := range []string{
		"2 validation errors detected: ",
		"Map keys must satisfy constraint: [Member must satisfy enum value set: [red, blue]]",
		"Map value must satisfy constraint: [Member must have length less than or equal to 2, Member must have length greater than or equal to 2, Member must satisfy regular expression pattern: [a-z]+]",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not have %q", got, want)
		}
	}
}

func TestViolationsStayShort(t *testing.T) {
	var many []string
	for i := range 200 {
		many = append(many, strings.Repeat("é", i+5))
	}
	err := Validate(func(c *Checker) { Member(c, "names", &many, ListOf(Size{}, nameRule.Check)) })
	got := err.Error()
	if len(got) > maxMessage || !strings.HasPrefix(got, "200 validation errors detected: Value 'ééééé' at 'names.1.member'") || !strings.Contains(got, " more") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

func TestRedact(t *testing.T) {
	v := thing{
		Text:   new("shown"),
		Env:    map[string]string{"SECRET_NAME": "SECRET_VALUE"},
		When:   NewTime(time.Unix(0, 0)),
		Leaves: []leaf{{Name: new("a")}, {Color: new(color("red"))}},
		Words:  []string{"w"},
		Lists:  map[string][]string{"list": {"l"}},
		Things: map[string]thing{"thing": {Env: map[string]string{"SECRET_NAME": ""}}},
		Next:   &thing{Env: map[string]string{"SECRET_NAME": ""}},
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", Redact(v))
	for _, got := range []string{Redact(v).String(), log.String(), fmt.Sprint(Redact(v))} {
		if strings.Contains(got, "SECRET") {
			t.Errorf("%s tells a secret", got)
		}
		for _, want := range []string{"shown", "1970-01-01T00:00:00Z", "red", "list", "thing", "***sensitive***"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s does not have %q", got, want)
			}
		}
	}
}

func TestTimeOnTheWire(t *testing.T) {
	tests := []struct {
		at   time.Time
		want string
	}{
		{time.Unix(1700000000, 0), "1700000000"},
		{time.Unix(1700000000, 123456789), "1700000000.123"},
		{time.Unix(0, 0), "0"},
		{time.Unix(-1, 0), "-1"},
	}
	for _, tt := range tests {
		got, err := Time{tt.at}.MarshalJSON()
		if err != nil || string(got) != tt.want {
			t.Errorf("%v: %s, %v; want %s", tt.at, got, err, tt.want)
		}
	}
	if NewTime(time.Time{}) != nil {
		t.Error("the zero time is not absent")
	}
}
