package router

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway/internal/router/direct"
)

const (
	// readHeader is how long a client may take to send a request's header: enough for any real
	// one, too little to hold connections open at no cost.
	readHeader = 10 * time.Second
	// keepAlive is longer than the 60 s after which common load balancers close an idle
	// connection, so that they close first and no request is sent into a closing connection.
	keepAlive = 75 * time.Second

	// frameLimit is the standard's own. net/http would hold up to a megabyte for each connection.
	frameLimit = 16 << 10

	challengePath = "/.well-known/acme-challenge/"
)

// ServerOptions of a Server. All may be left zero.
type ServerOptions struct {
	Private bool        // serve the private hosts and no others
	TLS     *tls.Config // for HTTPS, and HTTP/2 if it offers that
	Log     *slog.Logger
	// Handler serves what net/http does: HTTP/2, and connections that are diverted. The router itself
	// if it is nil.
	Handler http.Handler
	// Divert tells whether requests for a host, in canonical form, go to Handler. Those for ACME's
	// challenges go there, too, if Divert is set.
	Divert func(host string) bool
}

// Server serves the hosts of a router on a listener. HTTP/1.1, which nearly everything is, it speaks
// itself; net/http has the rest.
type Server struct {
	router  *Router
	options ServerOptions
	nowhere service // answers for hosts that no service has
	watch   *watch
	rare    *http.Server
	handed  *handed
	header  time.Duration // readHeader
	idle    time.Duration // keepAlive

	shaking  context.Context // of handshakes; ends with stop
	unshake  context.CancelFunc
	stopping atomic.Bool
	leaving  atomic.Bool  // other connections go elsewhere
	greeting atomic.Int64 // connections of which it is not known yet what they speak
	mu       sync.Mutex
	listener net.Listener
	conns    map[*conn]struct{}
	all      sync.WaitGroup // connections
}

// NewServer makes a server for a router. It has no time limit for whole requests: the router has, per
// service.
func NewServer(r *Router, o ServerOptions) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Handler == nil {
		o.Handler = http.Handler(r)
		if o.Private {
			o.Handler = r.Private()
		}
	}
	s := &Server{router: r, options: o, conns: map[*conn]struct{}{}, handed: newHanded(), header: readHeader, idle: keepAlive}
	s.shaking, s.unshake = context.WithCancel(context.Background())
	s.nowhere.route.Store(&Route{})
	s.rare = &http.Server{
		Handler: o.Handler, ReadHeaderTimeout: readHeader, IdleTimeout: keepAlive, MaxHeaderBytes: headLimit,
		Protocols: new(http.Protocols), HTTP2: &http.HTTP2Config{MaxReadFrameSize: frameLimit}, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	s.rare.Protocols.SetHTTP1(true)
	s.rare.Protocols.SetHTTP2(true)
	s.rare.Protocols.SetUnencryptedHTTP2(true)
	return s
}

// find is the service of a canonical host.
func (s *Server) find(host string) *service {
	if s.options.Private {
		return s.router.findPrivate(host)
	}
	return s.router.find(host)
}

// diverts reports whether net/http serves a request. A client that uses TLS, with a proxy in front, need not
// be told to.
func (s *Server) diverts(host string, target []byte, secure bool) bool {
	return s.options.Divert != nil && (bytes.HasPrefix(target, []byte(challengePath)) || !secure && s.options.Divert(host))
}

// Serve serves a listener until Shutdown or Close, and then returns http.ErrServerClosed.
func (s *Server) Serve(l net.Listener) error {
	watch, err := newWatch()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.watch, s.listener = watch, l
	s.mu.Unlock()
	var helpers sync.WaitGroup
	helpers.Go(watch.run)
	helpers.Go(func() { _ = s.rare.Serve(s.handed) })
	defer helpers.Wait()
	defer watch.close()
	defer s.handed.Close()
	defer s.all.Wait() // they may still be handed over
	return s.accept(l)
}

func (s *Server) accept(l net.Listener) error {
	defer l.Close()
	for pause := time.Duration(0); ; {
		if s.stopping.Load() || s.leaving.Load() {
			return http.ErrServerClosed
		}
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.greeting.Add(1)
			s.all.Go(func() { s.welcome(direct.Wrap(nc)) })
		case s.stopping.Load() || s.leaving.Load():
			return http.ErrServerClosed
		case !temporary(err):
			return err
		default: // such as too many open files: others will be closed
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.options.Log.Error("a connection was not accepted", "error", err, "next try in", pause)
			time.Sleep(pause)
		}
	}
}

func temporary(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Temporary() //nolint:staticcheck // Accept is what it is still right for
}

// welcome finds out what a client speaks.
func (s *Server) welcome(socket net.Conn) {
	if c := s.greet(socket); c != nil {
		c.serve()
	}
}

// greet returns a connection that speaks HTTP/1.1; nil when net/http has it, or nobody.
func (s *Server) greet(socket net.Conn) *conn {
	defer s.greeting.Add(-1)
	nc, scheme := socket, "http"
	if s.options.TLS != nil {
		secure := tls.Server(socket, s.options.TLS)
		if !s.shakeHands(secure, socket) {
			return nil
		}
		nc, scheme = secure, "https"
	}
	c := newConn(s, nc, socket, scheme)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	s.watch.add(c, socket)
	if s.stopping.Load() {
		c.stop()
	}
	return c
}

// shakeHands reports whether the connection is to speak HTTP/1.1 with TLS.
func (s *Server) shakeHands(secure *tls.Conn, socket net.Conn) bool {
	ctx, cancel := context.WithTimeout(s.shaking, s.header)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
			_ = socket.SetWriteDeadline(time.Now().Add(pageGrace))
			_, _ = socket.Write(appendPage(nil, refusal(400, "it is plain HTTP, and this port is for HTTPS"), nil, false, false, false))
		}
		s.options.Log.Debug("no TLS came about", "client", socket.RemoteAddr().String(), "error", err)
		_ = socket.Close()
		return false
	}
	switch secure.ConnectionState().NegotiatedProtocol {
	case "", "http/1.1":
		return true
	}
	s.hand(secure)
	return false
}

func looksLikeHTTP(header [5]byte) bool {
	for _, method := range []string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH"} {
		if strings.HasPrefix(string(header[:]), method) {
			return true
		}
	}
	return false
}

// hand gives a connection to net/http.
func (s *Server) hand(c net.Conn) {
	if !s.handed.put(c) {
		_ = c.Close()
	}
}

func (s *Server) forget(c *conn) {
	s.watch.remove(c)
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// Shutdown stops accepting connections, ends those that wait for a request, and waits until the others
// have had their response. Those that were upgraded have no end to wait for: they are cut then. An error
// tells that ctx ended before; Close ends what is left.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	for _, c := range s.connections() {
		c.stop()
	}
	err := s.rare.Shutdown(ctx)
	for poll := time.NewTicker(5 * time.Millisecond); ; {
		waiting := false
		for _, c := range s.connections() {
			waiting = waiting || !c.tunnelling()
		}
		if !waiting {
			poll.Stop()
			break
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			poll.Stop()
			return ctx.Err()
		}
	}
	for _, c := range s.connections() {
		c.kill()
	}
	return err
}

// Close ends everything at once.
func (s *Server) Close() error {
	s.stop()
	for _, c := range s.connections() {
		c.kill()
	}
	return s.rare.Close()
}

func (s *Server) stop() {
	s.stopping.Store(true)
	s.unshake()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		_ = s.listener.Close()
	}
}

func (s *Server) connections() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}

// handed is a listener of connections that were accepted elsewhere.
type handed struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newHanded() *handed { return &handed{conns: make(chan net.Conn), done: make(chan struct{})} }

func (h *handed) put(c net.Conn) bool {
	select {
	case h.conns <- c:
		return true
	case <-h.done:
		return false
	}
}

// Accept implements net.Listener.
func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handed) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// Addr implements net.Listener.
func (h *handed) Addr() net.Addr { return &net.TCPAddr{} }
