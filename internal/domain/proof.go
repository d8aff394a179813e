package domain

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Resolver asks the DNS.
type Resolver interface {
	// CNAME returns what a name is an alias of, "" when it is none.
	CNAME(ctx context.Context, name string) (string, error)
	// Lookup returns the names that a name leads to, and its addresses.
	Lookup(ctx context.Context, name string) (aliases []string, addresses []netip.Addr, err error)
}

// prover finds out whether the owner of a name wants it to lead to a service.
type prover struct {
	resolver  Resolver
	addresses []netip.Addr // of this Slipway
}

// proved reports whether a record shows that the one who asked for the domain controls its name:
// either the validation record exists, or the name leads to one of targets, the names of the service.
// When it does not, the text says what was found instead.
//
// Names under localhost mean this machine for everybody (RFC 6761), and no DNS has them: whoever
// runs Slipway here controls them.
func (p prover) proved(ctx context.Context, r apprunner.DomainRecord, targets []string) (bool, string) {
	if strings.HasSuffix(r.Host, ".localhost") {
		return true, ""
	}
	value, err := p.resolver.CNAME(ctx, r.Name)
	if err != nil {
		return false, err.Error()
	}
	if strings.EqualFold(value, strings.TrimSuffix(r.Value, ".")) {
		return true, ""
	}
	host := r.Host
	if parent, wildcard := strings.CutPrefix(host, "*."); wildcard {
		host = "slipway-check." + parent // a name that only the wildcard answers
	}
	aliases, addresses, err := p.resolver.Lookup(ctx, host)
	if err != nil {
		return false, err.Error()
	}
	if slices.ContainsFunc(aliases, func(alias string) bool { return slices.Contains(targets, alias) }) {
		return true, ""
	}
	if len(addresses) > 0 {
		if slices.ContainsFunc(addresses, p.ours) {
			return true, ""
		}
		return false, fmt.Sprintf("%s leads to %s, which is not this Slipway, and there is no CNAME %s", r.Host, addresses[0], r.Name)
	}
	return false, fmt.Sprintf("there is neither a CNAME %s nor one of %s that names %s", r.Name, r.Host, strings.Join(targets, " or "))
}

// ours reports whether an address is one that the configuration names.
func (p prover) ours(a netip.Addr) bool { return slices.Contains(p.addresses, a) }
