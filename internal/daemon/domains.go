package daemon

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/certificate"
	"github.com/slipway-run/slipway/internal/domain"
	"github.com/slipway-run/slipway/internal/resolver"
	"github.com/slipway-run/slipway/internal/router"
)

// DomainsConfig is how control of custom domains is proved.
type DomainsConfig struct {
	// Resolver is the address of the DNS server that is asked; by default those of this machine.
	Resolver string `yaml:"resolver"`
	// Addresses are those that lead to this Slipway from outside.
	Addresses []string `yaml:"addresses"`
}

// ACMEConfig is who signs the certificates of public names.
type ACMEConfig struct {
	Directory string `yaml:"directory"` // by default that of Let's Encrypt
	Email     string `yaml:"email"`     // where the authority writes to
	CAFile    string `yaml:"ca-file"`   // verifies the directory's own certificate
	Disabled  bool   `yaml:"disabled"`  // the local authority signs everything
	// DNS has names in its zones validated by DNS-01.
	DNS ACMEDNSConfig `yaml:"dns"`
}

// ACMEDNSConfig is a name server that takes dynamic updates (RFC 2136).
type ACMEDNSConfig struct {
	Server  string        `yaml:"server"` // host:port; "" for none
	Zones   []string      `yaml:"zones"`
	KeyFile string        `yaml:"key-file"` // the key that signs updates, as tsig-keygen writes it
	Wait    time.Duration `yaml:"wait"`     // until all servers of a zone have a change
}

func (c ACMEDNSConfig) validate() error {
	if c.Server == "" {
		if len(c.Zones) > 0 || c.KeyFile != "" {
			return errors.New("acme.dns has no server: give the address with port of the name server, such as ns1.example.com:53")
		}
		return nil
	}
	var errs []error
	if host, port, err := net.SplitHostPort(c.Server); err != nil || host == "" || !isPort(port) {
		errs = append(errs, fmt.Errorf("acme.dns.server %q is not host:port, such as ns1.example.com:53", c.Server))
	}
	if len(c.Zones) == 0 || c.KeyFile == "" {
		errs = append(errs, errors.New("acme.dns needs zones, those that its server may be asked to change, and key-file, the key that it knows"))
	}
	for _, zone := range c.Zones {
		if !domainForm.MatchString(strings.ToLower(strings.TrimSuffix(zone, "."))) {
			errs = append(errs, fmt.Errorf("acme.dns.zones: %q is not a domain name", zone))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) validateDomains() error {
	var errs []error
	if r := c.Domains.Resolver; r != "" {
		if _, err := netip.ParseAddrPort(r); err != nil {
			errs = append(errs, fmt.Errorf("domains.resolver %q is not an IP address with a port, such as 127.0.0.1:53", r))
		}
	}
	for _, a := range c.Domains.Addresses {
		if _, err := netip.ParseAddr(a); err != nil {
			errs = append(errs, fmt.Errorf("domains.addresses: %q is not an IP address", a))
		}
	}
	if d := c.ACME.Directory; d != "" {
		if u, err := url.Parse(d); err != nil || u.Host == "" || u.Scheme != "https" {
			errs = append(errs, fmt.Errorf("acme.directory %q is not an https URL", d))
		}
	}
	errs = append(errs, c.ACME.DNS.validate())
	if c.Quotas.CustomDomains < 1 {
		errs = append(errs, fmt.Errorf("quotas.custom-domains is %d: it must be at least 1", c.Quotas.CustomDomains))
	}
	return errors.Join(errs...)
}

// openDomains makes what custom domains and HTTPS need.
func (d *Daemon) openDomains() (err error) {
	c := domain.Config{
		Store: d.store, Resolver: resolver.New(d.config.Domains.Resolver), Journal: journal{d}, Names: d.hosts.names,
		Routed: d.hosts.refresh, Targets: d.hosts.targets, Domain: d.config.Domain, Log: d.log.With("component", "domains"),
	}
	for _, a := range d.config.Domains.Addresses {
		address, err := netip.ParseAddr(a)
		if err != nil {
			return err
		}
		c.Addresses = append(c.Addresses, address.Unmap())
	}
	if d.https != nil {
		if d.certificates, err = d.openCertificates(); err != nil {
			return err
		}
		c.Certificates = d.certificates
	}
	d.domains = domain.NewWorker(c)
	return d.domains.Publish(d.ctx)
}

func (d *Daemon) openCertificates() (*certificate.Manager, error) {
	host, _, err := net.SplitHostPort(d.config.HTTPListen)
	if err != nil {
		return nil, err
	}
	return certificate.Open(certificate.Config{
		DataDir: d.config.DataDir, Directory: d.config.ACME.Directory, Email: d.config.ACME.Email, CAFile: d.config.ACME.CAFile,
		Disabled: d.config.ACME.Disabled, Host: host, HTTPPort: portOf(d.http), HTTPSPort: portOf(d.https),
		DNS:      certificate.DNS(d.config.ACME.DNS),
		Standing: d.standing, Log: d.log.With("component", "certificates"),
	})
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// standing tells what a host name is.
func (d *Daemon) standing(host string) certificate.Standing {
	if name, ok := d.hosts.names.Find(host); ok {
		if name.Wildcard {
			return certificate.Demanded
		}
		return certificate.Custom
	}
	if d.router.Has(host) {
		return certificate.Demanded
	}
	return certificate.Unknown
}

// plain is what plain HTTP answers when there is HTTPS: validations of names, and where else to go.
// The names of services are served as they are; they may be of the local authority.
func (d *Daemon) plain(next http.Handler) http.Handler {
	if d.https == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.certificates.HandleChallenge(w, r) {
			return
		}
		host := router.CanonicalHost(r.Host)
		if d.secured(host) && !d.router.Secure(r) && strings.HasPrefix(r.URL.RequestURI(), "/") {
			to := "https://" + withPort(host, d.https, "443") + r.URL.RequestURI()
			http.Redirect(w, r, to, http.StatusPermanentRedirect) //nolint:gosec // G710: the host is one of a service here
			return
		}
		next.ServeHTTP(w, r)
	})
}

// secured reports whether a host is to be reached by HTTPS alone: custom names that have a certificate, and
// all names of a service whose owner has browsers told so.
func (d *Daemon) secured(host string) bool {
	if name, ok := d.hosts.names.Find(host); ok && name.Secured {
		return d.router.Has(host)
	}
	return d.router.Insists(host)
}

// withPort adds the port of a listener to a host, unless it is the usual one.
func withPort(host string, l net.Listener, usual string) string {
	if _, port, err := net.SplitHostPort(l.Addr().String()); err == nil && port != usual {
		return net.JoinHostPort(host, port)
	}
	return host
}

// scheme is that of service URLs: https where everybody trusts their certificates.
func (d *Daemon) scheme() string {
	if d.https != nil && d.certificates.Public(d.config.Domain) {
		return "https"
	}
	return "http"
}

// hosts has the host names of services, with their custom ones, and keeps the router's the same.
type hosts struct {
	router *router.Router
	names  *domain.Names
	domain string
	asked  func(apprunner.Service) apprunner.Options

	mu      sync.Mutex                   // held from reading names until the router has them
	known   map[string]apprunner.Service // those that the router has
	given   map[string][]string          // the names that it has of them
	private map[string]string            // service ids by the domains of open VPC ingress connections
}

func newHosts(r *router.Router, ours string, asked func(apprunner.Service) apprunner.Options) *hosts {
	return &hosts{router: r, names: &domain.Names{}, domain: ours, asked: asked, known: map[string]apprunner.Service{}, given: map[string][]string{}}
}

// of returns the names that a service is reached by from outside; a private one has none.
func (h *hosts) of(s apprunner.Service) []string {
	switch {
	case s.Spec.Network.Private:
		return nil
	case h.asked(s).HideDefault:
		return h.names.Of(s.ID)
	}
	return append([]string{s.Host(h.domain)}, h.names.Of(s.ID)...)
}

// set gives the router a route, with the hosts of its service.
func (h *hosts) set(s apprunner.Service, route router.Route) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	route.Hosts = h.of(s)
	if err := h.router.SetService(route); err != nil {
		return err
	}
	h.known[s.ID], h.given[s.ID] = s, route.Hosts
	return nil
}

// remove takes a service from the router.
func (h *hosts) remove(s apprunner.Service) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.known, s.ID)
	delete(h.given, s.ID)
	h.router.RemoveService(s.ID)
}

// refresh gives the router the hosts that have changed. A name leaves one service before another can
// get it, so that the order does not matter.
func (h *hosts) refresh() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, s := range h.known {
		if now := h.of(s); !slices.Equal(now, h.given[id]) && h.router.SetHosts(id, now) == nil {
			h.given[id] = now
		}
	}
	h.refreshPrivateLocked()
}

// open lets exactly these VPC ingress connections in.
func (h *hosts) open(connections []apprunner.VPCIngressConnection) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.private = map[string]string{}
	for _, c := range connections {
		if a, err := apprunner.ParseARN(c.ServiceARN); err == nil {
			h.private[c.Domain(h.domain)] = a.ID
		}
	}
	h.refreshPrivateLocked()
}

// refreshPrivateLocked gives the private listener the domains of the connections, and the custom names
// of their services: the records of a private service's domain name the domain of its connection.
func (h *hosts) refreshPrivateLocked() {
	table := map[string]string{}
	for name, id := range h.private {
		table[name] = id
		for _, custom := range h.names.Of(id) {
			table[custom] = id
		}
	}
	h.router.SetPrivateHosts(table)
}

// targets lists what a custom name may be an alias of to lead to a service.
func (h *hosts) targets(s apprunner.Service) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := []string{s.Host(h.domain)}
	for name, id := range h.private {
		if id == s.ID {
			all = append(all, name)
		}
	}
	return all
}
