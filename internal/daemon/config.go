package daemon

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Config is everything that can be set of a daemon. The file and the flags have the same names.
type Config struct {
	Version   string `yaml:"-"` // of the program, to be shown
	DataDir   string `yaml:"-"`
	EngineDir string `yaml:"engine-dir"` // has containerd, its shim, runc, slipway-log and slipway-runc

	APIListen  string `yaml:"api-listen"`  // the API, the registry and the console
	HTTPListen string `yaml:"http-listen"` // applications
	// PrivateListen is where applications with a VPC ingress connection are reached; empty for nowhere.
	PrivateListen string `yaml:"private-listen"`
	// HTTPSListen is where applications are served over TLS; "" for nowhere.
	HTTPSListen string `yaml:"https-listen"`
	// MetricsListen is where Prometheus reads metrics without signing in; "" for nowhere. On APIListen it
	// signs in with an access key.
	MetricsListen string `yaml:"metrics-listen"`
	// TrustedProxies are addresses and ranges of proxies in front, whose X-Forwarded headers count.
	TrustedProxies []string `yaml:"trusted-proxies"`
	Domain         string   `yaml:"domain"`  // of service URLs
	Region         string   `yaml:"region"`  // of the profile and the console; callers choose theirs by signing
	Account        string   `yaml:"account"` // twelve digits

	Registry RegistryConfig `yaml:"registry"`
	Source   SourceConfig   `yaml:"source"`
	Quotas   QuotaConfig    `yaml:"quotas"`
	Throttle ThrottleConfig `yaml:"throttle"`
	Domains  DomainsConfig  `yaml:"domains"`
	ACME     ACMEConfig     `yaml:"acme"`
	Timeouts TimeoutConfig  `yaml:"timeouts"`
	Idle     IdleConfig     `yaml:"idle"`
	Build    BuildConfig    `yaml:"build"`

	AccessLog     AccessLogConfig     `yaml:"access-log"`
	Observability ObservabilityConfig `yaml:"observability"`
	VPC           VPCConfig           `yaml:"vpc"`
	Roles         RoleConfig          `yaml:"roles"`
	Secrets       SecretsConfig       `yaml:"secrets"`
	Events        EventsConfig        `yaml:"events"`
	Logs          LogsConfig          `yaml:"logs"`
	OTLP          OTLPConfig          `yaml:"otlp"`

	LogLevel string `yaml:"log-level"` // debug, info, warn or error

	// TakeOver has this daemon replace the one that runs, if any, without a request dropped.
	TakeOver bool `yaml:"-"`
}

// RegistryConfig is how images are found.
type RegistryConfig struct {
	// Mirrors lists, for a registry host, the URLs of mirrors to try first.
	Mirrors map[string][]string `yaml:"mirrors"`
	// PollInterval is how often a tag in another registry is looked at for automatic deployment.
	PollInterval time.Duration `yaml:"poll-interval"`
	// GarbageAfter is how long an image in the embedded registry that no tag names is kept.
	GarbageAfter time.Duration `yaml:"garbage-after"`
}

// QuotaConfig is the quotas per Region.
type QuotaConfig struct {
	Services                  int `yaml:"services"`
	AutoScalingConfigurations int `yaml:"auto-scaling-configurations"` // names; each may have 5 revisions

	Connections                 int `yaml:"connections"`
	ObservabilityConfigurations int `yaml:"observability-configurations"` // names; each may have 10 revisions
	VPCConnectors               int `yaml:"vpc-connectors"`
	CustomDomains               int `yaml:"custom-domains"` // per service
}

func (q QuotaConfig) resources() apprunner.ResourceQuotas {
	return apprunner.ResourceQuotas{Connections: q.Connections, Observability: q.ObservabilityConfigurations, Connectors: q.VPCConnectors}
}

// ThrottleConfig is how often each access key may call the APIs.
type ThrottleConfig struct {
	Rate  float64 `yaml:"rate"`  // calls per second
	Burst int     `yaml:"burst"` // calls at once, after a rest
}

// ObservabilityConfig is where traces go.
type ObservabilityConfig struct {
	// OTLPEndpoint is host:port of a collector that speaks OTLP over gRPC; empty for none.
	OTLPEndpoint string `yaml:"otlp-endpoint"`
}

// TimeoutConfig is how long instances get.
type TimeoutConfig struct {
	Start     time.Duration `yaml:"start"`      // to become healthy
	Drain     time.Duration `yaml:"drain"`      // for the requests of an instance that is retired
	Stop      time.Duration `yaml:"stop"`       // between SIGTERM and SIGKILL
	ScaleIn   time.Duration `yaml:"scale-in"`   // of low load before instances are removed
	KeepGone  time.Duration `yaml:"keep-gone"`  // how long a deleted service is still described
	QueueWait time.Duration `yaml:"queue-wait"` // for an instance to have room for a request
	Linger    time.Duration `yaml:"linger"`     // of a daemon that was replaced, for its WebSockets and transfers
}

// IdleConfig is what becomes of instances without requests, unless their service asks for something else.
type IdleConfig struct {
	ThrottleAfter time.Duration `yaml:"throttle-after"` // without a request
	FreezeAfter   time.Duration `yaml:"freeze-after"`   // likewise, for services that ask for it
	Spares        int           `yaml:"spares"`         // the most instances that are prepared ahead, of all services together
}

// DefaultConfig is a Slipway on this machine alone, with App Runner's limits.
func DefaultConfig() Config {
	return Config{
		EngineDir: defaultEngineDir(),
		APIListen: "127.0.0.1:7420", HTTPListen: "127.0.0.1:8080",
		Domain: "localhost", Region: "us-east-1", Account: "000000000000",
		Registry: RegistryConfig{PollInterval: time.Minute, GarbageAfter: 24 * time.Hour},
		Source:   defaultSource(),
		Quotas: QuotaConfig{
			Services: 30, AutoScalingConfigurations: apprunner.ScalingNamesQuota,
			Connections: 10, ObservabilityConfigurations: 10, VPCConnectors: 10,
			CustomDomains: apprunner.DomainQuota,
		},
		AccessLog: AccessLogConfig{Lines: 1000, Size: 16 << 20},
		Throttle:  ThrottleConfig{Rate: 20, Burst: 100},
		Timeouts: TimeoutConfig{
			Start: 5 * time.Minute, Drain: 2 * time.Minute, Stop: 30 * time.Second,
			ScaleIn: time.Minute, KeepGone: 24 * time.Hour, QueueWait: 30 * time.Second, Linger: 10 * time.Minute,
		},
		Idle:     IdleConfig{ThrottleAfter: time.Second, FreezeAfter: 5 * time.Second, Spares: 16},
		Build:    defaultBuild(),
		Events:   EventsConfig{Keep: 7 * 24 * time.Hour},
		Logs:     LogsConfig{Retention: 14 * 24 * time.Hour, MaxSize: 1 << 30},
		OTLP:     OTLPConfig{Interval: time.Minute, Sample: 0.01},
		LogLevel: "info",
	}
}

// defaultEngineDir is where the build puts the engine: beside the program.
func defaultEngineDir() string {
	program, err := os.Executable()
	if err != nil {
		return "engine"
	}
	if real, err := filepath.EvalSymlinks(program); err == nil {
		program = real
	}
	return filepath.Join(filepath.Dir(program), "engine")
}

// ConfigFile is the name of the configuration in the data directory.
const ConfigFile = "slipway.yaml"

// Load reads a configuration file over c. A missing file changes nothing, unless it was asked for.
func (c *Config) Load(file string, asked bool) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("configuration %s: %w", file, plain(err))
	}
	return nil
}

// Words of Go in the errors of the YAML package.
var (
	unknownKey  = regexp.MustCompile(`field (\S+) not found in type \S+`)
	wrongForm   = regexp.MustCompile("cannot unmarshal \\S+ `(.*)` into (\\S+)")
	wrongFormOf = map[string]string{"time.Duration": "a duration, such as 30s or 5m", "int": "a whole number", "float64": "a number", "[]string": "a list of URLs"}
)

// plain says without words of Go what is wrong with a configuration file. Lines are named already.
func plain(err error) error {
	wrong, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return err
	}
	var all []string
	for _, text := range wrong.Errors {
		text = unknownKey.ReplaceAllString(text, `there is no setting "$1"`)
		if m := wrongForm.FindStringSubmatch(text); m != nil {
			text = strings.Replace(text, m[0], fmt.Sprintf("%q is not %s", m[1], cmp.Or(wrongFormOf[m[2]], m[2])), 1)
		}
		all = append(all, text)
	}
	return errors.New(strings.Join(all, "; "))
}

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	domainForm  = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
)

// Validate refuses settings that cannot work, each with what is wrong.
func (c *Config) Validate() error {
	errs := c.validateAddresses()
	errs = append(errs, c.Build.validate()...)
	errs = append(errs, c.validateProxies()...)
	errs = append(errs, c.VPC.validate()...)
	errs = append(errs, c.Roles.validate()...)
	errs = append(errs, c.Secrets.validate()...)
	errs = append(errs, c.Events.validate()...)
	errs = append(errs, c.Logs.validate()...)
	errs = append(errs, c.OTLP.validate()...)
	if !accountForm.MatchString(c.Account) {
		errs = append(errs, fmt.Errorf("account %q is not twelve digits", c.Account))
	}
	if !regionForm.MatchString(c.Region) {
		errs = append(errs, fmt.Errorf("region %q is not the name of a Region, such as us-east-1", c.Region))
	}
	if !domainForm.MatchString(c.Domain) {
		errs = append(errs, fmt.Errorf("domain %q is not a domain name in lower case", c.Domain))
	}
	for host, mirrors := range c.Registry.Mirrors {
		for _, mirror := range mirrors {
			if u, err := url.Parse(mirror); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
				errs = append(errs, fmt.Errorf("registry.mirrors of %q: %q is not an http or https URL", host, mirror))
			}
		}
	}
	errs = append(errs, c.validateDomains(), c.Source.validate())
	for name, n := range map[string]int{
		"quotas.services": c.Quotas.Services, "quotas.auto-scaling-configurations": c.Quotas.AutoScalingConfigurations,
		"quotas.connections": c.Quotas.Connections, "quotas.vpc-connectors": c.Quotas.VPCConnectors,
		"quotas.observability-configurations": c.Quotas.ObservabilityConfigurations,
		"throttle.burst":                      c.Throttle.Burst,
		"access-log.lines":                    c.AccessLog.Lines,
	} {
		if n < 1 {
			errs = append(errs, fmt.Errorf("%s is %d: it must be at least 1", name, n))
		}
	}
	if c.Idle.Spares < 0 {
		errs = append(errs, fmt.Errorf("idle.spares is %d: it must be 0, for none, or more", c.Idle.Spares))
	}
	if c.Source.MaxPush < 1<<20 {
		errs = append(errs, fmt.Errorf("source.max-push is %d bytes: it must be at least 1MiB", c.Source.MaxPush))
	}
	errs = append(errs, c.AccessLog.validate()...)
	if !(c.Throttle.Rate > 0) {
		errs = append(errs, fmt.Errorf("throttle.rate is %v: it must be more than nothing", c.Throttle.Rate))
	}
	for name, d := range map[string]time.Duration{
		"registry.poll-interval": c.Registry.PollInterval, "registry.garbage-after": c.Registry.GarbageAfter,
		"timeouts.start": c.Timeouts.Start, "timeouts.drain": c.Timeouts.Drain, "timeouts.stop": c.Timeouts.Stop,
		"timeouts.scale-in": c.Timeouts.ScaleIn, "timeouts.keep-gone": c.Timeouts.KeepGone, "timeouts.queue-wait": c.Timeouts.QueueWait,
		"idle.throttle-after": c.Idle.ThrottleAfter, "idle.freeze-after": c.Idle.FreezeAfter,
		"events.keep":     c.Events.Keep,
		"timeouts.linger": c.Timeouts.Linger,
	} {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("%s is %v: it must be longer than nothing", name, d))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) validateAddresses() []error {
	var errs []error
	for name, address := range map[string]string{
		"api-listen": c.APIListen, "http-listen": c.HTTPListen, "private-listen": c.PrivateListen, "https-listen": c.HTTPSListen,
		"metrics-listen": c.MetricsListen,
	} {
		if address == "" && name != "api-listen" && name != "http-listen" {
			continue
		}
		if _, port, err := net.SplitHostPort(address); err != nil || !isPort(port) {
			errs = append(errs, fmt.Errorf("%s %q is not an address with a port, such as 127.0.0.1:8080", name, address))
		}
	}
	if endpoint := c.Observability.OTLPEndpoint; endpoint != "" {
		if host, port, err := net.SplitHostPort(endpoint); err != nil || host == "" || !isPort(port) {
			errs = append(errs, fmt.Errorf("observability.otlp-endpoint %q is not host:port, such as localhost:4317", endpoint))
		}
	}
	return errs
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n <= 65535
}
