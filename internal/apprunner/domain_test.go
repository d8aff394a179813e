package apprunner

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var domainNoon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestParseDomainName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"example.com":                            "example.com",
		"Shop.EXAMPLE.com.":                      "shop.example.com",
		"*.example.com":                          "*.example.com",
		"*.login.example.com":                    "*.login.example.com",
		"shop.localhost":                         "shop.localhost",
		"*.localhost":                            "*.localhost",
		"xn--bcher-kva.example":                  "xn--bcher-kva.example",
		"1.example":                              "1.example",
		strings.Repeat("a", 63) + ".example":     strings.Repeat("a", 63) + ".example",
		"abcdefghij.us-east-1.localhost.example": "abcdefghij.us-east-1.localhost.example",
	} {
		if got, err := ParseDomainName(in, "localhost"); got != want || err != nil {
			t.Errorf("%q is %q, %v; want %q", in, got, err, want)
		}
	}
	for in, words := range map[string]string{
		"":                                    "too few parts",
		".":                                   "too few parts",
		"com":                                 "too few parts",
		"localhost":                           "too few parts",
		"*":                                   "too few parts",
		"*.com":                               "too few parts",
		"example..com":                        "its part \"\"",
		".example.com":                        "its part \"\"",
		"-a.example":                          "its part \"-a\"",
		"a-.example":                          "its part \"a-\"",
		strings.Repeat("a", 64) + ".example":  "63 letters",
		strings.Repeat("a.", 126) + "example": "253 characters",
		"login*.example.com":                  "whole first label",
		"a.*.example.com":                     "whole first label",
		"*.*.example.com":                     "whole first label",
		"**.example.com":                      "whole first label",
		"127.0.0.1":                           "ends with a number",
		"*.0.0.1":                             "ends with a number",
		"abcdefghij.us-east-1.localhost":      "belongs to the URLs",
		"*.eu-west-1.localhost":               "belongs to the URLs",
		"us-east-1.localhost":                 "belongs to the URLs",
	} {
		_, err := ParseDomainName(in, "localhost")
		if CodeOf(err) != InvalidRequest || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v, want an InvalidRequest with %q", in, err, words)
		}
	}
}

func FuzzParseDomainName(f *testing.F) {
	for _, s := range []string{"example.com", "*.example.com", "a..b", "*", "", "A.B.", "1.2.3.4", "x.us-east-1.localhost"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := ParseDomainName(s, "localhost")
		if err != nil {
			if CodeOf(err) != InvalidRequest {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if again, err := ParseDomainName(name, "localhost"); again != name || err != nil {
			t.Errorf("%q is %q, which is %q, %v", s, name, again, err)
		}
		if name != strings.ToLower(name) || strings.LastIndexByte(name, '*') > 0 || len(name) > 253 || !strings.Contains(name, ".") {
			t.Errorf("%q is taken as %q", s, name)
		}
	})
}

func TestAddDomain(t *testing.T) {
	t.Parallel()
	running := Service{ID: "1", ARN: "arn-1", Status: ServiceRunning}
	d := func(service, name string, www bool) CustomDomain {
		return CustomDomain{ServiceID: service, Name: name, WWW: www, Status: DomainActive}
	}
	five := Domains{d("1", "a.example", false), d("1", "b.example", true), d("1", "c.example", false), d("1", "d.example", false), d("1", "e.example", false)}
	for reason, c := range map[string]struct {
		all   Domains
		s     Service
		name  string
		www   bool
		code  Code
		words string
	}{
		"the first":                {nil, running, "example.com", true, "", ""},
		"the fifth":                {five[:4], running, "example.com", true, "", ""},
		"domains of others":        {five, Service{ID: "2", Status: ServiceRunning}, "example.com", true, "", ""},
		"a wildcard beside":        {Domains{d("2", "shop.example.com", false)}, running, "*.example.com", false, "", ""},
		"the sixth":                {five, running, "example.com", false, InvalidRequest, "has 5 custom domains"},
		"a wildcard with www":      {nil, running, "*.example.com", true, InvalidRequest, "EnableWWWSubdomain must be false"},
		"a bad name":               {nil, running, "example", false, InvalidRequest, "is not valid"},
		"its own again":            {five[:2], running, "A.example", false, InvalidRequest, "a.example is already associated with service arn-1"},
		"its own www":              {five[:2], running, "www.b.example", false, InvalidRequest, "www.b.example is already associated"},
		"www of its own":           {Domains{d("1", "www.a.example", false)}, running, "a.example", true, InvalidRequest, "www.a.example is already"},
		"of another":               {five[:2], Service{ID: "2", Status: ServiceRunning}, "a.example", false, InvalidRequest, "another service"},
		"of another that failed":   {Domains{{ServiceID: "9", Name: "a.example", Status: DomainCreateFailed}}, running, "a.example", false, InvalidRequest, "another service"},
		"while paused":             {nil, Service{Status: ServicePaused}, "example.com", false, InvalidState, "AssociateCustomDomain is not allowed"},
		"during an operation":      {nil, Service{Status: ServiceInProgress}, "example.com", false, InvalidState, "OPERATION_IN_PROGRESS"},
		"of one that never ran":    {nil, Service{Status: ServiceCreateFailed}, "example.com", false, InvalidState, "CREATE_FAILED"},
		"of one not quite deleted": {nil, Service{Status: ServiceDeleteFailed}, "example.com", false, InvalidState, "DELETE_FAILED"},
		"of one that is deleted":   {nil, Service{Status: ServiceDeleted}, "example.com", false, ResourceNotFound, "is deleted"},
	} {
		got, err := c.all.Add(c.s, c.name, c.www, "localhost", DomainQuota, domainNoon)
		if CodeOf(err) != c.code || err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q with %q", reason, err, c.code, c.words)
		}
		if err != nil {
			continue
		}
		want := CustomDomain{ServiceID: c.s.ID, Name: c.name, WWW: c.www, Status: DomainCreating, CreatedAt: domainNoon, UpdatedAt: domainNoon, Since: domainNoon}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", reason, diff)
		}
	}
}

func TestPrepareDomain(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^_[0-9a-f]{32}\.example\.com\.$`)
	value := regexp.MustCompile(`^_[0-9a-f]{32}\.[0-9a-z]{10}\.acm-validations\.localhost\.$`)
	for _, c := range []struct {
		domain CustomDomain
		hosts  []string
	}{
		{CustomDomain{Name: "example.com"}, []string{"example.com"}},
		{CustomDomain{Name: "*.example.com"}, []string{"*.example.com"}},
		{CustomDomain{Name: "example.com", WWW: true}, []string{"example.com", "www.example.com"}},
	} {
		c.domain.Status = DomainCreating
		d, err := c.domain.Prepare("localhost", domainNoon)
		if err != nil || d.Status != DomainPending || len(d.Records) != len(c.hosts) {
			t.Fatalf("%s: %+v, %v", c.domain.Name, d, err)
		}
		for i, r := range d.Records {
			if r.Host != c.hosts[i] || !name.MatchString(strings.Replace(r.Name, ".www.", ".", 1)) || !value.MatchString(r.Value) || r.Valid {
				t.Errorf("%s: record %+v", c.hosts[i], r)
			}
		}
	}
}

// Whatever happens to a domain, in any order, it keeps to the order of its statuses, can always be
// taken away, and is routed only when control of its names was proved.
func TestDomainLife(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := CustomDomain{Name: "example.com", WWW: rapid.Bool().Draw(t, "www"), Status: DomainCreating}
		now := domainNoon
		do := func(next CustomDomain, err error) {
			before := d
			now = now.Add(time.Second)
			switch {
			case err != nil && CodeOf(err) != InvalidState:
				t.Fatalf("%s: %v", before.Status, err)
			case err == nil && next.Status != before.Status && !slices.Contains(nextDomain[before.Status], next.Status):
				t.Fatalf("%s became %s", before.Status, next.Status)
			case err == nil && next.Status != before.Status && (!next.Since.After(before.Since) || next.Since != next.UpdatedAt):
				t.Fatalf("%s since %v became %s at %v", before.Status, before.Since, next.Status, next.Since)
			case err == nil:
				d = next
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"prepare": func(*rapid.T) { do(d.Prepare("localhost", now)) },
			"prove": func(t *rapid.T) {
				if d.Status == DomainPending {
					do(d.Prove(rapid.SliceOf(rapid.SampledFrom([]string{"example.com", "www.example.com"})).Draw(t, "names"), now))
				}
			},
			"activate": func(*rapid.T) { do(d.To(DomainActive, now)) },
			"fail":     func(*rapid.T) { do(d.Fail("why", now)) },
			"delete": func(*rapid.T) {
				do(d.Delete(now))
				if d.Status != DomainDeleting {
					t.Fatalf("%s cannot be deleted", d.Status)
				}
			},
			"give up deleting": func(*rapid.T) { do(d.To(DomainDeleteFailed, now)) },
			"": func(t *rapid.T) {
				if d.Routed() && !d.Proven() {
					t.Fatalf("%s is routed and not proved: %+v", d.Status, d.Records)
				}
				if d.Status == DomainPending && d.Proven() {
					t.Fatalf("it waits although all is proved: %+v", d.Records)
				}
			},
		})
	})
}

func TestWildcardOf(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"shop.example.com": "*.example.com", "a.b": "*.b", "a": "", "": "", ".a": ""} {
		if got := WildcardOf(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
