package daemon

import (
	"fmt"
	"net/netip"
)

func (c *Config) validateProxies() (errs []error) {
	for _, text := range c.TrustedProxies {
		if _, err := parsePrefix(text); err != nil {
			errs = append(errs, fmt.Errorf("trusted-proxies: %q is neither an IP address nor a range such as 10.0.0.0/8", text))
		}
	}
	return errs
}

// trusted are the addresses of proxies in front; Validate has seen to it that each is one.
func (c *Config) trusted() (all []netip.Prefix) {
	for _, text := range c.TrustedProxies {
		if p, err := parsePrefix(text); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// parsePrefix reads a range of IP addresses, or a single one.
func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}
