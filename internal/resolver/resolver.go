// Package resolver asks the DNS what the standard library does not tell: whether a name is an alias,
// and of what.
package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// timeout bounds one question to one server.
const timeout = 5 * time.Second

// hostConfig lists the servers of this machine.
const hostConfig = "/etc/resolv.conf"

// Resolver asks one server, or those of this machine.
type Resolver struct{ server string }

// New makes a resolver that asks server, an address with a port. "" stands for the servers of this
// machine, which are read anew each time: they may change.
func New(server string) *Resolver { return &Resolver{server: server} }

// Lookup follows a name to its addresses, over the names that it is an alias of. They are in lower
// case, without a dot at the end. A name that does not exist has neither; an error means that no
// server gave an answer.
func (r *Resolver) Lookup(ctx context.Context, name string) (aliases []string, addresses []netip.Addr, err error) {
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		records, err := r.ask(ctx, name, kind)
		if err != nil {
			return nil, nil, err
		}
		names, some := read(records)
		addresses = append(addresses, some...)
		if len(names) > len(aliases) {
			aliases = names
		}
	}
	return aliases, addresses, nil
}

// CNAME returns what a name is an alias of, in lower case, without a dot at the end; "" when it is
// none or does not exist.
func (r *Resolver) CNAME(ctx context.Context, name string) (string, error) {
	records, err := r.ask(ctx, name, dns.TypeCNAME)
	if err != nil {
		return "", err
	}
	for _, record := range records {
		if c, ok := record.(*dns.CNAME); ok && strings.EqualFold(c.Hdr.Name, dns.Fqdn(name)) {
			return plain(c.Target), nil
		}
	}
	return "", nil
}

func read(records []dns.RR) (aliases []string, addresses []netip.Addr) {
	for _, record := range records {
		switch r := record.(type) {
		case *dns.CNAME:
			aliases = append(aliases, plain(r.Target))
		case *dns.A:
			if a, ok := netip.AddrFromSlice(r.A); ok {
				addresses = append(addresses, a.Unmap())
			}
		case *dns.AAAA:
			if a, ok := netip.AddrFromSlice(r.AAAA); ok {
				addresses = append(addresses, a.Unmap())
			}
		}
	}
	return aliases, addresses
}

func plain(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// ask puts a question to the servers in turn, until one answers.
func (r *Resolver) ask(ctx context.Context, name string, kind uint16) ([]dns.RR, error) {
	servers, err := r.servers()
	if err != nil {
		return nil, err
	}
	question := new(dns.Msg)
	question.SetQuestion(dns.Fqdn(name), kind)
	question.SetEdns0(1232, false)
	var errs []error
	for _, server := range servers {
		answer, err := exchange(ctx, question, server)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("ask DNS server %s for %s %s: %w", server, dns.TypeToString[kind], name, err))
		case answer.Rcode == dns.RcodeSuccess:
			return answer.Answer, nil
		case answer.Rcode == dns.RcodeNameError:
			// An alias of a name that does not exist (yet) is still an alias.
			return answer.Answer, nil
		default:
			errs = append(errs, fmt.Errorf("DNS server %s answers %s for %s %s", server, dns.RcodeToString[answer.Rcode], dns.TypeToString[kind], name))
		}
	}
	return nil, errors.Join(errs...)
}

func (r *Resolver) servers() ([]string, error) {
	if r.server != "" {
		return []string{r.server}, nil
	}
	config, err := dns.ClientConfigFromFile(hostConfig)
	if err != nil {
		return nil, fmt.Errorf("find the DNS servers of this machine: %w", err)
	}
	if len(config.Servers) == 0 {
		return nil, fmt.Errorf("%s names no DNS server. Name one as domains.resolver in the configuration", hostConfig)
	}
	servers := make([]string, len(config.Servers))
	for i, s := range config.Servers {
		servers[i] = net.JoinHostPort(s, config.Port)
	}
	return servers, nil
}

// exchange asks over UDP, and again over TCP when the answer did not fit.
func exchange(ctx context.Context, question *dns.Msg, server string) (*dns.Msg, error) {
	client := &dns.Client{Timeout: timeout}
	answer, _, err := client.ExchangeContext(ctx, question, server)
	if err != nil || !answer.Truncated {
		return answer, err
	}
	client.Net = "tcp"
	answer, _, err = client.ExchangeContext(ctx, question, server)
	return answer, err
}
