package conformance

import (
	"testing"

	"github.com/slipway-run/slipway/test/kit"
)

// clients are what App Runner is used with. Each works in a Region of its own, so that they share a
// daemon and do not meet.
var clients = []struct {
	name, region string
	run          func(*testing.T, *kit.Slipway)
}{
	{"Go", "us-east-1", testGo},
	{"boto3", "eu-west-1", testBoto},
	{"JavaScript", "eu-central-1", testJavaScript},
	{"CLI", "us-west-2", testCLI},
	{"states", "us-east-2", testStates},
	{"constraints", "ap-southeast-1", testConstraints},
}

// quota is how many services a Region may have here: few, so that it is quickly full.
const quota = "8"

// config has small quotas, few roles, a private listener, and a name server that nobody is: custom domains wait
// for DNS records that never come.
const config = `timeouts: {start: 6s, stop: 1s}
quotas: {services: ` + quota + `, connections: 3, observability-configurations: 2, vpc-connectors: 2}
roles: {instance: [present], access: [AppRunnerECRAccessRole]}
private-listen: 127.0.0.1:0
domains: {resolver: "127.0.0.1:9"}
`

// TestConformance holds the API to what unmodified clients expect. The name of a test goes on with
// the client, the operation, and what is expected of it.
func TestConformance(t *testing.T) {
	s := kit.Start(t, config)
	s.PushMimic("mimic:v1", "v1")
	t.Run("with", func(t *testing.T) {
		for _, c := range clients {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				own := s.With(t)
				own.Region = c.region
				c.run(t, own)
			})
		}
	})
}
