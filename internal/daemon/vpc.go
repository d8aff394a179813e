package daemon

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd"
)

// VPCConfig says what the ids that VPC connectors name stand for here.
type VPCConfig struct {
	// Subnets are networks by subnet id.
	Subnets map[string][]netip.Prefix `yaml:"subnets"`
	// Groups are rules by security group id.
	Groups map[string]GroupConfig `yaml:"security-groups"`
}

// GroupConfig is a security group.
type GroupConfig struct {
	Egress []EgressConfig `yaml:"egress"`
}

// EgressConfig allows connections.
type EgressConfig struct {
	To       netip.Prefix `yaml:"to"`       // left out: the networks of the connector's subnets
	Protocol string       `yaml:"protocol"` // tcp, udp or icmp; left out: all
	Ports    []PortConfig `yaml:"ports"`    // left out: all
}

// PortConfig is a port, or a range of ports such as 8000-8100.
type PortConfig engine.PortRange

// UnmarshalYAML implements yaml.Unmarshaler.
func (p *PortConfig) UnmarshalYAML(node *yaml.Node) error {
	first, last, isRange := strings.Cut(node.Value, "-")
	if !isRange {
		last = first
	}
	from, err1 := strconv.ParseUint(first, 10, 16)
	to, err2 := strconv.ParseUint(last, 10, 16)
	if err1 != nil || err2 != nil || from == 0 || to < from {
		return fmt.Errorf("line %d: %q is not a port or a range of ports, such as 443 or 8000-8100", node.Line, node.Value)
	}
	p.First, p.Last = int(from), int(to)
	return nil
}

func (c VPCConfig) validate() (errs []error) {
	for _, id := range slices.Sorted(maps.Keys(c.Subnets)) {
		for _, p := range c.Subnets[id] {
			if !p.Addr().Is4() {
				errs = append(errs, fmt.Errorf("vpc.subnets of %q: %q is not a network of IP version 4, such as 10.1.0.0/16", id, p))
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.Groups)) {
		for _, rule := range c.Groups[id].Egress {
			if rule.To.IsValid() && !rule.To.Addr().Is4() {
				errs = append(errs, fmt.Errorf("vpc.security-groups of %q: %q is not a network of IP version 4, such as 10.1.0.0/16", id, rule.To))
			}
			if !slices.Contains([]string{"", "tcp", "udp", "icmp"}, rule.Protocol) {
				errs = append(errs, fmt.Errorf("vpc.security-groups of %q: protocol %q is not tcp, udp or icmp", id, rule.Protocol))
			}
		}
	}
	return errs
}

var everywhere = netip.MustParsePrefix("0.0.0.0/0")

// egress returns what a service with this network may connect to, nil for everything, and warnings
// about ids that are not configured. What such an id stands for is not limited: a security group of
// its kind allows everything, a subnet of its kind is every network. A connector without security
// groups reaches the networks of its subnets.
func (c VPCConfig) egress(n apprunner.Network) (*engine.Egress, []string) {
	if n.VPCConnector == "" {
		return nil, nil
	}
	var warnings []string
	unknown := func(kind, setting, id string) {
		warnings = append(warnings, fmt.Sprintf("The VPC connector names %s %q, which %s of the configuration does not have. It limits nothing.", kind, id, setting))
	}
	var networks []netip.Prefix
	for _, id := range n.Subnets {
		known, ok := c.Subnets[id]
		if !ok {
			unknown("subnet", "vpc.subnets", id)
			known = []netip.Prefix{everywhere}
		}
		networks = append(networks, known...)
	}
	rules := []EgressConfig{{}}
	if len(n.SecurityGroups) > 0 {
		rules = nil
	}
	for _, id := range n.SecurityGroups {
		group, ok := c.Groups[id]
		if !ok {
			unknown("security group", "vpc.security-groups", id)
			group = GroupConfig{Egress: []EgressConfig{{To: everywhere}}}
		}
		rules = append(rules, group.Egress...)
	}
	limits := &engine.Egress{}
	for _, r := range rules {
		targets := networks
		if r.To.IsValid() {
			targets = []netip.Prefix{r.To}
		}
		for _, to := range targets {
			allowed := engine.EgressRule{To: to.Masked(), Protocol: r.Protocol}
			for _, p := range r.Ports {
				allowed.Ports = append(allowed.Ports, engine.PortRange(p))
			}
			if allowed.To == everywhere && allowed.Protocol == "" && len(allowed.Ports) == 0 {
				return nil, warnings
			}
			limits.Allow = append(limits.Allow, allowed)
		}
	}
	return limits, warnings
}

// forwards is what instances find on their own loopback address: the credentials of their role, and the
// collector of their traces.
func (d *Daemon) forwards() map[int]containerd.Offer {
	all := map[int]containerd.Offer{apprunner.CredentialPort: d.inside.Take}
	if endpoint := d.config.Observability.OTLPEndpoint; endpoint != "" {
		all[apprunner.TracePort] = func(_ context.Context, id string, inside net.Conn) {
			d.inBackground(func(ctx context.Context) { d.relay(ctx, id, inside, endpoint) })
		}
	}
	return all
}
