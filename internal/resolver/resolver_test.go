package resolver_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/certificate/acmetest"
	"github.com/slipway-run/slipway/internal/resolver"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	dns := acmetest.StartDNS(t)
	dns.Set(t,
		"plain.example. 60 IN A 192.0.2.1", "both.example. 60 IN A 192.0.2.2", "both.example. 60 IN AAAA 2001:db8::2",
		"alias.example. 60 IN CNAME Second.example.", "second.example. 60 IN CNAME plain.example.",
		"dangling.example. 60 IN CNAME nowhere.example.", "*.wild.example. 60 IN A 192.0.2.3", "empty.example. 60 IN TXT x")
	// More addresses than fit into one packet.
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("many.example. 60 IN A 198.51.100.%d", i))
	}
	dns.Set(t, many...)
	r := resolver.New(dns.Address)
	for name, want := range map[string]struct {
		cname     string
		aliases   []string
		addresses int
	}{
		"plain.example":    {"", nil, 1},
		"PLAIN.example.":   {"", nil, 1},
		"both.example":     {"", nil, 2},
		"alias.example":    {"second.example", []string{"second.example", "plain.example"}, 1},
		"dangling.example": {"nowhere.example", []string{"nowhere.example"}, 0},
		"any.wild.example": {"", nil, 1},
		"empty.example":    {"", nil, 0},
		"none.example":     {"", nil, 0},
		"many.example":     {"", nil, 100},
	} {
		cname, err := r.CNAME(t.Context(), name)
		if cname != want.cname || err != nil {
			t.Errorf("CNAME of %s: %q, %v; want %q", name, cname, err, want.cname)
		}
		aliases, addresses, err := r.Lookup(t.Context(), name)
		if diff := cmp.Diff(want.aliases, aliases); diff != "" || len(addresses) != want.addresses || err != nil {
			t.Errorf("lookup of %s: %d addresses, want %d; %v, aliases (-want +got):\n%s", name, len(addresses), want.addresses, err, diff)
		}
	}
	_, addresses, err := r.Lookup(t.Context(), "both.example")
	if want := []netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::2")}; err != nil || fmt.Sprint(addresses) != fmt.Sprint(want) {
		t.Errorf("addresses %v, %v; want %v", addresses, err, want)
	}
}

func TestServersThatFail(t *testing.T) {
	t.Parallel()
	dns := acmetest.StartDNS(t)
	dns.Fail(true)
	if _, _, err := resolver.New(dns.Address).Lookup(t.Context(), "a.example"); err == nil || !strings.Contains(err.Error(), "answers SERVFAIL for A a.example") {
		t.Errorf("a server that fails: %v", err)
	}
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := resolver.New(silent.LocalAddr().String()).CNAME(ctx, "a.example"); err == nil || !strings.Contains(err.Error(), "for CNAME a.example") {
		t.Errorf("a server that is silent: %v", err)
	}
}

// The servers of this machine are found where it lists them.
func TestServersOfTheMachine(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := resolver.New("").CNAME(ctx, "a.example"); err == nil {
		t.Skip("a server of this machine answered within a millisecond")
	} else if !strings.Contains(err.Error(), "DNS server") {
		t.Errorf("error %v names no server", err)
	}
}
