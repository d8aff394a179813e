package certificate

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
	"github.com/miekg/dns"
)

// DNS is a name server that takes dynamic updates (RFC 2136). Names in its zones are validated by
// DNS-01, so that nobody needs to reach them and a wildcard gets one certificate.
type DNS struct {
	Server  string        // host:port
	Zones   []string      // that it may be asked to change
	KeyFile string        // the key that signs the updates, as tsig-keygen writes it
	Wait    time.Duration // until all servers of a zone have a change
}

// updater puts the records of DNS-01 into zones.
type updater struct {
	DNS
	key, algorithm, secret string
}

var (
	_ acmez.Solver = (*updater)(nil)
	_ acmez.Waiter = (*updater)(nil)
)

// newUpdater returns nil without a server.
func newUpdater(c DNS) (*updater, error) {
	if c.Server == "" {
		return nil, nil
	}
	u := &updater{DNS: c}
	u.Zones = nil
	for _, zone := range c.Zones {
		u.Zones = append(u.Zones, strings.ToLower(strings.Trim(zone, ".")))
	}
	// The longest that fits is meant.
	slices.SortFunc(u.Zones, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	data, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read acme.dns.key-file: %w", err)
	}
	if err := u.parseKey(string(data)); err != nil {
		return nil, fmt.Errorf("acme.dns.key-file %s: %w", c.KeyFile, err)
	}
	return u, nil
}

var (
	keyName      = regexp.MustCompile(`(?m)^\s*key\s+"?([^"\s{]+)"?\s*\{`)
	keyAlgorithm = regexp.MustCompile(`\balgorithm\s+"?([^"\s;]+)"?\s*;`)
	keySecret    = regexp.MustCompile(`\bsecret\s+"?([A-Za-z0-9+/=]+)"?\s*;`)
)

func (u *updater) parseKey(text string) error {
	name, algorithm, secret := keyName.FindStringSubmatch(text), keyAlgorithm.FindStringSubmatch(text), keySecret.FindStringSubmatch(text)
	if name == nil || algorithm == nil || secret == nil {
		return fmt.Errorf(`it is no key such as: key "slipway" { algorithm hmac-sha256; secret "…"; };`)
	}
	u.key, u.algorithm, u.secret = dns.CanonicalName(name[1]), dns.CanonicalName(algorithm[1]), secret[1]
	return nil
}

// zone returns the zone that a name is in, "" when it is in none. Without a server there is none.
func (u *updater) zone(name string) string {
	if u == nil {
		return ""
	}
	name = strings.TrimPrefix(name, "*.")
	for _, zone := range u.Zones {
		if name == zone || strings.HasSuffix(name, "."+zone) {
			return zone
		}
	}
	return ""
}

// Present implements acmez.Solver.
func (u *updater) Present(ctx context.Context, c acme.Challenge) error {
	return u.change(ctx, c, (*dns.Msg).Insert)
}

// Wait implements acmez.Waiter.
func (u *updater) Wait(ctx context.Context, _ acme.Challenge) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(u.DNS.Wait):
		return nil
	}
}

// CleanUp implements acmez.Solver.
func (u *updater) CleanUp(ctx context.Context, c acme.Challenge) error {
	return u.change(ctx, c, (*dns.Msg).Remove)
}

// updateTime is how long the name server may take.
const updateTime = 10 * time.Second

// change inserts or removes the record of a challenge, and no other of its name: one name may be
// validated more than once at the same time.
func (u *updater) change(ctx context.Context, c acme.Challenge, do func(*dns.Msg, []dns.RR)) error {
	name := c.DNS01TXTRecordName()
	zone := u.zone(strings.TrimPrefix(name, "_acme-challenge."))
	update := new(dns.Msg)
	update.SetUpdate(dns.Fqdn(zone))
	do(update, []dns.RR{&dns.TXT{
		Hdr: dns.RR_Header{Name: dns.Fqdn(name), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60},
		Txt: []string{c.DNS01KeyAuthorization()},
	}})
	update.SetTsig(u.key, u.algorithm, 300, time.Now().Unix())
	client := &dns.Client{Net: "tcp", TsigSecret: map[string]string{u.key: u.secret}, Timeout: updateTime, Dialer: &net.Dialer{Timeout: updateTime}}
	answer, _, err := client.ExchangeContext(ctx, update, u.Server)
	if err != nil {
		return fmt.Errorf("change %s at name server %s: %w", name, u.Server, err)
	}
	if answer.Rcode != dns.RcodeSuccess {
		return fmt.Errorf("change %s at name server %s: it answers %s. Does it let the key %q of acme.dns change zone %s?", name, u.Server, dns.RcodeToString[answer.Rcode], u.key, zone)
	}
	return nil
}
