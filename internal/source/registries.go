package source

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/engine"
)

// Credentials knows what `slipway registry login` was told.
type Credentials interface {
	// For returns the credentials for a registry's host; ok is false when there are none.
	For(ctx context.Context, host string) (user, password string, ok bool, err error)
}

// AWS knows how to become a role in AWS and log in to a registry there.
type AWS interface {
	// Login returns the credentials for a private ECR host, as the role with an ARN, or as itself
	// without one. The error is an *engine.Error.
	Login(ctx context.Context, host, role string) (user, password string, err error)
}

// Embedded is the embedded registry, in this process. An error that wraps fs.ErrNotExist says that
// the repository, the tag or the content does not exist, and which.
type Embedded interface {
	// Resolve returns the digest that a tag names; a digest is checked to exist.
	Resolve(ctx context.Context, repo, tag string) (digest string, err error)
	// Content returns a manifest or a configuration.
	Content(ctx context.Context, repo, digest string) ([]byte, error)
}

// Config of Registries.
type Config struct {
	// Mirrors are URLs to try, in order, before a host itself: "docker.io" to
	// "https://mirror.example" or "https://harbor.example/docker-hub", whose path comes before the
	// repository's name. With http:// the mirror is asked without TLS.
	Mirrors map[string][]string
	// Credentials may be nil.
	Credentials Credentials
	// AWS may be nil; images in registries of AWS are then asked for without credentials.
	AWS      AWS
	Embedded Embedded
	// EmbeddedEndpoint is where the engine pulls from the embedded registry.
	EmbeddedEndpoint engine.Endpoint
	Log              *slog.Logger
}

// Registries finds images. Its methods may be called concurrently.
type Registries struct {
	cfg     Config
	mirrors map[string][]server
	http    *http.Transport
}

// server is one place to ask: a host itself or a mirror of it.
type server struct {
	scheme string // "http" or "https"
	host   string // with its port
	prefix string // before the repository's name, "" or "docker-hub"
	login  string // host that credentials are kept for
}

// NewRegistries checks the configuration.
func NewRegistries(cfg Config) (*Registries, error) {
	r := &Registries{cfg: cfg, mirrors: make(map[string][]server), http: newTransport()}
	for host, urls := range cfg.Mirrors {
		for _, u := range urls {
			m, err := parseMirror(u)
			if err != nil {
				return nil, fmt.Errorf("registry.mirrors of %q: %w", host, err)
			}
			host = strings.ToLower(host)
			r.mirrors[host] = append(r.mirrors[host], m)
		}
	}
	return r, nil
}

func newTransport() *http.Transport {
	return http.DefaultTransport.(*http.Transport).Clone()
}

// Close ends idle connections.
func (r *Registries) Close() { r.http.CloseIdleConnections() }

func parseMirror(text string) (server, error) {
	u, err := url.Parse(text)
	if err != nil {
		return server{}, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return server{}, fmt.Errorf("mirror %q must be http:// or https://, a host and at most a path", text)
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix == "v2" || strings.HasPrefix(prefix, "v2/") {
		prefix = strings.Trim(strings.TrimPrefix(prefix, "v2"), "/")
	}
	return server{scheme: u.Scheme, host: u.Host, prefix: prefix, login: u.Host}, nil
}

// servers returns whom to ask for images of a host, in order.
func (r *Registries) servers(host string) []server {
	servers := r.mirrors[host]
	return append(slices.Clip(servers), origin(host))
}

// origin is the host itself. A host on this machine needs no TLS.
func origin(host string) server {
	s := server{scheme: "https", host: host, login: host}
	if host == "docker.io" {
		s.host = "registry-1.docker.io"
	}
	if loopback(host) {
		s.scheme = "http"
	}
	return s
}

func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.IsLoopback()
}

// endpoint is where the engine asks the server; it adds the repository's name.
func (s server) endpoint() string {
	u := s.scheme + "://" + s.host + "/v2"
	if s.prefix != "" {
		u += "/" + s.prefix
	}
	return u
}

// login returns the credentials for a server. Those of AWS are for ECR's own hosts, when nobody has
// said anything else about them: neither a mirror nor a login.
func (r *Registries) login(ctx context.Context, s server, ref Reference) (user, password string, err error) {
	if r.cfg.Credentials != nil {
		user, password, ok, err := r.cfg.Credentials.For(ctx, s.login)
		if err != nil {
			return "", "", fmt.Errorf("look up credentials for registry %q: %w", s.login, err)
		}
		if ok {
			return user, password, nil
		}
	}
	if r.cfg.AWS == nil || !ref.ECR() || len(r.mirrors[ref.Host]) > 0 {
		return "", "", nil
	}
	return r.cfg.AWS.Login(ctx, ref.Host, ref.Role)
}

// LogIn finds out whether the host of an image that is in AWS lets Slipway log in. It asks nobody when
// it need not. What it learned is remembered.
func (r *Registries) LogIn(ctx context.Context, ref Reference) error {
	if ref.Embedded {
		return nil
	}
	_, _, err := r.login(ctx, origin(ref.Host), ref)
	return err
}

// Endpoints returns where the engine pulls the image from, in order.
func (r *Registries) Endpoints(ctx context.Context, ref Reference) ([]engine.Endpoint, error) {
	if ref.Embedded {
		here := r.cfg.EmbeddedEndpoint
		here.URL = strings.TrimSuffix(here.URL+"/"+ref.Prefix, "/")
		return []engine.Endpoint{here}, nil
	}
	var out []engine.Endpoint
	for _, s := range r.servers(ref.Host) {
		user, password, err := r.login(ctx, s, ref)
		if err != nil {
			return nil, err
		}
		out = append(out, engine.Endpoint{URL: s.endpoint(), Username: user, Password: password})
	}
	return out, nil
}

// PullRequest returns what makes the engine pull the image.
func (r *Registries) PullRequest(ctx context.Context, image Resolved) (engine.PullRequest, error) {
	endpoints, err := r.Endpoints(ctx, image.Reference)
	if err != nil {
		return engine.PullRequest{}, err
	}
	return engine.PullRequest{
		Host: image.Reference.Host, Repository: image.Reference.Repository, Digest: image.Digest, Endpoints: endpoints,
	}, nil
}
