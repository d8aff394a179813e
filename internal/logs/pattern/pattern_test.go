package pattern

import (
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	const access = `127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534`
	const document = `{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
		"objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "cluster.name": "c",
		"ThisFlag": true, "latency": 1200.5, "code": "404", "nested": {"deep": {"ok": false}}}`
	for _, c := range []struct {
		reason, pattern string
		yes, no         []string
	}{
		{"nothing is asked for", "", []string{"", "anything"}, nil},
		{"spaces are nothing", "  ", []string{"anything"}, nil},
		{"a term anywhere", "ERROR", []string{"[ERROR 400] BAD", "ERRORCODE"}, []string{"error", ""}},
		{"all terms, in any order", "ERROR ARGUMENTS", []string{"ERROR, no ARGUMENTS", "ARGUMENTS ERROR"}, []string{"ERROR"}},
		{"a phrase", `"INTERNAL SERVER ERROR"`, []string{"500 INTERNAL SERVER ERROR"}, []string{"INTERNAL ERROR SERVER"}},
		{"a phrase with a quote", `"say \"hi\" \\"`, []string{`they say "hi" \ and go`}, []string{`say hi`}},
		{"one of several", "?ERROR ?WARN", []string{"ERROR", "a WARN"}, []string{"INFO"}},
		{"one of several is nothing beside others", `?ERROR "REQUEST"`, []string{"REQUEST"}, []string{"ERROR"}},
		{"one that is not there", "ERROR -ARGUMENTS", []string{"ERROR"}, []string{"ERROR ARGUMENTS", "INFO"}},
		{"none that is there", `-"healthy now"`, []string{"", "healthy"}, []string{"it is healthy now"}},
		{"letters of other languages", "größer", []string{"ist größer"}, []string{"grosser"}},
		{"a regular expression", "%colou?r%", []string{"color", "colours"}, []string{"colr"}},
		{"anchored", "%^[hc]at$%", []string{"hat"}, []string{"a hat", "hats"}},
		{"an address", `%10\.10\.0\.\d{1,2}%`, []string{"10.10.0.17"}, []string{"10.1000.0"}},
		{"no such text", "-%[0-9]%", []string{"none"}, []string{"1"}},

		{"a member", `{ $.eventType = "UpdateTrail" }`, []string{document}, []string{"UpdateTrail", `{"eventType": "Update"}`, `[1]`, `{"eventType":`}},
		{"without quotes", `{$.eventType=UpdateTrail}`, []string{document}, []string{`{}`}},
		{"with a star", `{ $.sourceIPAddress = 111.111.* }`, []string{document}, []string{`{"sourceIPAddress": "12.1.1.1"}`}},
		{"different", `{ $.sourceIPAddress != 123.123.* }`, []string{document}, []string{`{"sourceIPAddress": "123.123.1.1"}`, `{}`}},
		{"an element", `{ $.arrayKey[0] = "value" }`, []string{document}, []string{`{"arrayKey": ["x", "value"]}`, `{"arrayKey": {"0": "value"}}`}},
		{"any element", `{ $.arrayKey[*] = "another*" }`, []string{document}, []string{`{"arrayKey": []}`}},
		{"in a list", `{ $.objectList[1].id = 2 }`, []string{document}, []string{`{"objectList": [{"id": 2}]}`}},
		{"any member", `{ $.nested.*.ok IS FALSE }`, []string{document}, []string{`{"nested": {"ok": false}}`}},
		{"a name with a dot", `{ $.["cluster.name"] = "c" && $['cluster.name'] = c }`, []string{document}, []string{`{"cluster": {"name": "c"}}`}},
		{"null", `{ $.SomeObject IS NULL }`, []string{document}, []string{`{}`, `{"SomeObject": 0}`}},
		{"not there", `{ $.SomeOtherObject NOT EXISTS }`, []string{document}, []string{`{"SomeOtherObject": null}`}},
		{"there", `{ $.SomeObject exists }`, []string{document}, []string{`{}`}},
		{"true", `{ $.ThisFlag IS TRUE }`, []string{document}, []string{`{"ThisFlag": "true"}`, `{"ThisFlag": false}`}},
		{"numbers", `{ $.latency > 1200 && $.latency <= 1.3e3 }`, []string{document}, []string{`{"latency": 1200}`, `{"latency": "slow"}`}},
		{"a number as text", `{ $.code = 404 && $.code >= 400 }`, []string{document}, []string{`{"code": "4040"}`}},
		{"a number with a star", `{ $.latency = 12* }`, []string{document, `{"latency": 12}`}, []string{`{"latency": 1.2e4}`[:0], `{"latency": 21}`}},
		{"or, and, parentheses", `{ ($.a = 1 || $.b = 2) && ($.c = 3) }`, []string{`{"a": 1, "c": 3}`, `{"b": 2, "c": 3}`}, []string{`{"a": 1}`, `{"c": 3}`}},
		{"and before or", `{ $.a = 1 || $.b = 2 && $.c = 3 }`, []string{`{"a": 1}`, `{"b": 2, "c": 3}`}, []string{`{"b": 2}`, `{"c": 3}`}},
		{"a regular expression", `{ $.eventType = %^Update[A-Z]% }`, []string{document}, []string{`{"eventType": "Update1"}`}},
		{"an object is no text", `{ $.nested = * }`, nil, []string{document}},
		{"something before the object", `{ $.a = 1 }`, []string{`2026 INFO {"a": 1}`}, []string{`{"b": 1} {"a": 1}`}},

		{"fields", "[ip, env, user, time, request, status, bytes]", []string{access}, []string{"a b c", access + " more"}},
		{"conditions", "[ip=127.*, env, user, time, request=*.html*, status = 4*, bytes > 1000]", []string{access}, []string{strings.Replace(access, "404", "200", 1)}},
		{"one or the other", "[ip, env, user, time, request, status = 404 || status = 410, bytes]", []string{access}, []string{strings.Replace(access, "404", "403", 1)}},
		{"only the end", "[..., status = 404, bytes]", []string{access, "404 1"}, []string{"1 404"}},
		{"only the beginning", "[ip = 127.0.0.1, ...]", []string{access, "127.0.0.1"}, []string{"10.0.0.1 x"}},
		{"both", `[ip = 127.0.0.1, ..., bytes >= 1534]`, []string{access}, []string{"127.0.0.1", "127.0.0.1 9"}},
		{"a range", "[..., (bytes > 1000 && bytes < 2000)]", []string{access}, []string{"999", "x"}},
		{"words", "[w1=ERROR, w2]", []string{"ERROR code", `ERROR "a b"`}, []string{"ERROR", "WARN code", "ERROR a b"}},
		{"different words", "[w1!=ERROR && w1!=WARN, w2]", []string{"INFO x"}, []string{"ERROR x", "WARN x"}},
		{"a regular expression", `[w1=%^E%, w2]`, []string{"ERROR x"}, []string{"WARE x"}},
	} {
		p, err := Parse(c.pattern)
		if err != nil {
			t.Errorf("%s: %s: %v", c.reason, c.pattern, err)
			continue
		}
		for _, text := range c.yes {
			if !p.Match(text) || !strings.Contains(text, p.Literal()) {
				t.Errorf("%s: %s does not match %.100q (literal %q)", c.reason, c.pattern, text, p.Literal())
			}
		}
		for _, text := range c.no {
			if p.Match(text) {
				t.Errorf("%s: %s matches %.100q", c.reason, c.pattern, text)
			}
		}
	}
}

func TestLiteral(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a ERROR b": "ERROR", "?ERROR": "ERROR", "?ERROR ?WARN": "", "-ERROR": "", "%x%": "", "[w=ERROR]": "",
		`{ $.a = "x*longer*y" }`: "longer", `{ $.a = x && $.b = yy }`: "yy", `{ $.a = x || $.b = yy }`: "", `{ $.a != x }`: "",
		`{ $.a = 404 }`: "", `{ $.a = 4* }`: "", `{ $.a = "a/b" }`: "", `{ $.a IS TRUE }`: "true",
	} {
		p, err := Parse(text)
		if err != nil || p.Literal() != want {
			t.Errorf("%s: literal %q, %v; want %q", text, p.Literal(), err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, what := range map[string]string{
		"[ERROR]x":               "nothing may follow the ], at character 8",
		"a [b]":                  `a term with '[' has to be in double quotes, at character 3`,
		"ERROR:":                 `a term with ':' has to be in double quotes`,
		`"open`:                  "a double quote is not closed",
		`""`:                     "nothing between the double quotes",
		"a -":                    "a term is missing",
		"%open":                  "a regular expression is not closed by %",
		"%(a)%":                  `'(' is not allowed in a regular expression`,
		"%something!%":           `'!' is not allowed`,
		"%[a%":                   `"[a" is not a regular expression`,
		"%%":                     "is not a regular expression",
		"%a% %b% %c%":            "more than 2 regular expressions",
		"{":                      "a member is missing",
		"{ a = 1 }":              "a member is missing",
		"{ $ = 1 }":              "the name of a member is missing",
		"{ $. = 1 }":             "the name of a member is missing",
		"{ $.a }":                "an operator is missing",
		"{ $.a = }":              "a value is missing",
		"{ $.a = 1":              "} or an operator is missing",
		"{ $.a = 1 } x":          "nothing may follow the }",
		"{ $.a = 1 & $.b = 2 }":  "} or an operator is missing",
		"{ $.a[x] = 1 }":         "the number of an element is missing",
		"{ $.a[1 = 1 }":          "] is missing",
		"{ ($.a = 1 }":           ") is missing",
		`{ $.a > "x" }`:          "> compares with a number",
		"[a":                     ", or ] is missing",
		"[a, ..., ...]":          "... may be there once only",
		"[a = ]":                 "a value is missing",
		"[a b]":                  "an operator is missing",
		strings.Repeat("{(", 99): "a member is missing",
		"{" + strings.Repeat("(", 99) + "$.a = 1": "more than 32 parentheses are open",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), what) || !strings.HasPrefix(err.Error(), "Invalid filter pattern: ") {
			t.Errorf("%s: %v, want %q", text, err, what)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"ERROR -x ?y", `"a \" b"`, "%[a-z]+%", `{ $.a.b[0]["c"] = "x*" && ($.n >= 1.5e3 || $.f IS TRUE) }`,
		"[a, b = 4* || b = 5*, ..., c > 1]", "{ $.x NOT EXISTS }",
	} {
		f.Add(text, `a {"a": {"b": [{"c": "xyz"}]}, "n": 1500} "b c" [d] 404`)
	}
	f.Fuzz(func(t *testing.T, text, event string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		if p.Match(event) && !strings.Contains(event, p.Literal()) && !strings.Contains(event, `\u`) {
			t.Errorf("%q matches %q without its literal %q", text, event, p.Literal())
		}
	})
}
