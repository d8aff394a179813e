package daemon

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultsAreValid(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(c.APIListen, "127.0.0.1:") || !strings.HasPrefix(c.HTTPListen, "127.0.0.1:") {
		t.Errorf("by default it listens on %s and %s; nothing listens beyond loopback unless configured", c.APIListen, c.HTTPListen)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	load := func(t *testing.T, text string) (Config, error) {
		t.Helper()
		file := filepath.Join(t.TempDir(), ConfigFile)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := DefaultConfig()
		return c, c.Load(file, true)
	}
	t.Run("what is set", func(t *testing.T) {
		t.Parallel()
		got, err := load(t, `
api-listen: 0.0.0.0:7000
region: eu-west-1
registry:
  mirrors: {docker.io: ["https://mirror.example"]}
  poll-interval: 5s
quotas: {services: 3, auto-scaling-configurations: 4}
throttle: {rate: 0.5, burst: 7}
timeouts: {start: 1m30s}
`)
		if err != nil {
			t.Fatal(err)
		}
		want := DefaultConfig()
		want.APIListen, want.Region, want.Quotas.Services = "0.0.0.0:7000", "eu-west-1", 3
		want.Quotas.AutoScalingConfigurations, want.Throttle = 4, ThrottleConfig{Rate: 0.5, Burst: 7}
		want.Registry.Mirrors = map[string][]string{"docker.io": {"https://mirror.example"}}
		want.Registry.PollInterval, want.Timeouts.Start = 5*time.Second, 90*time.Second
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("config (-want +got):\n%s", diff)
		}
	})
	for name, c := range map[string]struct{ text, words string }{
		"empty":             {"", ""},
		"comments alone":    {"# nothing\n", ""},
		"unknown key":       {"api-listen: a:1\napi-listenn: b:2\n", "line 2: there is no setting \"api-listenn\""},
		"unknown inner key": {"registry:\n  mirror: {}\n", "there is no setting \"mirror\""},
		"data-dir":          {"data-dir: /x\n", "there is no setting \"data-dir\""},
		"not a duration":    {"timeouts: {start: soon}\n", "soon"},
		"not YAML":          {"a: [", ConfigFile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := load(t, c.text)
			switch {
			case c.words == "" && (err != nil || cmp.Diff(DefaultConfig(), got) != ""):
				t.Errorf("%v, %s", err, cmp.Diff(DefaultConfig(), got))
			case c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words) || !strings.Contains(err.Error(), ConfigFile)):
				t.Errorf("error %v does not name the file and %q", err, c.words)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	file := filepath.Join(t.TempDir(), "none.yaml")
	if err := c.Load(file, false); err != nil {
		t.Errorf("a file that nobody asked for: %v", err)
	}
	if err := c.Load(file, true); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file that was asked for: %v", err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for words, change := range map[string]func(*Config){
		`api-listen "7420" is not an address with a port`:            func(c *Config) { c.APIListen = "7420" },
		`http-listen "127.0.0.1:http" is not an address with a port`: func(c *Config) { c.HTTPListen = "127.0.0.1:http" },
		`http-listen ":70000" is not an address`:                     func(c *Config) { c.HTTPListen = ":70000" },
		`account "12345" is not twelve digits`:                       func(c *Config) { c.Account = "12345" },
		`region "Europe" is not the name of a Region`:                func(c *Config) { c.Region = "Europe" },
		`domain "Example.com" is not a domain name in lower case`:    func(c *Config) { c.Domain = "Example.com" },
		`registry.mirrors of "docker.io": "mirror" is not an http`:   func(c *Config) { c.Registry.Mirrors = map[string][]string{"docker.io": {"mirror"}} },
		"registry.poll-interval is 0s":                               func(c *Config) { c.Registry.PollInterval = 0 },
		"registry.garbage-after is -1ns":                             func(c *Config) { c.Registry.GarbageAfter = -1 },
		"timeouts.start is 0s":                                       func(c *Config) { c.Timeouts.Start = 0 },
		"timeouts.drain is 0s":                                       func(c *Config) { c.Timeouts.Drain = 0 },
		"timeouts.stop is 0s":                                        func(c *Config) { c.Timeouts.Stop = 0 },
		"timeouts.scale-in is 0s":                                    func(c *Config) { c.Timeouts.ScaleIn = 0 },
		"timeouts.keep-gone is 0s":                                   func(c *Config) { c.Timeouts.KeepGone = 0 },
		"timeouts.queue-wait is 0s":                                  func(c *Config) { c.Timeouts.QueueWait = 0 },
		"quotas.auto-scaling-configurations is 0":                    func(c *Config) { c.Quotas.AutoScalingConfigurations = 0 },
		"throttle.burst is 0":                                        func(c *Config) { c.Throttle.Burst = 0 },
		"throttle.rate is -1":                                        func(c *Config) { c.Throttle.Rate = -1 },
		"throttle.rate is NaN":                                       func(c *Config) { c.Throttle.Rate = math.NaN() },
		"quotas.services is 0":                                       func(c *Config) { c.Quotas.Services = 0 },
		"quotas.custom-domains is 0":                                 func(c *Config) { c.Quotas.CustomDomains = 0 },
		`trusted-proxies: "proxy" is neither an IP address nor a`:    func(c *Config) { c.TrustedProxies = []string{"10.0.0.0/8", "proxy"} },
		"access-log.lines is 0":                                      func(c *Config) { c.AccessLog.Lines = 0 },
		"access-log.size is 100 bytes":                               func(c *Config) { c.AccessLog.Size = 100 },
		`https-listen "443" is not an address with a port`:           func(c *Config) { c.HTTPSListen = "443" },
		`domains.resolver "dns.example:53" is not an IP address`:     func(c *Config) { c.Domains.Resolver = "dns.example:53" },
		`domains.addresses: "example.com" is not an IP address`:      func(c *Config) { c.Domains.Addresses = []string{"192.0.2.1", "example.com"} },
		`acme.directory "http://acme.example" is not an https URL`:   func(c *Config) { c.ACME.Directory = "http://acme.example" },
		`acme.dns.server "ns1" is not host:port`: func(c *Config) {
			c.ACME.DNS = ACMEDNSConfig{Server: "ns1", Zones: []string{"a.example"}, KeyFile: "k"}
		},
		`acme.dns needs zones`:                        func(c *Config) { c.ACME.DNS.Server = "ns1:53" },
		`acme.dns has no server`:                      func(c *Config) { c.ACME.DNS.KeyFile = "k" },
		`acme.dns.zones: "a b" is not a domain name`:  func(c *Config) { c.ACME.DNS = ACMEDNSConfig{Server: "ns1:53", Zones: []string{"a b"}, KeyFile: "k"} },
		`roles.access: "[" is not the name of a role`: func(c *Config) { c.Roles.Access = []string{"["} },
		`events.webhooks: the name "a b" must have 1 to 40 letters`: func(c *Config) {
			c.Events.Webhooks = []WebhookConfig{{Name: "a b", URL: "https://example.com"}}
		},
		`events.messages: there is another target with the name "on-call"`: func(c *Config) {
			c.Events.Webhooks = []WebhookConfig{{Name: "on-call", URL: "https://example.com"}}
			c.Events.Messages = []MessageConfig{{Name: "on-call", URLFile: "/f"}}
		},
		`events.webhooks "ops": "web-[" in services is not the name of a service`: func(c *Config) {
			c.Events.Webhooks = []WebhookConfig{{Name: "ops", URL: "https://example.com", Filter: Filter{Services: []string{"web", "web-["}}}}
		},
		`logs.ship: the name "" must have 1 to 40 letters`: func(c *Config) {
			c.Logs.Ship = []ShipConfig{{To: "file", Path: "/f"}}
		},
		`logs.ship: there is another target with the name "disk"`: func(c *Config) {
			c.Logs.Ship = []ShipConfig{{Name: "disk", To: "file", Path: "/f"}, {Name: "disk", To: "file", Path: "/g"}}
		},
		`logs.ship "disk": "" in services is not the name of a service`: func(c *Config) {
			c.Logs.Ship = []ShipConfig{{Name: "disk", To: "file", Path: "/f", Services: []string{""}}}
		},
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("error %v does not say %q", err, words)
		}
	}
	c := DefaultConfig()
	c.Account, c.Region = "", ""
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "account") || !strings.Contains(err.Error(), "region") {
		t.Errorf("error %v does not name both mistakes", err)
	}
	c = DefaultConfig()
	c.APIListen, c.HTTPListen = "127.0.0.1:0", "[::]:0"
	if err := c.Validate(); err != nil {
		t.Errorf("port 0 is any free port: %v", err)
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := ReadInfo(dir); err == nil || !strings.Contains(err.Error(), "no Slipway runs in "+dir) {
		t.Errorf("without a daemon: %v", err)
	}
	want := Info{PID: 7, API: "http://127.0.0.1:7420", Scheme: "http", HTTP: "127.0.0.1:8080", Region: "us-east-1", Account: "000000000000"}
	for range 2 { // written again by the next daemon
		if err := want.write(dir); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := ReadInfo(dir); err != nil || got != want {
		t.Errorf("read %+v, %v", got, err)
	}
	if info, err := os.Stat(filepath.Join(dir, infoFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(filepath.Join(dir, infoFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadInfo(dir); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("half a file: %v", err)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if pid, err := Running(dir); pid != 0 || err != nil {
		t.Errorf("before the first start process %d runs, %v", pid, err)
	}
	held, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := Running(dir); pid != os.Getpid() || err != nil {
		t.Errorf("process %d runs, %v; want this one", pid, err)
	}
	if _, err := lock(dir); err == nil || !strings.Contains(err.Error(), "another Slipway runs in "+dir) {
		t.Errorf("the second daemon: %v", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if pid, err := Running(dir); pid != 0 || err != nil {
		t.Errorf("after its end process %d runs, %v", pid, err)
	}
	again, err := lock(dir)
	if err != nil {
		t.Fatalf("the next daemon: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// What the page about the configuration shows is one.
func TestDocumentedConfiguration(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```yaml\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		t.Fatal("the page shows no configuration")
	}
	file := filepath.Join(t.TempDir(), ConfigFile)
	if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
		t.Fatal(err)
	}
	config := DefaultConfig()
	if err := config.Load(file, true); err != nil {
		t.Error(err)
	}
	if err := config.Validate(); err != nil {
		t.Error(err)
	}
}
