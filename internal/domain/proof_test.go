package domain

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/certificate/acmetest"
	"github.com/slipway-run/slipway/internal/resolver"
)

// The two ways to prove control of a name, and what is not enough, with a real DNS server.
func TestProof(t *testing.T) {
	t.Parallel()
	dns := acmetest.StartDNS(t)
	dns.Set(t,
		"_abc.valid.example. 60 IN CNAME _DEF.acm-validations.localhost.",
		"_abc.wrong.example. 60 IN CNAME _other.acm-validations.localhost.",
		"alias.example. 60 IN CNAME web.us-east-1.apps.example.",
		"far.example. 60 IN CNAME alias.example.", "private.example. 60 IN CNAME inner.us-east-1.apps.example.", "other.example. 60 IN CNAME other.us-east-1.apps.example.",
		"here.example. 60 IN A 192.0.2.1", "here6.example. 60 IN AAAA 2001:db8::1", "there.example. 60 IN A 198.51.100.1",
		"second.example. 60 IN A 198.51.100.1", "*.wild.example. 60 IN CNAME web.us-east-1.apps.example.",
		"exact.nowild.example. 60 IN A 192.0.2.1")
	p := prover{resolver: resolver.New(dns.Address), addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}}
	for host, why := range map[string]string{
		"valid.example":      "",
		"alias.example":      "",
		"far.example":        "",
		"here.example":       "",
		"here6.example":      "",
		"*.wild.example":     "",
		"private.example":    "", // to the domain of a VPC ingress connection
		"shop.localhost":     "", // means this machine for everybody
		"*.localhost":        "",
		"wrong.example":      "there is neither a CNAME _abc.wrong.example. nor one of wrong.example that names web.us-east-1.apps.example or inner.us-east-1.apps.example",
		"none.example":       "there is neither a CNAME",
		"other.example":      "there is neither a CNAME",
		"there.example":      "there.example leads to 198.51.100.1, which is not this Slipway, and there is no CNAME _abc.there.example.",
		"*.nowild.example":   "there is neither a CNAME",
		"mylocalhost":        "there is neither a CNAME",
		"localhost.attacker": "there is neither a CNAME",
	} {
		r := apprunner.DomainRecord{Host: host, Name: "_abc." + strings.TrimPrefix(host, "*.") + ".", Value: "_def.acm-validations.localhost."}
		ok, text := p.proved(t.Context(), r, []string{"web.us-east-1.apps.example", "inner.us-east-1.apps.example"})
		if ok != (why == "") || !strings.HasPrefix(text, why) {
			t.Errorf("%s: %v %q, want %q", host, ok, text, why)
		}
	}
	dns.Fail(true)
	if ok, why := p.proved(t.Context(), apprunner.DomainRecord{Host: "valid.example", Name: "_abc.valid.example."}, []string{"x"}); ok || !strings.Contains(why, "SERVFAIL") {
		t.Errorf("when the DNS fails: %v %q", ok, why)
	}
}
