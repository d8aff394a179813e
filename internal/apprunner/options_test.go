package apprunner

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestOptions(t *testing.T) {
	for name, tc := range map[string]struct {
		key, value string
		want       Options
	}{
		"always on":              {TagIdle, "always-on", Options{Idle: IdleAlwaysOn}},
		"to zero":                {TagScaleToZero, "10m", Options{ScaleToZeroAfter: 10 * time.Minute}},
		"longer requests":        {TagRequestTimeout, "1h", Options{RequestTimeout: time.Hour}},
		"gRPC":                   {TagProtocol, "h2c", Options{Protocol: ProtocolH2C}},
		"CPU":                    {TagScaleCPU, "70%", Options{ScaleCPU: 70}},
		"memory without a sign":  {TagScaleMemory, "80", Options{ScaleMemory: 80}},
		"requests per second":    {TagScaleRPS, "12.5", Options{ScaleRPS: 12.5}},
		"latency":                {TagScaleP95, "300ms", Options{ScaleP95: 300 * time.Millisecond}},
		"canary":                 {TagCanary, "10%/2m", Options{Canary: Canary{10, 2 * time.Minute}}},
		"no rollback":            {TagAutoRollback, "off", Options{KeepFailing: true}},
		"rollback":               {TagAutoRollback, "on", Options{}},
		"HSTS for half a year":   {TagHSTS, "on", Options{HSTS: 4320 * time.Hour}},
		"HSTS for a day":         {TagHSTS, "24h", Options{HSTS: 24 * time.Hour}},
		"addresses":              {TagAllowIPs, "10.1.2.3/8, 192.0.2.7,2001:db8::/32", Options{AllowIPs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8::/32")}}},
		"custom domains only":    {TagDefaultDomain, "off", Options{HideDefault: true}},
		"another secret":         {TagRedeploy, "true", Options{DeploySecret: true}},
		"a build of its own":     {TagBuild, "dockerfile", Options{}},
		"a tag of somebody else": {"team", "slipway:idle", Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.want.Idle == "" {
				tc.want.Idle = IdleThrottle
			}
			if tc.want.Protocol == "" {
				tc.want.Protocol = ProtocolHTTP1
			}
			tags := map[string]string{tc.key: tc.value}
			if err := CheckOptions(tags); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(tc.want, OptionsOf(tags), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
		})
	}
}

// What is wrong is refused with what may be there instead, and counts as not set when it is stored.
func TestOptionsRefused(t *testing.T) {
	for _, tc := range []struct{ key, value, say string }{
		{"slipway:idel", "freeze", `Tag "slipway:idel" is no option of a service. Tags that begin with slipway: are: slipway:allow-ips, slipway:auto-rollback`},
		{TagIdle, "Freeze", `with value "Freeze": it is one of throttle, always-on, freeze.`},
		{TagScaleToZero, "10", "it is a time from 1s to 168h, such as 90s"},
		{TagScaleToZero, "8000h", "it is a time from 1s to 168h"},
		{TagRequestTimeout, "0s", "it is a time from 1s to 24h"},
		{TagProtocol, "h2", "one of http1, h2c"},
		{TagScaleCPU, "0", "from 1% to 100%"},
		{TagScaleCPU, "NaN", "from 1% to 100%"},
		{TagScaleRPS, "-1", "above 0"},
		{TagScaleRPS, "Inf", "above 0"},
		{TagScaleP95, "3m", "from 1ms to 2m"},
		{TagCanary, "10%", "such as 10%/2m"},
		{TagCanary, "100%/2m", "such as 10%/2m"},
		{TagAutoRollback, "no", "it is on or off"},
		{TagHSTS, "forever", "it is on, off or a time"},
		{TagAllowIPs, "10.0.0.0/8,intranet", `"intranet" is neither an IP address nor a range`},
		{TagAllowIPs, ",", "IP addresses and ranges"},
		{TagBuild, "buildpack", "one of dockerfile"},
	} {
		tags := map[string]string{tc.key: tc.value, "team": "blue"}
		err := CheckOptions(tags)
		if CodeOf(err) != InvalidRequest || !strings.Contains(err.Error(), tc.say) {
			t.Errorf("%s=%s: %v", tc.key, tc.value, err)
		}
		if diff := cmp.Diff(OptionsOf(nil), OptionsOf(tags)); diff != "" {
			t.Errorf("%s=%s is stored and counts (-none +got):\n%s", tc.key, tc.value, diff)
		}
	}
}
