package daemon

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
)

const vpcText = `
observability: {otlp-endpoint: "collector.example:4317"}
vpc:
  subnets:
    subnet-a: [10.1.0.0/16, 10.2.0.0/16]
  security-groups:
    sg-database:
      egress: [{to: 10.1.2.0/24, protocol: tcp, ports: [5432, 8000-8100]}]
    sg-open:
      egress: [{protocol: udp}]
    sg-closed: {}
`

func loadText(t *testing.T, text string) (Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), ConfigFile)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig()
	if err := c.Load(file, true); err != nil {
		return c, err
	}
	return c, c.Validate()
}

func TestEgress(t *testing.T) {
	t.Parallel()
	c, err := loadText(t, vpcText)
	if err != nil {
		t.Fatal(err)
	}
	prefix := netip.MustParsePrefix
	database := engine.EgressRule{To: prefix("10.1.2.0/24"), Protocol: "tcp", Ports: []engine.PortRange{{First: 5432, Last: 5432}, {First: 8000, Last: 8100}}}
	for name, c2 := range map[string]struct {
		subnets, groups []string
		want            *engine.Egress
		warnings        int
	}{
		"rules of a group":         {[]string{"subnet-a"}, []string{"sg-database"}, &engine.Egress{Allow: []engine.EgressRule{database}}, 0},
		"a group without rules":    {[]string{"subnet-a"}, []string{"sg-closed"}, &engine.Egress{}, 0},
		"union of groups":          {[]string{"subnet-a"}, []string{"sg-closed", "sg-database"}, &engine.Egress{Allow: []engine.EgressRule{database}}, 0},
		"a rule without target":    {[]string{"subnet-a"}, []string{"sg-open"}, &engine.Egress{Allow: []engine.EgressRule{{To: prefix("10.1.0.0/16"), Protocol: "udp"}, {To: prefix("10.2.0.0/16"), Protocol: "udp"}}}, 0},
		"no groups":                {[]string{"subnet-a"}, nil, &engine.Egress{Allow: []engine.EgressRule{{To: prefix("10.1.0.0/16")}, {To: prefix("10.2.0.0/16")}}}, 0},
		"an unknown group":         {[]string{"subnet-a"}, []string{"sg-database", "sg-who"}, nil, 1},
		"an unknown subnet":        {[]string{"subnet-x"}, []string{"sg-database"}, &engine.Egress{Allow: []engine.EgressRule{database}}, 1},
		"nothing known":            {[]string{"subnet-x", "subnet-y"}, []string{"sg-who"}, nil, 3},
		"unknown subnet, no group": {[]string{"subnet-x"}, nil, nil, 1},
	} {
		got, warnings := c.VPC.egress(apprunner.Network{VPCConnector: "arn", Subnets: c2.subnets, SecurityGroups: c2.groups})
		if diff := cmp.Diff(c2.want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if len(warnings) != c2.warnings {
			t.Errorf("%s: warnings %q, want %d", name, warnings, c2.warnings)
		}
	}
	if got, warnings := c.VPC.egress(apprunner.Network{}); got != nil || warnings != nil {
		t.Errorf("without a connector: %v, %q", got, warnings)
	}
}

func TestNetworkSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, words string }{
		"port":     {"vpc: {security-groups: {sg-a: {egress: [{ports: [0]}]}}}", `"0" is not a port`},
		"range":    {"vpc: {security-groups: {sg-a: {egress: [{ports: [90-80]}]}}}", `"90-80" is not a port`},
		"protocol": {"vpc: {security-groups: {sg-a: {egress: [{protocol: sctp}]}}}", `protocol "sctp" is not`},
		"v6 rule":  {"vpc: {security-groups: {sg-a: {egress: [{to: \"2001:db8::/32\"}]}}}", "is not a network of IP version 4"},
		"v6":       {"vpc: {subnets: {subnet-a: [\"2001:db8::/32\"]}}", "is not a network of IP version 4"},
		"network":  {"vpc: {subnets: {subnet-a: [10.0.0.0]}}", "10.0.0.0"},
		"endpoint": {"observability: {otlp-endpoint: collector}", "is not host:port"},
		"private":  {"private-listen: here", `private-listen "here"`},
	} {
		if _, err := loadText(t, c.text); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", name, err, c.words)
		}
	}
}
