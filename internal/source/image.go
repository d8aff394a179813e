package source

import (
	"context"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Image opens an image for this machine's platform, to read it layer by layer. The error is an
// *engine.Error, as of Resolve.
func (r *Registries) Image(ctx context.Context, ref Reference) (image v1.Image, err error) {
	open := func(at name.Repository, opts []remote.Option) error {
		platform := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
		image, err = remote.Image(ref.at(at), append(opts, remote.WithPlatform(platform))...)
		return err
	}
	if !ref.Embedded {
		return image, r.ask(ctx, ref, open)
	}
	if _, err := r.Resolve(ctx, ref); err != nil { // says best what is missing
		return nil, err
	}
	here := ref
	here.Repository = ref.Stored()
	at, opts, err := r.client(ctx, r.embedded(), here)
	if err != nil {
		return nil, err
	}
	return image, open(at, opts)
}

// embedded is the embedded registry as a server.
func (r *Registries) embedded() server {
	scheme, host, _ := strings.Cut(strings.TrimSuffix(r.cfg.EmbeddedEndpoint.URL, "/v2"), "://")
	return server{scheme: scheme, host: host, login: host}
}
