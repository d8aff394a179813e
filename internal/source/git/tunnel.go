package git

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"sync"
	"time"
)

// tunnel is the only way out for git over http: a proxy in this process, which looks up each host
// itself and connects to the address that it has checked. So neither a redirect nor a name that means
// something else the next moment leads git to where it must not go.
type tunnel struct {
	git      *Git
	place    place
	token    string // that only this git knows
	listener net.Listener
	server   *http.Server

	mu    sync.Mutex
	fault error // what first kept git from a host
}

func (g *Git) openTunnel(p place) (*tunnel, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for git: %w", err)
	}
	t := &tunnel{git: g, place: p, token: rand.Text(), listener: l}
	t.server = &http.Server{Handler: t, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = t.server.Serve(l) }() // ends with close
	return t, nil
}

func (t *tunnel) close() { _ = t.server.Close() }

func (t *tunnel) url() string {
	return "http://slipway:" + t.token + "@" + t.listener.Addr().String()
}

// reason is what kept git from a host, nil when nothing did.
func (t *tunnel) reason() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fault
}

func (t *tunnel) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fault == nil {
		t.fault = err
	}
}

// ServeHTTP implements http.Handler.
func (t *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("slipway:"+t.token))
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Proxy-Authorization")), []byte(want)) != 1 {
		w.Header().Set("Proxy-Authenticate", "Basic")
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if r.Method == http.MethodConnect {
		t.connect(w, r)
		return
	}
	if r.URL.Scheme != "http" || !t.git.allowsHTTP(r.URL.Host) {
		t.refuse(w, failf("Repository %s leads to %s, without TLS. Give the URL where it is now, or have the operator add %q to source.allow-http.", t.place, r.URL.Host, r.URL.Host))
		return
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(*httputil.ProxyRequest) {}, FlushInterval: -1,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
				return t.git.dial(ctx, "http", address)
			},
			DisableKeepAlives: true, DisableCompression: true,
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { t.refuse(w, t.unreached(r.URL.Host, err)) },
	}
	proxy.ServeHTTP(w, r)
}

func (t *tunnel) refuse(w http.ResponseWriter, err error) {
	t.note(err)
	http.Error(w, "refused", http.StatusForbidden)
}

// connect is for https: the bytes pass as they are.
func (t *tunnel) connect(w http.ResponseWriter, r *http.Request) {
	there, err := t.git.dial(r.Context(), "https", r.Host)
	if err != nil {
		t.refuse(w, t.unreached(r.Host, err))
		return
	}
	defer there.Close()
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	ended := make(chan struct{}, 2)
	pass := func(to net.Conn, from io.Reader) {
		_, _ = io.Copy(to, from)
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		ended <- struct{}{}
	}
	go pass(there, buffered)
	go pass(here, there)
	<-ended
	<-ended
}

// refusal is an address that must not be reached.
type refusal struct{ why error }

func (r *refusal) Error() string { return r.why.Error() }

// unreached says why a host is not reached.
func (t *tunnel) unreached(hostport string, err error) error {
	return unreached(t.place, hostport, err)
}

func unreached(p place, hostport string, err error) error {
	if r, ok := errors.AsType[*refusal](err); ok {
		return failf("Repository %s leads to %s, which is not allowed: %s.", p, hostport, r.why)
	}
	if missing, ok := errors.AsType[*net.DNSError](err); ok && missing.IsNotFound {
		return failf("Repository %s is at a host that does not exist: the DNS does not know %s. Check the URL.", p, missing.Name)
	}
	return &away{failf("The server %s of repository %s cannot be reached: %s. Slipway tried %d times. Check that this machine reaches it, then deploy again.", hostport, p, err, tries)}
}

// connectTime is how long a connection may take.
const connectTime = 20 * time.Second

// dial connects to a host, by way of the proxy that the machine's environment asks for, if any.
func (g *Git) dial(ctx context.Context, scheme, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	via, err := g.proxy(&url.URL{Scheme: scheme, Host: address})
	if err != nil {
		return nil, fmt.Errorf("the proxy in this machine's environment: %w", err)
	}
	if via == nil {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		found, err := g.resolve(ctx, host, port)
		if err != nil {
			return nil, err
		}
		return connectAny(ctx, found)
	}
	return connectVia(ctx, via, address)
}

// resolve returns the addresses of a host that may be reached.
func (g *Git) resolve(ctx context.Context, host, port string) ([]netip.AddrPort, error) {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, err
	}
	var all []netip.AddrPort
	for _, a := range addresses {
		at := netip.AddrPortFrom(a.Unmap().WithZone(""), uint16(number))
		if err := g.check(host, at); err != nil {
			return nil, &refusal{err}
		}
		all = append(all, at)
	}
	return all, nil
}

// check returns why an address must not be reached.
func (g *Git) check(host string, at netip.AddrPort) error {
	if a := at.Addr(); a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return fmt.Errorf("%s is not the address of a server", a)
	}
	if g.config.Refuse == nil {
		return nil
	}
	return g.config.Refuse(host, at)
}

func connectAny(ctx context.Context, addresses []netip.AddrPort) (conn net.Conn, err error) {
	var dialer net.Dialer
	for _, a := range addresses {
		if conn, err = dialer.DialContext(ctx, "tcp", a.String()); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// connectVia asks a proxy for a connection. What the proxy may reach is up to its operator.
func connectVia(ctx context.Context, via *url.URL, address string) (net.Conn, error) {
	port := via.Port()
	if port == "" {
		port = "80"
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(via.Hostname(), port))
	if err != nil {
		return nil, fmt.Errorf("the proxy %s: %w", via.Host, err)
	}
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if via.User != nil {
		password, _ := via.User.Password()
		request.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(via.User.Username()+":"+password)))
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	err = request.Write(conn)
	var response *http.Response
	if err == nil {
		// The server speaks only after the client does, so nothing of it is in the buffer.
		response, err = http.ReadResponse(bufio.NewReaderSize(conn, 16), request) //nolint:bodyclose // the body of this answer is the connection, which is closed below or by the caller
	}
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the proxy %s: %w", via.Host, err), conn.Close())
	}
	return conn, conn.SetDeadline(time.Time{})
}
