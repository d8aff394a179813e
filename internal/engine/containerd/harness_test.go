package containerd_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd"
	"github.com/slipway-run/slipway/internal/engine/enginetest"
)

// required reports whether a test that cannot run is to fail instead of being skipped.
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

// built is where programs puts what it builds.
var built = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "slipway-log") })

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := built(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// ownPrograms are those of the engine's programs that are ours.
var ownPrograms = []string{"slipway-log", "slipway-runc"}

// programs builds our own once, so that the tests run what the source says, and returns the directory
// that they are in. Programs are never written by this process: one that is being forked elsewhere
// would still hold them open, and the kernel executes nothing that is open for writing.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := built()
	if err != nil {
		return "", err
	}
	args := []string{"build", "-o", dir + "/"}
	for _, name := range ownPrograms {
		args = append(args, "github.com/slipway-run/slipway/cmd/"+name)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return dir, cmd.Run()
})

// binDir has the binaries of the engine.
func binDir(t testing.TB) string {
	t.Helper()
	if os.Geteuid() != 0 {
		unable(t, "needs root to run containers")
	}
	from := os.Getenv("SLIPWAY_ENGINE_DIR")
	if from == "" {
		from = filepath.Join("..", "..", "..", "bin", "engine")
	}
	from, err := filepath.Abs(from)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"containerd", "containerd-shim-runc-v2", "runc"} {
		if _, err := os.Stat(filepath.Join(from, name)); err != nil {
			unable(t, "needs the engine's binaries (make engine, or SLIPWAY_ENGINE_DIR): "+err.Error())
		}
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	own, err := programs()
	if err != nil {
		t.Fatalf("build our own programs: %v", err)
	}
	for _, name := range ownPrograms {
		if err := os.Symlink(filepath.Join(own, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// options of an engine in a directory of its own, which is destroyed when the test ends.
func options(t testing.TB) containerd.Options {
	t.Helper()
	opts := containerd.Options{
		DataDir: t.TempDir(), BinDir: binDir(t), Pool: 2, HostPorts: []int{freePort(t)},
		Logger: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		opts := opts
		opts.Logger = nil
		if err := containerd.Destroy(ctx, opts, true); err != nil {
			t.Errorf("Destroy: %v", err)
		}
	})
	return opts
}

// testWriter shows the engine's log with the test that it belongs to.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	if w.t.Context().Err() == nil { // a test that is over must not log
		w.t.Log(strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func open(t testing.TB, opts containerd.Options) *containerd.Engine {
	t.Helper()
	e, err := containerd.Open(t.Context(), opts)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// load imports an image into an engine's store.
func load(t testing.TB, e *containerd.Engine, img v1.Image) string {
	t.Helper()
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewTag("test.invalid/app:" + digest.Hex[:12])
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tarball.Write(ref, img, &b); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	imported, err := e.Client().Import(ctx, &b)
	if err != nil {
		t.Fatalf("import image: %v", err)
	}
	for _, i := range imported {
		if err := client.NewImage(e.Client(), i).Unpack(ctx, "overlayfs"); err != nil {
			t.Fatalf("unpack image: %v", err)
		}
	}
	return imported[0].Name
}

func TestContract(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, func(t *testing.T) enginetest.Harness {
		opts := options(t)
		e := open(t, opts)
		return enginetest.Harness{
			Engine: e,
			Load:   func(t testing.TB, img v1.Image) string { return load(t, e, img) },
			Reopen: func(testing.TB) engine.Engine {
				e.Close()
				e = open(t, opts)
				return e
			},
			Host: e.Gateway(), HostPort: opts.HostPorts[0],
		}
	})
}
