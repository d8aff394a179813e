package kit

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-run/slipway/internal/registry"
)

// Registry is a registry that is not part of a Slipway.
type Registry struct {
	t              testing.TB
	Host           string // with its port
	User, Password string
}

// StartRegistry starts a registry on loopback. With a user it asks for that and the password "geheim".
func StartRegistry(t testing.TB, user string) *Registry {
	t.Helper()
	r := &Registry{t: t, User: user, Password: "geheim"}
	config := registry.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	if user != "" {
		config.Authenticator = r
	}
	handler, err := registry.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		_ = handler.Close()
	})
	r.Host = strings.TrimPrefix(server.URL, "http://")
	return r
}

// Authenticate implements registry.Authenticator.
func (r *Registry) Authenticate(_ context.Context, user, password string) (string, error) {
	if user != r.User || password != r.Password {
		return "", registry.ErrDenied
	}
	return user, nil
}

// Push pushes an image, as "name:tag".
func (r *Registry) Push(image v1.Image, ref string) {
	r.t.Helper()
	push(r.t, image, r.Host+"/"+ref, r.auth())
}

func (r *Registry) auth() authn.Authenticator {
	if r.User == "" {
		return authn.Anonymous
	}
	return &authn.Basic{Username: r.User, Password: r.Password}
}
