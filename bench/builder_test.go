package bench

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-run/slipway/internal/build/buildkit"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/engine/containerd"
	"github.com/slipway-run/slipway/internal/registry"
	"github.com/slipway-run/slipway/test/kit"
)

// builder is what a daemon builds with: an engine that has the room, a registry, and the builder.
type builder struct {
	*buildkit.Builder
	host string // of the registry
	base string // an image with a shell
}

func newBuilder(b *testing.B) *builder {
	b.Helper()
	kit.Need(b)
	options := containerd.Options{DataDir: b.TempDir(), BinDir: kit.Binary("engine"), Pool: -1}
	engine, err := containerd.Open(b.Context(), options)
	if err != nil {
		b.Fatal(err)
	}
	images, err := registry.Open(registry.Config{Dir: filepath.Join(b.TempDir(), "registry"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(images)
	built := &builder{host: strings.TrimPrefix(server.URL, "http://")}
	built.base = built.host + "/busybox:1"
	built.Builder = buildkit.New(buildkit.Options{
		Rooms: engine, BinDir: options.BinDir, Images: find,
		Limits: buildkit.Limits{Concurrency: 1, Memory: 4 << 30, Pids: 4096, Disk: 10 << 30, KeepCache: 5 << 30, Timeout: 10 * time.Minute, IdleStop: time.Hour},
	})
	b.Cleanup(func() {
		ctx := context.Background()
		if err := errors.Join(built.Close(ctx), engine.Close(), containerd.Destroy(ctx, options, true), images.Close()); err != nil {
			b.Error(err)
		}
		server.Close()
	})
	ref, err := name.ParseReference(built.base, name.Insecure)
	if err == nil {
		err = remote.Write(ref, kit.Busybox(b))
	}
	if err != nil {
		b.Fatal(err)
	}
	return built
}

func find(ctx context.Context, reference string) (v1.Image, error) {
	ref, err := name.ParseReference(reference, name.Insecure)
	if err != nil {
		return nil, err
	}
	return remote.Image(ref, remote.WithContext(ctx))
}

func (w *builder) job(dir string, log func(string)) buildkit.Job {
	return buildkit.Job{
		Scope: "app", Source: dir, Dockerfile: &buildkit.Dockerfile{Path: "Dockerfile"},
		Push: buildkit.Push{Repository: w.host + "/app", Tag: "v1", Insecure: true},
		Log:  func(_ plan.Phase, line string) { log(line) },
	}
}

func (w *builder) build(b *testing.B, dir string) {
	b.Helper()
	if _, err := w.Build(b.Context(), w.job(dir, func(string) {})); err != nil {
		b.Fatal(err)
	}
}

// keepBuilding starts a build that does not end by itself, and returns when its command runs.
func (w *builder) keepBuilding(b *testing.B, dir string) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	began, ended := make(chan struct{}, 100), make(chan error, 1)
	go func() {
		_, err := w.Build(ctx, w.job(dir, func(line string) {
			if strings.HasPrefix(line, "$ RUN") {
				began <- struct{}{}
			}
		}))
		ended <- err
	}()
	select {
	case <-began:
	case err := <-ended:
		b.Fatal(err)
	}
	time.Sleep(time.Second) // until it is at full speed
	return func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			b.Errorf("the build ended by itself: %v", err)
		}
	}
}
