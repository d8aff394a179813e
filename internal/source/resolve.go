package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-run/slipway/internal/engine"
)

// Resolved is an image with its digest pinned.
type Resolved struct {
	Reference Reference
	Digest    string // of what the tag names: an image or an index
	MediaType string // empty when the registry was not asked for it
}

// Resolve finds what the reference names now. The error is an *engine.Error: ImageNotFound,
// AccessDenied or Unavailable.
func (r *Registries) Resolve(ctx context.Context, ref Reference) (Resolved, error) {
	if ref.Embedded {
		d, err := r.cfg.Embedded.Resolve(ctx, ref.Stored(), ref.what())
		if err != nil {
			return Resolved{}, r.embeddedError(ref, err)
		}
		return Resolved{Reference: ref, Digest: d}, nil
	}
	var out Resolved
	err := r.ask(ctx, ref, func(at name.Repository, opts []remote.Option) error {
		desc, err := head(at, ref, opts)
		if err == nil {
			out = Resolved{Reference: ref, Digest: desc.Digest.String(), MediaType: string(desc.MediaType)}
		}
		return err
	})
	return out, err
}

// pushName is what an image in the embedded registry is pushed as.
func (r *Registries) pushName(ref Reference) string {
	_, host, _ := strings.Cut(strings.TrimSuffix(r.cfg.EmbeddedEndpoint.URL, "/v2"), "://")
	name := host + "/" + ref.Stored()
	if ref.Tag != "" {
		name += ":" + ref.Tag
	}
	return name
}

func (r *Registries) embeddedError(ref Reference, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return engine.Errorf(engine.ImageNotFound, "image %q is not in the embedded registry: %w; push it with: docker push %s", ref, err, r.pushName(ref))
	}
	return engine.Errorf(engine.Unavailable, "image %q cannot be looked up in the embedded registry: %w", ref, err)
}

// at names the reference in a repository.
func (r Reference) at(repo name.Repository) name.Reference {
	if r.Digest != "" {
		return repo.Digest(r.Digest)
	}
	return repo.Tag(r.Tag)
}

// head asks without the body, which costs nothing at registries that count pulls. One that does not
// take the question, or that fails it, is asked again with a body: only a body says why.
func head(repo name.Repository, ref Reference, opts []remote.Option) (*v1.Descriptor, error) {
	desc, err := remote.Head(ref.at(repo), opts...)
	if err == nil {
		return desc, nil
	}
	got, getErr := remote.Get(ref.at(repo), opts...)
	if getErr != nil {
		return nil, getErr
	}
	return &got.Descriptor, nil
}

// retries are what the client does on its own when a registry fails.
var retries = remote.Backoff{Duration: 300 * time.Millisecond, Factor: 3, Jitter: 0.2, Steps: 3}

// ask tries fn at each server of the reference's host until one succeeds.
func (r *Registries) ask(ctx context.Context, ref Reference, fn func(name.Repository, []remote.Option) error) error {
	var failures []failure
	for _, s := range r.servers(ref.Host) {
		repo, opts, err := r.client(ctx, s, ref)
		if err != nil {
			return err
		}
		err = fn(repo, opts)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("resolve image %q: %w", ref, ctx.Err())
		}
		if e, ok := errors.AsType[*engine.Error](err); ok {
			return e
		}
		failures = append(failures, classify(s, err))
	}
	return explain(ref, failures)
}

func (r *Registries) client(ctx context.Context, s server, ref Reference) (name.Repository, []remote.Option, error) {
	var none name.Repository
	user, password, err := r.login(ctx, s, ref)
	if err != nil {
		return none, nil, err
	}
	path := ref.Repository
	if s.prefix != "" {
		path = s.prefix + "/" + ref.Repository
	}
	var nameOpts []name.Option
	if s.scheme == "http" {
		nameOpts = append(nameOpts, name.Insecure)
	}
	registry, err := name.NewRegistry(s.host, nameOpts...)
	if err != nil {
		return none, nil, fmt.Errorf("registry host %q: %w", s.host, err)
	}
	opts := []remote.Option{
		remote.WithContext(ctx), remote.WithRetryBackoff(retries), remote.WithUserAgent("slipway"),
		remote.WithTransport(fixedScheme{r.http, s}),
	}
	if user != "" || password != "" {
		opts = append(opts, remote.WithAuth(&authn.Basic{Username: user, Password: password}))
	}
	return registry.Repo(path), opts, nil
}

// fixedScheme keeps to the configured scheme for the server: the client would try both for private
// addresses.
type fixedScheme struct {
	next   http.RoundTripper
	server server
}

func (f fixedScheme) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == f.server.host && req.URL.Scheme != f.server.scheme {
		if f.server.scheme == "https" {
			return nil, fmt.Errorf("registry %q is asked with TLS only; configure an http:// mirror to allow it without", f.server.host)
		}
		req = req.Clone(req.Context())
		req.URL.Scheme = f.server.scheme
	}
	return f.next.RoundTrip(req)
}

// failure is what one server said.
type failure struct {
	server server
	code   engine.Code
	err    error
	detail string
}

func classify(s server, err error) failure {
	f := failure{server: s, code: engine.Unavailable, err: err, detail: err.Error()}
	e, ok := errors.AsType[*transport.Error](err)
	if !ok {
		return f
	}
	f.detail = fmt.Sprintf("%d %s", e.StatusCode, http.StatusText(e.StatusCode))
	for _, d := range e.Errors {
		f.detail += ", " + strings.TrimSpace(string(d.Code)+" "+d.Message)
	}
	switch {
	case e.StatusCode == http.StatusNotFound:
		f.code = engine.ImageNotFound
	case e.StatusCode == http.StatusUnauthorized, e.StatusCode == http.StatusForbidden:
		f.code = engine.AccessDenied
	}
	return f
}

// explain says what the servers said. The host itself, asked last, decides the kind of failure.
func explain(ref Reference, failures []failure) error {
	last := failures[len(failures)-1]
	texts := make([]string, len(failures))
	for i, f := range failures {
		texts[i] = f.server.host + ": " + f.detail
	}
	said := strings.Join(texts, "; ")
	var message string
	switch last.code {
	case engine.ImageNotFound:
		message = fmt.Sprintf("image %q does not exist: registry %q has no %s (%s); check the name and the tag, or push the image", ref, ref.Host, missing(ref, last.err), said)
	case engine.AccessDenied:
		message = fmt.Sprintf("registry %q refuses access to image %q (%s): it does not exist or needs credentials; check its name, or log in with: slipway registry login %s",
			ref.Host, ref, said, ref.Host)
	default:
		message = fmt.Sprintf("registry %q did not answer for image %q (%s); check its name and that this machine reaches it, or name a mirror under registry.mirrors in the configuration", ref.Host, ref, said)
	}
	return &engine.Error{Code: last.code, Message: message, Err: last.err}
}

// missing says which part of the reference the registry does not know.
func missing(ref Reference, err error) string {
	repository := fmt.Sprintf("repository %q", ref.Repository)
	part := fmt.Sprintf("tag %q", ref.Tag)
	if ref.Digest != "" {
		part = "digest " + ref.Digest
	}
	if e, ok := errors.AsType[*transport.Error](err); ok {
		for _, d := range e.Errors {
			switch d.Code {
			case transport.NameUnknownErrorCode:
				return repository
			case transport.ManifestUnknownErrorCode:
				return part + " in " + repository
			}
		}
	}
	return repository + " or no " + part + " in it"
}

// isIndex tells whether a media type is that of an index or a manifest list.
func isIndex(mediaType string) bool { return types.MediaType(mediaType).IsIndex() }
