package router

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway/internal/router/accesslog"
)

// Observer hears of what somebody should act on at once. Its methods are called by the request
// that found it out, perhaps under a lock: they must neither block nor call the router.
type Observer interface {
	// InstanceFailed tells that an instance refused a connection or broke one off.
	InstanceFailed(serviceID, instanceID string, err error)
	// Demand tells that requests wait, or that more than Route.Target are in flight per
	// instance. It is told once until the next Sample of the service.
	Demand(serviceID string)
	// Wake tells that an instance that is asleep is needed. It gets requests when Awake says so, and
	// is not asked for again unless it sleeps again.
	Wake(serviceID, instanceID string)
}

// Options of a Router. All may be left zero.
type Options struct {
	Observer     Observer
	Log          *slog.Logger
	RequestLimit time.Duration  // of a request, first to last byte; 120 s as App Runner has
	QueueWait    time.Duration  // longest wait for an instance; 30 s
	Dial         Dial           // connects to instances; TCP
	Trusted      []netip.Prefix // proxies whose X-Forwarded headers count; none
	Access       *accesslog.Log // has a line for each request; none
	Tracing      *Tracing       // is told of requests; none
}

func (o *Options) defaults() {
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.RequestLimit == 0 {
		o.RequestLimit = 120 * time.Second
	}
	if o.QueueWait == 0 {
		o.QueueWait = 30 * time.Second
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: connectTimeout}).DialContext
	}
}

type nobody struct{}

func (nobody) InstanceFailed(string, string, error) {}
func (nobody) Demand(string)                        {}
func (nobody) Wake(string, string)                  {}

// Router serves the hosts of all services. Its table may be changed while it serves.
type Router struct {
	options Options
	hosts   atomic.Pointer[map[string]*service] // never changed, only replaced
	private atomic.Pointer[map[string]string]   // service ids, likewise

	mu       sync.Mutex // guards the table's writers and services
	services map[string]*service
}

// service is one service of the table.
type service struct {
	id      string
	name    string
	route   atomic.Pointer[Route]
	gate    gate
	log     *accesslog.Writer // nil for none
	tracing *Tracing          // likewise

	mu    sync.Mutex
	tally tally // requests that have ended, refused ones included
}

// New makes a router with an empty table.
func New(o Options) *Router {
	o.defaults()
	r := &Router{options: o, services: map[string]*service{}}
	r.hosts.Store(&map[string]*service{})
	r.private.Store(&map[string]string{})
	return r
}

// SetService adds a service or changes the route of one, whose instances and requests stay.
// Leaving the state Serving refuses the requests that wait; those in flight go on.
func (r *Router) SetService(route Route) error {
	if err := route.validate(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.services[route.ServiceID]
	if s == nil {
		s = r.newService(route.ServiceID, route.Name)
	}
	hosts, err := r.hostsWithLocked(s, route.Hosts)
	if err != nil {
		return err
	}
	r.services[route.ServiceID] = s
	s.route.Store(&route)
	s.gate.setCanary(route.CanaryPercent)
	s.gate.setMost(route.MaxInstances)
	s.gate.configure(route.MaxConcurrency, route.target(), closedBy(route.State))
	r.hosts.Store(&hosts)
	return nil
}

// SetHosts changes the hosts of a service and nothing else of it.
func (r *Router) SetHosts(serviceID string, hosts []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.services[serviceID]
	if s == nil {
		return fmt.Errorf("set hosts of service %q: %w", serviceID, ErrNotFound)
	}
	route := *s.route.Load()
	route.Hosts = hosts
	if err := route.validate(); err != nil {
		return err
	}
	table, err := r.hostsWithLocked(s, hosts)
	if err != nil {
		return err
	}
	s.route.Store(&route)
	r.hosts.Store(&table)
	return nil
}

// hostsWithLocked is the table with hosts as those of s.
func (r *Router) hostsWithLocked(s *service, hosts []string) (map[string]*service, error) {
	table := maps.Clone(*r.hosts.Load())
	maps.DeleteFunc(table, func(_ string, other *service) bool { return other == s })
	for _, h := range hosts {
		h = canonicalHost(h)
		if other := table[h]; other != nil && other != s {
			return nil, fmt.Errorf("set route of service %q: host %q belongs to service %q", s.id, h, other.id)
		}
		table[h] = s
	}
	return table, nil
}

func (r *Router) newService(id, name string) *service {
	s := &service{id: id, name: name, tracing: r.options.Tracing}
	s.gate.meter = newMeter()
	s.gate.demand = func() { r.options.Observer.Demand(id) }
	s.gate.wake = func(instanceID string) { r.options.Observer.Wake(id, instanceID) }
	if r.options.Access != nil {
		s.log = r.options.Access.Service(id, name)
	}
	return s
}

func closedBy(s State) error {
	switch s {
	case Serving:
		return nil
	case Paused:
		return errPaused
	case Failed:
		return errFailed
	default:
		return errPending
	}
}

// RemoveService forgets a service. Requests that wait are refused, those in flight are cut. An
// unknown service is no error.
func (r *Router) RemoveService(serviceID string) {
	r.mu.Lock()
	s := r.services[serviceID]
	if s == nil {
		r.mu.Unlock()
		return
	}
	delete(r.services, serviceID)
	hosts := maps.Clone(*r.hosts.Load())
	maps.DeleteFunc(hosts, func(_ string, other *service) bool { return other == s })
	r.hosts.Store(&hosts)
	r.mu.Unlock()

	s.gate.configure(1, 1, errRemoved)
	s.gate.removeAll()
}

// AddInstance adds an instance to a service, or changes the health of one that it has.
func (r *Router) AddInstance(serviceID string, in Instance) error {
	s := r.service(serviceID)
	if s == nil {
		return fmt.Errorf("add instance %q to service %q: %w", in.ID, serviceID, ErrNotFound)
	}
	s.gate.add(in, r.build)
	return nil
}

// Switch makes set the instances of a service in one step, as the end of a deployment does. It
// returns the ids of those that left the rotation: they keep the requests they have until Drain
// or RemoveInstance.
func (r *Router) Switch(serviceID string, set []Instance) (retired []string, err error) {
	s := r.service(serviceID)
	if s == nil {
		return nil, fmt.Errorf("switch instances of service %q: %w", serviceID, ErrNotFound)
	}
	return s.gate.replace(set, r.build), nil
}

// SetHealthy says whether an instance gets requests. An unknown one is ignored: it may have left
// meanwhile.
func (r *Router) SetHealthy(serviceID, instanceID string, healthy bool) {
	if s := r.service(serviceID); s != nil {
		s.gate.setHealthy(instanceID, healthy)
	}
}

// RemoveInstance takes out an instance that is dead. Requests in flight on it are cut, and tried
// again on another instance where that is safe. An unknown one is ignored.
func (r *Router) RemoveInstance(serviceID, instanceID string) {
	if s := r.service(serviceID); s != nil {
		s.gate.remove(instanceID)
	}
}

// Drain takes an instance out of rotation and returns when its last request has ended. When the time
// of ctx is over before, it cuts those that are left and returns an error that counts them. When ctx is
// cancelled, it returns its error and leaves them: somebody else waits for them. An instance that is gone
// is drained.
func (r *Router) Drain(ctx context.Context, serviceID, instanceID string) error {
	if s := r.service(serviceID); s != nil {
		return s.gate.drain(ctx, instanceID)
	}
	return nil
}

// Sample returns the demand on a service since the previous sample. It belongs to the one that
// scales the service: it starts a new peak and average. False means that there is no such service.
func (r *Router) Sample(serviceID string) (Sample, bool) {
	s := r.service(serviceID)
	if s == nil {
		return Sample{}, false
	}
	return s.gate.sample(), true
}

// Stats returns the counts of a service; anyone may ask at any time.
func (r *Router) Stats(serviceID string) (Stats, bool) { return r.stats(serviceID, false) }

// Collect returns what Stats does and begins new extremes: the highest load, the shortest and longest
// durations. It belongs to the one that keeps metrics.
func (r *Router) Collect(serviceID string) (Stats, bool) { return r.stats(serviceID, true) }

func (r *Router) stats(serviceID string, collect bool) (Stats, bool) {
	s := r.service(serviceID)
	if s == nil {
		return Stats{}, false
	}
	stats := s.gate.stats(collect)
	s.mu.Lock()
	defer s.mu.Unlock()
	stats.Service = Tally(s.tally)
	if collect {
		s.tally.Latency.restart()
	}
	return stats, true
}

// ServeHTTP answers a request by an instance of the service that its host names.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	s := r.find(canonicalHost(req.Host))
	if s == nil {
		writePage(w, req, pageFor(errUnknownHost, req.Host, &Route{}))
		return
	}
	serve(r, s, w, req)
}

func (r *Router) find(host string) *service { return lookUp(*r.hosts.Load(), host) }

// lookUp finds a canonical host: itself, then the wildcard that covers its first label.
func lookUp[V any](hosts map[string]V, host string) V {
	found, ok := hosts[host]
	if dot := strings.IndexByte(host, '.'); !ok && dot > 0 {
		return hosts["*"+host[dot:]]
	}
	return found
}

// Has reports whether a host leads to a service.
func (r *Router) Has(host string) bool { return r.find(canonicalHost(host)) != nil }

// Insists reports whether a host leads to a service that wants to be reached by HTTPS alone.
func (r *Router) Insists(host string) bool {
	s := r.find(canonicalHost(host))
	return s != nil && s.route.Load().HSTS > 0
}

func (r *Router) service(id string) *service {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.services[id]
}

func (r *Router) build(in Instance) *instance { return newInstance(in, r.options.Dial) }

func (s *service) record(o outcome) {
	s.mu.Lock()
	s.tally.add(o)
	s.mu.Unlock()
}
