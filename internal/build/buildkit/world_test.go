package buildkit_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-run/slipway/internal/build/buildkit"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/engine/containerd"
	"github.com/slipway-run/slipway/internal/registry"
	"github.com/slipway-run/slipway/test/kit"
)

func required() bool {
	return os.Getenv("CI") == "true" || os.Getenv("SLIPWAY_TEST_REQUIRE") == "1"
}

func unable(t testing.TB, reason string) {
	t.Helper()
	if required() {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// world is a machine with an engine, a registry and a builder.
type world struct {
	t        testing.TB
	options  containerd.Options
	engine   *containerd.Engine
	registry *registry.Registry
	host     string // of the registry
	builder  *buildkit.Builder
	limits   buildkit.Limits
	base     string // an image with busybox
}

// limits are those of most tests.
func limits() buildkit.Limits {
	return buildkit.Limits{
		Concurrency: 4, Memory: 1 << 30, Pids: 512, Disk: 3 << 30, KeepCache: 1 << 30,
		Timeout: 3 * time.Minute, IdleStop: time.Minute,
	}
}

// shared is the world of tests that do no harm to it.
var shared struct {
	sync.Mutex
	world *world
	dir   string
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.world != nil {
		if err := shared.world.end(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

func common(t testing.TB) *world {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.world == nil {
		dir, err := os.MkdirTemp("", "builds")
		if err != nil {
			t.Fatal(err)
		}
		shared.dir = dir
		shared.world = start(t, dir, limits(), nil)
	}
	w := *shared.world
	w.t = t
	return &w
}

// own is a world for one test.
func own(t testing.TB, limits buildkit.Limits, change func(*buildkit.Options)) *world {
	t.Helper()
	w := start(t, t.TempDir(), limits, change)
	t.Cleanup(func() {
		if err := w.end(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func binDir(t testing.TB) string {
	t.Helper()
	if os.Geteuid() != 0 {
		unable(t, "needs root to run containers")
	}
	dir, err := filepath.Abs(cmpOr(os.Getenv("SLIPWAY_ENGINE_DIR"), filepath.Join("..", "..", "..", "bin", "engine")))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"buildkitd", "runc", "containerd", "slipway-log", "cni/bridge", "cni/loopback", "cni/host-local"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			unable(t, "needs the engine's binaries (make engine, or SLIPWAY_ENGINE_DIR): "+err.Error())
		}
	}
	return dir
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func start(t testing.TB, dir string, limits buildkit.Limits, change func(*buildkit.Options)) *world {
	t.Helper()
	w := &world{t: t, limits: limits}
	w.options = containerd.Options{DataDir: filepath.Join(dir, "data"), BinDir: binDir(t), Pool: -1}
	base := kit.Busybox(t)
	w.open(change)
	var err error
	if w.registry, err = registry.Open(registry.Config{Dir: filepath.Join(dir, "registry"), Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.registry)
	w.host = strings.TrimPrefix(server.URL, "http://")
	w.base = w.push(base, "bases/busybox:1")
	return w
}

// open starts the engine and the builder, as a daemon does.
func (w *world) open(change func(*buildkit.Options)) {
	w.t.Helper()
	var err error
	if w.engine, err = containerd.Open(context.Background(), w.options); err != nil {
		w.t.Fatal(err)
	}
	options := buildkit.Options{
		Rooms: w.engine, BinDir: w.options.BinDir, Limits: w.limits, Images: w.image,
		CABundle: buildkit.Bundle(os.Getenv), Proxy: buildkit.ProxyFromEnvironment(os.Getenv),
	}
	if change != nil {
		change(&options)
	}
	w.builder = buildkit.New(options)
}

func (w *world) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(w.builder.Close(ctx), w.engine.Close(), containerd.Destroy(ctx, w.options, true))
}

// image finds a base image in the registry of the test.
func (w *world) image(ctx context.Context, reference string) (v1.Image, error) {
	ref, err := name.ParseReference(reference, name.Insecure)
	if err != nil {
		return nil, &plan.Failure{Reason: err.Error()}
	}
	return remote.Image(ref, remote.WithContext(ctx))
}

// push gives the registry an image, and returns its name.
func (w *world) push(image v1.Image, to string) string {
	w.t.Helper()
	ref, err := name.ParseReference(w.host+"/"+to, name.Insecure)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		w.t.Fatal(err)
	}
	return w.host + "/" + to
}

// repository writes files.
func repository(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for file, text := range files {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// log collects lines as "[Phase] text".
type log struct {
	mu    sync.Mutex
	lines []string
	seen  chan string // if set, gets every line
}

func (l *log) add(phase plan.Phase, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf("[%s] %s", phase, text))
	if l.seen != nil {
		select {
		case l.seen <- text:
		default:
		}
	}
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// scripts is a plan of commands after each other, in one stage.
func (w *world) scripts(commands ...string) *plan.Plan {
	s := plan.Stage{Name: "run", From: w.base, Dir: "/app", Ship: true, Copies: []plan.Copy{{From: "/", To: "/app"}}}
	for _, c := range commands {
		s.Commands = append(s.Commands, plan.Command{Phase: plan.Build, Script: c})
	}
	return &plan.Plan{Stages: []plan.Stage{s}, Image: plan.Image{Dir: "/app", Command: []string{"/bin/sh", "-c", "start"}, Port: 8080}}
}

func (w *world) job(l *log, source string, p *plan.Plan) buildkit.Job {
	scope := strings.ToLower(strings.Map(func(r rune) rune {
		if r == '/' || r == '#' || r == '_' {
			return '-'
		}
		return r
	}, w.t.Name()))
	return buildkit.Job{
		ID: "op", Scope: scope, Source: source, Plan: p, Log: l.add,
		Push: buildkit.Push{Repository: w.host + "/apps/" + scope, Tag: "v1", Insecure: true},
	}
}

// build builds what must succeed.
func (w *world) build(job buildkit.Job) buildkit.Result {
	w.t.Helper()
	r, err := w.builder.Build(w.t.Context(), job)
	if err != nil {
		w.t.Fatalf("Build: %v\n%+v", err, err)
	}
	return r
}

// fail builds what must fail by itself.
func (w *world) fail(ctx context.Context, job buildkit.Job) *plan.Failure {
	w.t.Helper()
	r, err := w.builder.Build(ctx, job)
	failure, ok := errors.AsType[*plan.Failure](err)
	if !ok {
		w.t.Fatalf("Build: %+v, %v: want a failure of the repository", r, err)
	}
	return failure
}

// file reads a file of the image that a job pushed; "" when it has none.
func (w *world) file(job buildkit.Job, path string) string {
	w.t.Helper()
	image, err := w.image(w.t.Context(), job.Push.Repository+":"+job.Push.Tag)
	if err != nil {
		w.t.Fatal(err)
	}
	for h, data := range files(w.t, image) {
		if "/"+strings.TrimPrefix(h, "/") == path {
			return data
		}
	}
	return ""
}

// files are all of an image.
func files(t testing.TB, image v1.Image) map[string]string {
	t.Helper()
	stream := mutate.Extract(image)
	defer stream.Close()
	out := map[string]string{}
	for r := tar.NewReader(stream); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out[h.Name] = string(data)
	}
}
