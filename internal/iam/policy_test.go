package iam

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func parse(t testing.TB, document string) *Policy {
	t.Helper()
	p, err := ParsePolicy([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	web   = "arn:aws:apprunner:us-east-1:000000000000:service/web/0123456789abcdef0123456789abcdef"
	other = "arn:aws:apprunner:eu-west-1:000000000000:service/other/0123456789abcdef0123456789abcdef"
)

func TestAllows(t *testing.T) {
	t.Parallel()
	const deploy = `{"Version":"2012-10-17","Statement":[
		{"Sid":"Read","Effect":"Allow","Action":["apprunner:Describe*","apprunner:List*"],"Resource":"*"},
		{"Effect":"Allow","Action":"apprunner:UpdateService","Resource":"arn:aws:apprunner:*:*:service/web/*"},
		{"Effect":"Deny","Action":"*","Resource":"arn:aws:apprunner:eu-west-1:*:*"}]}`
	tests := []struct {
		reason, policy, action, resource string
		want                             Decision
	}{
		{"a wildcard at the end", deploy, "apprunner:DescribeService", web, Allowed},
		{"actions have no case", deploy, "AppRunner:describeSERVICE", web, Allowed},
		{"no resource", deploy, "apprunner:ListServices", "*", Allowed},
		{"nobody says anything", deploy, "apprunner:DeleteService", web, NotAllowed},
		{"a resource that is meant", deploy, "apprunner:UpdateService", web, Allowed},
		{"another resource", deploy, "apprunner:UpdateService", strings.Replace(web, "/web/", "/webs/", 1), NotAllowed},
		{"no resource where one is named", deploy, "apprunner:UpdateService", "*", NotAllowed},
		{"deny wins", deploy, "apprunner:DescribeService", other, Denied},
		{"deny of what nobody allows", deploy, "apprunner:DeleteService", other, Denied},
		{"everything", `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, "slipway:CreateKey", "*", Allowed},
		{"a service", `{"Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}`, "ecr:PutImage", "arn:aws:ecr:us-east-1:000000000000:repository/a/b", Allowed},
		{"another service", `{"Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}`, "ecr-public:PutImage", "*", NotAllowed},
		{"a question mark", `{"Statement":{"Effect":"Allow","Action":"apprunner:Pause?ervice","Resource":"*"}}`, "apprunner:PauseService", web, Allowed},
		{"all but", `{"Statement":{"Effect":"Allow","NotAction":["slipway:*","apprunner:Delete*"],"Resource":"*"}}`, "apprunner:PauseService", web, Allowed},
		{"all but this", `{"Statement":{"Effect":"Allow","NotAction":["slipway:*","apprunner:Delete*"],"Resource":"*"}}`, "apprunner:DeleteService", web, NotAllowed},
		{"all resources but", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","NotResource":"arn:aws:apprunner:*:*:service/web/*"}]}`, "apprunner:PauseService", web, Allowed},
		{"all resources but this", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","NotResource":"arn:aws:apprunner:*:*:service/web/*"}]}`, "apprunner:PauseService", other, Denied},
		{"a star stays in its part", `{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:apprunner:us-*:000000000000:service/web/*"}}`, "apprunner:PauseService", strings.Replace(web, "us-east-1:000000000000:", "us-east-1:111111111111:000000000000:", 1), NotAllowed},
		{"ARNs have case", `{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:apprunner:*:*:service/Web/*"}}`, "apprunner:PauseService", web, NotAllowed},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if got := parse(t, tt.policy).Allows(Request{Action: tt.action, Resource: tt.resource}); got != tt.want {
				t.Errorf("%s on %s: decision %d, want %d", tt.action, tt.resource, got, tt.want)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, condition string
		context           map[string][]string
		want              bool
	}{
		{"equal", `{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}`, map[string][]string{"aws:RequestedRegion": {"us-east-1"}}, true},
		{"one of", `{"StringEquals":{"aws:RequestedRegion":["eu-west-1","us-east-1"]}}`, map[string][]string{"aws:RequestedRegion": {"us-east-1"}}, true},
		{"none of", `{"StringEquals":{"aws:RequestedRegion":["eu-west-1","eu-west-2"]}}`, map[string][]string{"aws:RequestedRegion": {"us-east-1"}}, false},
		{"absent", `{"StringEquals":{"aws:ResourceTag/env":"dev"}}`, nil, false},
		{"case of the value", `{"StringEquals":{"aws:ResourceTag/env":"dev"}}`, map[string][]string{"aws:ResourceTag/env": {"Dev"}}, false},
		{"case of the key", `{"StringEquals":{"aws:resourcetag/ENV":"dev"}}`, map[string][]string{"aws:ResourceTag/env": {"dev"}}, true},
		{"case that does not matter", `{"StringEqualsIgnoreCase":{"aws:ResourceTag/env":"dev"}}`, map[string][]string{"aws:ResourceTag/env": {"DEV"}}, true},
		{"not equal", `{"StringNotEquals":{"aws:ResourceTag/env":["prod","live"]}}`, map[string][]string{"aws:ResourceTag/env": {"dev"}}, true},
		{"not equal to one of them", `{"StringNotEquals":{"aws:ResourceTag/env":["prod","live"]}}`, map[string][]string{"aws:ResourceTag/env": {"live"}}, false},
		{"not equal, absent", `{"StringNotEquals":{"aws:ResourceTag/env":"prod"}}`, nil, true},
		{"like", `{"StringLike":{"aws:username":"ci-*"}}`, map[string][]string{"aws:username": {"ci-1"}}, true},
		{"not like", `{"StringNotLike":{"aws:username":"ci-?"}}`, map[string][]string{"aws:username": {"ci-1"}}, false},
		{"an ARN", `{"ArnLike":{"apprunner:ConnectionArn":"arn:aws:apprunner:*:*:connection/mine/*"}}`, map[string][]string{"apprunner:ConnectionArn": {"arn:aws:apprunner:us-east-1:000000000000:connection/mine/1"}}, true},
		{"ArnEquals takes wildcards too", `{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}}`, map[string][]string{"aws:PrincipalArn": {"arn:aws:iam::000000000000:user/ci"}}, true},
		{"another ARN", `{"ArnLike":{"apprunner:ConnectionArn":"arn:aws:apprunner:*:*:connection/mine/*"}}`, map[string][]string{"apprunner:ConnectionArn": {"arn:aws:apprunner:us-east-1:000000000000:connection/yours/1"}}, false},
		{"if it exists: it does not", `{"StringEqualsIfExists":{"apprunner:VpcId":"vpc-1"}}`, nil, true},
		{"if it exists: it does", `{"StringEqualsIfExists":{"apprunner:VpcId":"vpc-1"}}`, map[string][]string{"apprunner:VpcId": {"vpc-2"}}, false},
		{"true", `{"Bool":{"aws:SecureTransport":"true"}}`, map[string][]string{"aws:SecureTransport": {"true"}}, true},
		{"false, as a literal", `{"Bool":{"aws:SecureTransport":false}}`, map[string][]string{"aws:SecureTransport": {"true"}}, false},
		{"must be absent and is", `{"Null":{"aws:RequestTag/env":"true"}}`, nil, true},
		{"must be absent and is not", `{"Null":{"aws:RequestTag/env":"true"}}`, map[string][]string{"aws:RequestTag/env": {""}}, false},
		{"must be there and is", `{"Null":{"aws:RequestTag/env":"false"}}`, map[string][]string{"aws:RequestTag/env": {"x"}}, true},
		{"must be there and is not", `{"Null":{"aws:RequestTag/env":false}}`, nil, false},
		{"any of many", `{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}`, map[string][]string{"aws:TagKeys": {"c", "b"}}, true},
		{"none of many", `{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}`, map[string][]string{"aws:TagKeys": {"c"}}, false},
		{"any of none", `{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}`, nil, false},
		{"all of many", `{"ForAllValues:StringLike":{"aws:TagKeys":["a*","b"]}}`, map[string][]string{"aws:TagKeys": {"a1", "a2", "b"}}, true},
		{"all but one", `{"ForAllValues:StringLike":{"aws:TagKeys":["a*","b"]}}`, map[string][]string{"aws:TagKeys": {"a1", "c"}}, false},
		{"all of none", `{"ForAllValues:StringEquals":{"aws:TagKeys":"a"}}`, nil, true},
		{"any that is not", `{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["a"]}}`, map[string][]string{"aws:TagKeys": {"a", "b"}}, true},
		{"all are not", `{"ForAllValues:StringNotEquals":{"aws:TagKeys":["a"]}}`, map[string][]string{"aws:TagKeys": {"a", "b"}}, false},
		{"tags whose keys differ in case", `{"StringNotEquals":{"aws:ResourceTag/env":"prod"}}`, map[string][]string{"aws:ResourceTag/Env": {"prod"}, "aws:ResourceTag/env": {"dev"}}, false},
		{"all keys of an operator", `{"StringEquals":{"aws:username":"a","apprunner:VpcId":"v"}}`, map[string][]string{"aws:username": {"a"}, "apprunner:VpcId": {"w"}}, false},
		{"all operators", `{"StringEquals":{"aws:username":"a"},"Null":{"apprunner:VpcId":"true"}}`, map[string][]string{"aws:username": {"a"}}, true},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			context := Context{}
			for key, values := range tt.context {
				context.Set(key, values...)
			}
			for effect, yes := range map[string]Decision{"Allow": Allowed, "Deny": Denied} {
				p := parse(t, `{"Statement":{"Effect":"`+effect+`","Action":"*","Resource":"*","Condition":`+tt.condition+`}}`)
				if got := p.Allows(Request{Action: "a:b", Resource: "*", Context: context}); (got == yes) != tt.want {
					t.Errorf("%s: decision %d, want it to hold: %v", effect, got, tt.want)
				}
			}
		})
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	t.Parallel()
	statement := func(members string) string {
		return `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{` + members + `}]}`
	}
	tests := []struct{ document, says string }{
		{``, "it is not a JSON object"},
		{`[]`, "it is not a JSON object"},
		{`{"Statement":`, "it is not JSON"},
		{`{"Statement":[]} x`, "something follows"},
		{"{\"Id\":\"\xff\"}", "it is not UTF-8"},
		{`{}`, "it needs a Statement"},
		{`{"Statement":[]}`, "it needs a Statement"},
		{`{"Statement":["x"]}`, "statement 1: it is not a JSON object"},
		{`{"statement":{}}`, `there is no element "statement"`},
		{`{"Version":"2012-10-18","Statement":[]}`, `Version "2012-10-18" is not "2012-10-17"`},
		{`{"Id":1,"Statement":[]}`, "Id is not a string"},
		{`{"Statement":{},"Statement":{}}`, `"Statement" is there twice`},
		{statement(``), `statement 2: Effect must be "Allow" or "Deny"`},
		{statement(`"Effect":"allow"`), `statement 2: Effect must be`},
		{statement(`"Effect":"Deny","Effect":"Allow"`), `statement 2: "Effect" is there twice`},
		{statement(`"Sid":"a b","Effect":"Allow"`), `statement 2: Sid "a b" has more`},
		{statement(`"Sid":"Mine","Effect":"Allow","Resource":"*"`), `statement 2 (Mine): it needs either Action or NotAction`},
		{statement(`"Effect":"Allow","Action":"*"`), `it needs either Resource or NotResource`},
		{statement(`"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"`), `it needs either Action or NotAction`},
		{statement(`"Effect":"Allow","Action":[],"Resource":"*"`), `Action must be a string or a list of strings`},
		{statement(`"Effect":"Allow","Action":1,"Resource":"*"`), `Action must be a string or a list of strings`},
		{statement(`"Effect":"Allow","Action":"DescribeService","Resource":"*"`), `Action "DescribeService" does not have the form service:operation`},
		{statement(`"Effect":"Allow","NotAction":["a:b",":x"],"Resource":"*"`), `NotAction ":x" does not have`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"service/web"`), `Resource "service/web" is neither * nor an ARN of six parts`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"arn:aws:apprunner:*"`), `of six parts`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"arn:aws:apprunner:*:*:service/${aws:username}/*"`), `has a policy variable`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"`), `Principal belongs to policies of resources`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Comment":"x"`), `there is no element "Comment"`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":[]`), `Condition: it is not a JSON object`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringSame":{"aws:username":"x"}}`), `condition operator "StringSame" is not one that Slipway knows`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForEach:StringLike":{"aws:username":"x"}}`), `condition operator "ForEach:StringLike"`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NullIfExists":{"aws:username":"true"}}`), `condition operator "NullIfExists"`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IfExists":{"aws:username":"true"}}`), `condition operator "IfExists"`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:SourceVpc":"x"}}`), `condition key "aws:SourceVpc" is not one that requests to Slipway have`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:RequestTag/":"x"}}`), `condition key "aws:RequestTag/"`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:username":[]}}`), `has no value`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:username":{}}}`), `"aws:username" must have a string`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:username":"${aws:username}"}}`), `policy variable`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:TagKeys":"x"}}`), `use ForAnyValue:StringEquals or ForAllValues:StringEquals`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"maybe"}}`), `must be true or false`},
		{statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Null":{"aws:username":["true","false"]}}`), `more than one value`},
		{`{"Statement":[{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"A","Effect":"Deny","Action":"*","Resource":"*"}]}`, "statement 2 (A): an earlier statement has the same Sid"},
		{statement(`"Effect":"Allow","Action":"` + strings.Repeat("a", MaxPolicy) + `:b","Resource":"*"`), "the most allowed is 6144"},
		{`{"Statement":` + strings.Repeat(" ", maxPolicyBytes) + `}`, "the most allowed is 32768"},
	}
	for _, tt := range tests {
		p, err := ParsePolicy([]byte(tt.document))
		if err == nil || !strings.HasPrefix(err.Error(), "policy: ") || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%.200s\n\tis %v, %v; want an error with %q", tt.document, p, err, tt.says)
		}
	}
}

func TestPolicyRoundTrip(t *testing.T) {
	t.Parallel()
	p := parse(t, " { \"Statement\" :\n{\"Effect\":\"Allow\", \"Action\":\"a:b\" , \"Resource\":\"*\" } } ")
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again Policy
	if err := json.Unmarshal(text, &again); err != nil || string(again.text) != string(p.text) {
		t.Errorf("%s, %v", again.text, err)
	}
	if err := json.Unmarshal([]byte(`{"Statement":[]}`), &again); err == nil {
		t.Error("a bad policy was read")
	}
}

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"?", "", false}, {"a*b*c", "axxbyyc", true}, {"a*b*c", "axxbyy", false},
		{"*a", "aaab", false}, {"*ab", "aaab", true}, {"**", "x", true}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"a*", "b", false},
	} {
		if got := glob(c.pattern, c.text); got != c.want {
			t.Errorf("glob(%q, %q) = %v", c.pattern, c.text, got)
		}
	}
	// Patterns that make naive matchers exponential.
	if glob(strings.Repeat("a*", 1000)+"b", strings.Repeat("a", 5000)) {
		t.Error("it matched")
	}
}

// statements of a small world, in which statements often meet requests.
func drawStatement(t *rapid.T, effect string) string {
	action := rapid.SampledFrom([]string{"*", "apprunner:*", "apprunner:Describe*", "apprunner:DeleteService", "ecr:*"}).Draw(t, "action")
	resource := rapid.SampledFrom([]string{"*", "arn:aws:apprunner:*:*:service/web/*", "arn:aws:apprunner:eu-west-1:*:*", web}).Draw(t, "resource")
	not := func(name string) string {
		if rapid.Bool().Draw(t, "not") {
			return "Not" + name
		}
		return name
	}
	condition := rapid.SampledFrom([]string{
		`{}`, `{"StringEquals":{"aws:ResourceTag/env":"dev"}}`, `{"StringNotEquals":{"aws:ResourceTag/env":"dev"}}`,
		`{"Null":{"aws:ResourceTag/env":"true"}}`, `{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}`,
	}).Draw(t, "condition")
	return fmt.Sprintf(`{"Effect":%q,%q:%q,%q:%q,"Condition":%s}`, effect, not("Action"), action, not("Resource"), resource, condition)
}

func drawRequest(t *rapid.T) Request {
	c := Context{}
	if rapid.Bool().Draw(t, "tagged") {
		c.Set("aws:ResourceTag/env", rapid.SampledFrom([]string{"dev", "prod"}).Draw(t, "env"))
	}
	c.Set("aws:TagKeys", rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 0, 2).Draw(t, "tag keys")...)
	return Request{
		Action:   rapid.SampledFrom([]string{"apprunner:DescribeService", "apprunner:DeleteService", "ecr:PutImage"}).Draw(t, "request action"),
		Resource: rapid.SampledFrom([]string{"*", web, other}).Draw(t, "request resource"), Context: c,
	}
}

// One more Deny never allows more, one more Allow never allows less, wherever it stands.
func TestOneMoreStatement(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var all []string
		for range rapid.IntRange(1, 5).Draw(t, "statements") {
			all = append(all, drawStatement(t, rapid.SampledFrom([]string{"Allow", "Deny"}).Draw(t, "effect")))
		}
		decide := func(statements []string, r Request) Decision {
			p, err := ParsePolicy([]byte(`{"Statement":[` + strings.Join(statements, ",") + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			return p.Allows(r)
		}
		r := drawRequest(t)
		before := decide(all, r)
		effect := rapid.SampledFrom([]string{"Allow", "Deny"}).Draw(t, "one more")
		at := rapid.IntRange(0, len(all)).Draw(t, "at")
		more := append(append(append([]string{}, all[:at]...), drawStatement(t, effect)), all[at:]...)
		after := decide(more, r)
		switch {
		case effect == "Deny" && before != Allowed && after == Allowed:
			t.Fatalf("a Deny allowed it: %s", more)
		case effect == "Allow" && before == Allowed && after != Allowed:
			t.Fatalf("an Allow took it away: %s", more)
		case before == Denied && after != Denied:
			t.Fatalf("a Deny was overruled: %s", more)
		}
	})
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","NotAction":["a:*"],"NotResource":"*","Condition":{"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a","b"]},"Null":{"aws:RequestTag/x":true}}}]}`))
	f.Add([]byte(`{"Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws:apprunner:*:*:service/?/*"}}`))
	f.Add([]byte(`{"Statement":[{"Effect":"Allow","Effect":"Deny"}]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		p, err := ParsePolicy(document)
		if err != nil {
			return
		}
		again, err := ParsePolicy(p.text)
		if err != nil {
			t.Fatalf("%q was read and %q was not: %v", document, p.text, err)
		}
		r := Request{Action: "apprunner:DeleteService", Resource: web, Context: Context{"aws:tagkeys": {"a"}}}
		if diff := cmp.Diff(p.Allows(r), again.Allows(r)); diff != "" {
			t.Fatalf("%q decides otherwise when it is stored", document)
		}
	})
}
