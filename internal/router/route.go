package router

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// State says what the hosts of a service answer.
type State int

// The states of a route.
const (
	Pending State = iota // nothing is deployed yet: 503 with Reason
	Serving              // requests go to instances, and wait for one when there is none
	Paused               // 503 with how to resume
	Failed               // the first deployment failed: 503 with Reason
)

// Route is what the router knows of a service, apart from its instances.
type Route struct {
	ServiceID string
	Name      string   // for the pages
	Hosts     []string // without port, in any case; "*.example.com" stands for every first label
	State     State
	Reason    string // one sentence for the page of a Pending or Failed service; may be empty

	// MaxConcurrency is how many requests one instance gets at a time; at least 1.
	MaxConcurrency int
	// MaxInstances is how many instances the service may come to have. As many requests as those take
	// may wait for them to start. 0 if that is not known.
	MaxInstances int
	// Target is how many requests in flight per instance are enough to tell Observer.Demand.
	// 0 means MaxConcurrency: then it is told when a request has to wait.
	Target int
	// CanaryPercent is how many of a hundred requests go to the instances that are canaries. The others
	// get the rest, and never wait for a canary; without any other, canaries get all.
	CanaryPercent int
	// RequestLimit bounds a request from its first to its last byte. 0 means the router's own
	// limit, a negative value none. It ends when a connection is upgraded.
	RequestLimit time.Duration
	// HSTS is how long browsers shall use nothing but HTTPS for the hosts; 0 says nothing. Only
	// responses over HTTPS say it (RFC 6797, section 7.2), unless the application does itself.
	HSTS time.Duration
	// Allow lists the addresses of clients that are served; empty for all. It is the address of the
	// connection that counts, unless that is of one of Options.Trusted.
	Allow []netip.Prefix
	// H2C has instances asked in HTTP/2 without TLS.
	H2C bool
}

// Instance is a place to send requests of a service to.
type Instance struct {
	ID      string
	Address netip.AddrPort
	Healthy bool
	// Asleep is that it has to be woken before it gets a request. It counts when the instance is new to
	// the router; from then on Sleep and Awake tell.
	Asleep bool
	// Canary is that it gets its share of requests only: Route.CanaryPercent.
	Canary bool
	// MaxConcurrency is how many requests it gets at a time; 0 for that of the route.
	MaxConcurrency int
}

// ErrNotFound tells that the router has no such service.
var ErrNotFound = errors.New("the router has no such service")

func (r Route) validate() error {
	if r.ServiceID == "" {
		return errors.New("set route: the service id is empty")
	}
	if r.MaxConcurrency < 1 {
		return fmt.Errorf("set route of service %q: MaxConcurrency is %d, the least is 1", r.ServiceID, r.MaxConcurrency)
	}
	for _, h := range r.Hosts {
		if canonicalHost(h) == "" {
			return fmt.Errorf("set route of service %q: host %q names nothing", r.ServiceID, h)
		}
	}
	return nil
}

func (r Route) target() int {
	if r.Target > 0 {
		return r.Target
	}
	return r.MaxConcurrency
}

// CanonicalHost is how the router compares host names: without port, in lower case, without a dot at
// the end.
func CanonicalHost(host string) string { return canonicalHost(host) }

// canonicalHost is the key of a Host header in the table: no port, lower case, no trailing dot.
func canonicalHost(host string) string {
	if strings.HasPrefix(host, "[") { // an IPv6 address: its colons are not a port's
		if end := strings.IndexByte(host, ']'); end > 0 {
			return strings.ToLower(host[1:end])
		}
		return ""
	}
	if colon := strings.IndexByte(host, ':'); colon >= 0 {
		host = host[:colon]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
