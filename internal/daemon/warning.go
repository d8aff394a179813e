package daemon

import (
	"net"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// warnings tells what of a service's configuration this Slipway is not set up to give.
func (d *Daemon) warnings(spec apprunner.Spec) []string {
	_, all := d.config.VPC.egress(spec.Network)
	if spec.Observability.Traces() && d.config.Observability.OTLPEndpoint == "" {
		all = append(all, "Tracing is on, but observability.otlp-endpoint is not configured, so nothing listens on localhost:4317 in the instances.")
	}
	if spec.Network.DualStack && !dualStack(d.http, d.private) {
		all = append(all, "IpAddressType is DUAL_STACK, but nothing listens on IPv6, so the service is reached by IPv4 only. Set http-listen to an address such as [::]:8080.")
	}
	if spec.Network.Private && d.private == nil {
		all = append(all, "The service is private, but private-listen is not configured, so nobody reaches it.")
	}
	return all
}

// dualStack reports whether one of the listeners takes connections by IPv6.
func dualStack(listeners ...net.Listener) bool {
	for _, l := range listeners {
		if l == nil {
			continue
		}
		if tcp, ok := l.Addr().(*net.TCPAddr); ok && tcp.IP.To4() == nil {
			return true
		}
	}
	return false
}
