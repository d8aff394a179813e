package apprunner

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Options is what a service wants beyond App Runner. Its owner asks for it with tags of the service,
// which every client of the API can set; they take effect at once and deploy nothing.
type Options struct {
	Idle             Idle
	ScaleToZeroAfter time.Duration // without a request; 0 for never
	RequestTimeout   time.Duration // first to last byte; 0 for RequestTimeout
	Protocol         Protocol      // that instances are asked in

	ScaleCPU    float64       // percent of the configured CPU to use before instances are added; 0 for no such driver
	ScaleMemory float64       // percent of the configured memory, likewise
	ScaleRPS    float64       // requests per second and instance, likewise
	ScaleP95    time.Duration // latency that 95 of 100 requests stay under, likewise

	Canary       Canary
	KeepFailing  bool // no automatic rollback of what was deployed and fails more than what was before
	HSTS         time.Duration
	AllowIPs     []Prefix // whose requests are served; empty for everybody
	HideDefault  bool     // the default domain leads nowhere, only custom domains do
	DeploySecret bool     // again when a secret has another value
}

// Idle is what becomes of instances without requests.
type Idle string

// What instances without requests may become.
const (
	IdleThrottle Idle = "throttle"  // they keep next to no CPU, as App Runner does
	IdleAlwaysOn Idle = "always-on" // they keep their CPU
	IdleFreeze   Idle = "freeze"    // they stand still and keep their memory
)

// Protocol is what instances are asked in.
type Protocol string

// The protocols of instances.
const (
	ProtocolHTTP1 Protocol = "http1"
	ProtocolH2C   Protocol = "h2c" // HTTP/2 without TLS, as gRPC servers speak it
)

// Canary is how a deployment begins: a share of the requests, for a time.
type Canary struct {
	Percent int // 1–99; 0 for none
	For     time.Duration
}

// TagPrefix begins the keys of the tags that are options.
const TagPrefix = "slipway:"

// The tags that are options of a service.
const (
	TagIdle           = "slipway:idle"
	TagScaleToZero    = "slipway:scale-to-zero-after"
	TagRequestTimeout = "slipway:request-timeout"
	TagProtocol       = "slipway:protocol"
	TagScaleCPU       = "slipway:scale-cpu"
	TagScaleMemory    = "slipway:scale-memory"
	TagScaleRPS       = "slipway:scale-rps"
	TagScaleP95       = "slipway:scale-p95"
	TagCanary         = "slipway:canary"
	TagAutoRollback   = "slipway:auto-rollback"
	TagHSTS           = "slipway:hsts"
	TagAllowIPs       = "slipway:allow-ips"
	TagDefaultDomain  = "slipway:default-domain"
	TagRedeploy       = "slipway:redeploy-on-secret-change"
	TagBuild          = "slipway:build"      // "dockerfile"
	TagDockerfile     = "slipway:dockerfile" // path from the source directory
)

// option reads the value of one tag into Options.
type option func(o *Options, value string) error

var options = map[string]option{
	TagIdle: func(o *Options, v string) (err error) {
		o.Idle, err = choice(v, IdleThrottle, IdleAlwaysOn, IdleFreeze)
		return err
	},
	TagScaleToZero: func(o *Options, v string) (err error) {
		o.ScaleToZeroAfter, err = duration(v, time.Second, 7*24*time.Hour)
		return err
	},
	TagRequestTimeout: func(o *Options, v string) (err error) {
		o.RequestTimeout, err = duration(v, time.Second, 24*time.Hour)
		return err
	},
	TagProtocol: func(o *Options, v string) (err error) {
		o.Protocol, err = choice(v, ProtocolHTTP1, ProtocolH2C)
		return err
	},
	TagScaleCPU:    func(o *Options, v string) (err error) { o.ScaleCPU, err = percent(v); return err },
	TagScaleMemory: func(o *Options, v string) (err error) { o.ScaleMemory, err = percent(v); return err },
	TagScaleRPS:    func(o *Options, v string) (err error) { o.ScaleRPS, err = rate(v); return err },
	TagScaleP95: func(o *Options, v string) (err error) {
		o.ScaleP95, err = duration(v, time.Millisecond, RequestTimeout)
		return err
	},
	TagCanary:        func(o *Options, v string) (err error) { o.Canary, err = canary(v); return err },
	TagAutoRollback:  func(o *Options, v string) error { on, err := onOff(v); o.KeepFailing = !on; return err },
	TagHSTS:          func(o *Options, v string) (err error) { o.HSTS, err = hsts(v); return err },
	TagAllowIPs:      func(o *Options, v string) (err error) { o.AllowIPs, err = prefixes(v); return err },
	TagDefaultDomain: func(o *Options, v string) error { on, err := onOff(v); o.HideDefault = !on; return err },
	TagRedeploy:      func(o *Options, v string) (err error) { o.DeploySecret, err = onOff(v); return err },
	TagBuild:         func(_ *Options, v string) error { _, err := choice(v, "dockerfile"); return err },
	TagDockerfile:    func(*Options, string) error { return nil },
}

// OptionsOf reads the options among the tags of a service. A tag that says nothing sensible counts as
// not set: CheckOptions has told whoever set it.
func OptionsOf(tags map[string]string) Options {
	o := Options{Idle: IdleThrottle, Protocol: ProtocolHTTP1}
	for key, value := range tags {
		if read := options[key]; read != nil {
			if next := o; read(&next, value) == nil {
				o = next
			}
		}
	}
	return o
}

// CheckOptions refuses tags of a service that look like options and are none. The error is
// InvalidRequest and names the tag and what it may be.
func CheckOptions(tags map[string]string) error {
	var o Options
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if !strings.HasPrefix(key, TagPrefix) {
			continue
		}
		read := options[key]
		if read == nil {
			return Errorf(InvalidRequest, "Tag %q is no option of a service. Tags that begin with %s are: %s.",
				key, TagPrefix, strings.Join(slices.Sorted(maps.Keys(options)), ", "))
		}
		if err := read(&o, tags[key]); err != nil {
			return Errorf(InvalidRequest, "Tag %q with value %q: %v.", key, tags[key], err)
		}
	}
	return nil
}
