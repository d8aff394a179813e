package images_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/engine/containerd/images"
)

// engineDir finds the programs of the engine: SLIPWAY_ENGINE_DIR, else bin/engine of this
// repository.
func engineDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("SLIPWAY_ENGINE_DIR")
	if dir == "" {
		wd, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(wd, "../../../../bin/engine")
	}
	if _, err := os.Stat(filepath.Join(dir, "containerd")); err != nil {
		unable(t, "containerd is not built: %v", err)
	}
	if os.Geteuid() != 0 {
		unable(t, "containerd needs root")
	}
	return dir
}

// unable skips the test, but not where everything must be there.
func unable(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" || os.Getenv("SLIPWAY_TEST_REQUIRE") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

const config = `version = 3
root = %[1]q
state = %[2]q
disabled_plugins = [
  "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri",
  "io.containerd.podsandbox.controller.v1.podsandbox", "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs", "io.containerd.differ.v1.erofs",
]
[grpc]
address = %[3]q
[ttrpc]
address = %[4]q
`

// start runs a containerd of its own, in a directory of its own, until the test ends.
func start(t testing.TB) *containerd.Client {
	t.Helper()
	client, _ := startIn(t, engineDir(t), newDir(t))
	return client
}

// newDir makes a directory for containerd, removed when the test ends.
func newDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "swi") // short: a socket's path has 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unmountBelow(dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove %s: %v", dir, err)
		}
	})
	return dir
}

// startIn runs a containerd on a directory until the test ends or kill is called.
func startIn(t testing.TB, bin, dir string) (_ *containerd.Client, kill func()) {
	t.Helper()
	socket := filepath.Join(dir, "c.sock")
	text := fmt.Sprintf(config, filepath.Join(dir, "root"), filepath.Join(dir, "state"), socket, filepath.Join(dir, "t.sock"))
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	logs := filepath.Join(dir, "log")
	out, err := os.Create(logs)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	cmd := exec.Command(filepath.Join(bin, "containerd"), "--config", filepath.Join(dir, "config.toml"))
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(kill)
	client := connect(t, socket, logs)
	t.Cleanup(func() { _ = client.Close() })
	return client, kill
}

func connect(t testing.TB, socket, logs string) *containerd.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		client, err := containerd.New(socket, containerd.WithDefaultNamespace(images.Namespace), containerd.WithTimeout(time.Second))
		if err == nil {
			var serving bool
			if serving, err = client.IsServing(ctx); serving {
				return client
			}
			_ = client.Close()
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(logs)
			t.Fatalf("containerd does not serve: %v\n%s", err, text)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// unmountBelow detaches everything that is mounted below dir.
func unmountBelow(dir string) {
	data, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			_ = unix.Unmount(fields[4], unix.MNT_DETACH)
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
