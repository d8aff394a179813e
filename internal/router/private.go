package router

import (
	"net/http"
)

// SetPrivateHosts replaces the hosts that Private knows: service ids by host name, without port;
// "*.example.com" stands for every first label. A host may be set before its service is there.
func (r *Router) SetPrivateHosts(hosts map[string]string) {
	table := make(map[string]string, len(hosts))
	for host, id := range hosts {
		table[canonicalHost(host)] = id
	}
	r.private.Store(&table)
}

// Private serves the private hosts and no others. It is for a listener that not everybody reaches.
func (r *Router) Private() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if s := r.findPrivate(canonicalHost(req.Host)); s != nil {
			serve(r, s, w, req)
			return
		}
		writePage(w, req, pageFor(errUnknownHost, req.Host, &Route{}))
	})
}

// findPrivate looks up a canonical host among the private ones.
func (r *Router) findPrivate(host string) *service { return r.service(lookUp(*r.private.Load(), host)) }
