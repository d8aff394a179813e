package router

import (
	"bytes"
	"net/http"
	"net/netip"
	"strings"

	"github.com/slipway-run/slipway/internal/router/http1"
)

const (
	headerForwardedFor   = "X-Forwarded-For"
	headerForwardedProto = "X-Forwarded-Proto"
	headerForwardedHost  = "X-Forwarded-Host"
)

// among reports whether an address is in one of the ranges.
func among(a netip.Addr, ranges []netip.Prefix) bool {
	for _, p := range ranges {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// forbidden reports whether a client is not served.
func forbidden(client netip.Addr, route *Route) bool {
	return len(route.Allow) > 0 && !among(client, route.Allow)
}

// trusts reports whether an address is that of a proxy whose word about clients counts.
func (r *Router) trusts(a netip.Addr) bool { return among(a, r.options.Trusted) }

// clientBehind finds the client in the addresses that proxies have listed, each the one it was asked by: it
// is the last that is no trusted proxy. What is no address ends the search at the proxy that said so.
func (r *Router) clientBehind(list []byte, proxy netip.Addr) netip.Addr {
	for len(list) > 0 {
		var last []byte
		list, last = lastElement(list)
		a, err := netip.ParseAddr(string(last))
		if err != nil { // some proxies add the port
			a = addressOfClient(string(last))
		}
		if !a.IsValid() {
			return proxy
		}
		if proxy = a.Unmap().WithZone(""); !r.trusts(proxy) {
			return proxy
		}
	}
	return proxy
}

// lastElement cuts the last element off a list with commas.
func lastElement(list []byte) (rest, last []byte) {
	at := bytes.LastIndexByte(list, ',')
	if at >= 0 {
		rest = list[:at]
	}
	last, _ = http1.Element(list[at+1:])
	return rest, last
}

// origin finds out where the request comes from, if that is for a trusted proxy to say. The connection's own
// is known from its beginning.
func (c *conn) origin() {
	c.asked = c.request.Host
	if !c.trusted {
		return
	}
	list, proto := c.list[:0], []byte(nil)
	for i := range c.request.Fields {
		f := &c.request.Fields[i]
		switch {
		case f.Kind != http1.Forwarded:
		case http1.EqualFold(f.Name, "x-forwarded-for"):
			if len(list) > 0 {
				list = append(list, ", "...)
			}
			list = append(list, f.Value...)
		case http1.EqualFold(f.Name, "x-forwarded-proto"):
			proto = f.Value
		case http1.EqualFold(f.Name, "x-forwarded-host") && len(f.Value) > 0:
			c.asked = f.Value
		}
	}
	c.list = list
	c.client = c.server.router.clientBehind(list, c.peer)
	c.secure = saysSecure(string(proto), c.encrypted)
	c.forwarded = c.appendForwarded(c.forwarded[:0], list)
}

// saysSecure is whether the client uses TLS, by a header that may say nothing.
func saysSecure(proto string, otherwise bool) bool {
	switch {
	case strings.EqualFold(proto, "https"):
		return true
	case strings.EqualFold(proto, "http"):
		return false
	}
	return otherwise
}

// appendForwarded makes the headers that tell the instance who the client is, up to the host. List are the
// addresses that proxies before this one have listed.
func (c *conn) appendForwarded(b, list []byte) []byte {
	if c.peer.IsValid() || len(list) > 0 {
		b = append(append(b, headerForwardedFor+": "...), list...)
		if len(list) > 0 && c.peer.IsValid() {
			b = append(b, ", "...)
		}
		if c.peer.IsValid() {
			b = c.peer.AppendTo(b)
		}
		b = append(b, crlf...)
	}
	b = append(append(b, headerForwardedProto+": "...), scheme(c.secure)...)
	return append(b, "\r\n"+headerForwardedHost+": "...)
}

// origin is the same for requests that net/http read.
func (x *exchange) origin() {
	peer := addressOfClient(x.in.RemoteAddr)
	x.client, x.secure, x.trusted = peer, x.router.Secure(x.in), x.router.trusts(peer)
	if x.trusted {
		x.client = x.router.clientBehind([]byte(strings.Join(x.in.Header[headerForwardedFor], ", ")), peer)
	}
}

// Secure reports whether the client of a request uses TLS, here or with a trusted proxy in front.
func (r *Router) Secure(in *http.Request) bool {
	if r.trusts(addressOfClient(in.RemoteAddr)) {
		return saysSecure(in.Header.Get(headerForwardedProto), in.TLS != nil)
	}
	return in.TLS != nil
}

// forward tells the instance who the client is.
func (x *exchange) forward(out http.Header, set func()) {
	if x.trusted {
		if before := strings.Join(x.in.Header[headerForwardedFor], ", "); before != "" {
			out.Set(headerForwardedFor, before) // to which the address of the proxy is added
		}
	}
	set()
	out.Set(headerForwardedProto, scheme(x.secure))
	if host := x.in.Header.Get(headerForwardedHost); x.trusted && host != "" {
		out.Set(headerForwardedHost, host)
	}
}
