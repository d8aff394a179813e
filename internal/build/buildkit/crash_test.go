package buildkit_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-run/slipway/internal/build/buildkit"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/engine/containerd"
)

// What builds have on the machine goes when they have rested for a while; the caches stay.
func TestIdleBuildKitStops(t *testing.T) {
	t.Parallel()
	limits := limits()
	limits.IdleStop = 200 * time.Millisecond
	w := own(t, limits, nil)
	job := w.job(&log{}, repository(t, nil), w.scripts("echo once"))
	first := w.build(job)
	defer func() {
		if t.Failed() {
			t.Logf("there is still %q", w.traces())
		}
	}()
	await(t, "BuildKit to stop", func() bool { return len(w.traces()) == 0 })
	l := &log{}
	job.Log = l.add
	if again := w.build(job); again.Digest != first.Digest || !strings.Contains(l.String(), "(unchanged since an earlier build)") {
		t.Errorf("the caches are lost: %s, then %s\n%s", first.Digest, again.Digest, l)
	}
}

// A daemon that was killed leaves BuildKit and a command running. The next one ends them, and builds
// again with the caches that are there.
func TestTheNextDaemonClearsUp(t *testing.T) {
	t.Parallel()
	w := own(t, limits(), nil)
	w.build(w.job(&log{}, repository(t, nil), w.scripts("echo cached")))
	l := &log{seen: make(chan string, 10)}
	done := make(chan error, 1)
	go func() {
		_, err := w.builder.Build(t.Context(), w.job(l, repository(t, nil), w.scripts("echo cached", "trap '' TERM; sleep 63.5")))
		done <- err
	}()
	await(t, "the command", func() bool { return len(processes(t, "sleep\x0063.5")) > 0 })
	// The engine is closed as it is when a process ends; the builder is just forgotten.
	if err := w.engine.Close(); err != nil {
		t.Fatal(err)
	}
	old := w.builder
	w.open(nil)
	if found := processes(t, "sleep\x0063.5"); len(found) > 0 {
		t.Errorf("the command goes on: %q", found)
	}
	if err := <-done; err == nil {
		t.Error("the build of the old daemon succeeded")
	}
	_ = old
	next := &log{}
	w.build(w.job(next, repository(t, nil), w.scripts("echo cached", "echo anew")))
	if !strings.Contains(next.String(), "echo cached (unchanged since an earlier build)") {
		t.Errorf("log:\n%s", next)
	}
}

// BuildKit itself may die; that is the machine's fault, and the next build starts it again.
func TestBuildKitThatDiesIsStartedAgain(t *testing.T) {
	t.Parallel()
	w := own(t, limits(), nil)
	w.build(w.job(&log{}, repository(t, nil), w.scripts("echo cached")))
	done := make(chan error, 1)
	go func() {
		_, err := w.builder.Build(t.Context(), w.job(&log{}, repository(t, nil), w.scripts("sleep 64.5")))
		done <- err
	}()
	await(t, "the command", func() bool { return len(processes(t, "sleep\x0064.5")) > 0 })
	for _, file := range processes(t, filepath.Join(w.options.DataDir, "engine/build/buildkitd.toml")) {
		pid, _ := strconv.Atoi(strings.Split(file, "/")[2])
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "BuildKit ended during the build") {
		t.Errorf("the build: %v", err)
	}
	w.build(w.job(&log{}, repository(t, nil), w.scripts("echo cached", "echo again")))
	if found := processes(t, "sleep\x0064.5"); len(found) > 0 {
		t.Errorf("the old command goes on: %q", found)
	}
}

// Down, also in the middle of a build, leaves nothing.
func TestDestroyLeavesNothingOfABuild(t *testing.T) {
	t.Parallel()
	w := own(t, limits(), nil)
	go func() {
		_, _ = w.builder.Build(t.Context(), w.job(&log{}, repository(t, nil), w.scripts("trap '' TERM; sleep 65.5")))
	}()
	await(t, "the command", func() bool { return len(processes(t, "sleep\x0065.5")) > 0 })
	if len(w.traces()) < 4 {
		t.Fatalf("the test looks in the wrong places: %q", w.traces())
	}
	if err := w.engine.Close(); err != nil {
		t.Fatal(err)
	}
	if err := containerd.Destroy(t.Context(), w.options, false); err != nil {
		t.Fatal(err)
	}
	if left := append(w.traces(), processes(t, "sleep\x0065.5")...); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if _, err := os.Stat(filepath.Join(w.options.DataDir, "engine/build/disk.img")); err != nil {
		t.Errorf("the caches are gone: %v", err)
	}
	w.open(nil) // for the end of the test
}

// A base image of which half was read, when its build was cancelled or its registry broke off, is read
// again, without anybody's help.
func TestBaseImageThatWasHalfRead(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"broken off", "cancelled"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			end := func() error { return errBroken }
			if name == "cancelled" {
				end = func() error { cancel(); time.Sleep(500 * time.Millisecond); return context.Canceled }
			}
			var first atomic.Bool
			w := own(t, limits(), func(o *buildkit.Options) {
				find := o.Images
				o.Images = func(ctx context.Context, reference string) (v1.Image, error) {
					image, err := find(ctx, reference)
					if err != nil || first.Swap(true) {
						return image, err
					}
					return breaking{image, end}, nil
				}
			})
			job := w.job(&log{}, repository(t, nil), w.scripts("echo whole"))
			_, err := w.builder.Build(ctx, job)
			if err == nil {
				t.Fatal("the first build succeeded")
			}
			if _, failed := errors.AsType[*plan.Failure](err); failed {
				t.Errorf("the repository is blamed: %v", err)
			}
			for tries := 0; ; tries++ { // as an operation does
				if _, err = w.builder.Build(t.Context(), job); err == nil {
					break
				}
				t.Logf("try %d: %v", tries, err)
				if tries == 2 {
					t.Fatal("it does not recover")
				}
			}
		})
	}
}

var errBroken = errors.New("the connection broke")

// breaking is an image whose layers end in the middle.
type breaking struct {
	v1.Image
	end func() error
}

func (b breaking) Layers() ([]v1.Layer, error) {
	layers, err := b.Image.Layers()
	for i := range layers {
		layers[i] = half{layers[i], b.end}
	}
	return layers, err
}

type half struct {
	v1.Layer
	end func() error
}

func (h half) Compressed() (io.ReadCloser, error) {
	whole, err := h.Layer.Compressed()
	if err != nil {
		return nil, err
	}
	size, err := h.Size()
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(whole, size/2), ending(h.end)), whole}, err
}

// ending is a reader that only has an error.
type ending func() error

func (e ending) Read([]byte) (int, error) { return 0, e() }

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// traces are what builds have on the machine now.
func (w *world) traces() (found []string) {
	w.t.Helper()
	dir := filepath.Join(w.options.DataDir, "engine", "build")
	for file, what := range map[string]string{"/proc/self/mounts": "mount", "/proc/net/dev": "cable"} {
		data, err := os.ReadFile(file)
		if err != nil {
			w.t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if strings.Contains(line, dir) || what == "cable" && strings.Contains(line, w.cable()) {
				found = append(found, what+" "+line)
			}
		}
	}
	loops, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	for _, file := range loops {
		if data, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(data), dir) {
			found = append(found, "loop device "+file)
		}
	}
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/slipway-" + w.key() + "-build")
	alone, _ := filepath.Glob("/sys/fs/cgroup/slipway-" + w.key() + "-build")
	found = append(append(found, groups...), alone...)
	for _, file := range processes(w.t, dir) {
		found = append(found, "process "+file)
	}
	return found
}

// key is what names of this engine have in them.
func (w *world) key() string {
	w.t.Helper()
	real, err := filepath.EvalSymlinks(w.options.DataDir)
	if err != nil {
		w.t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(real))
	return hex.EncodeToString(sum[:4])
}

// cable is that of the room: the one with the second address.
func (w *world) cable() string { return "v" + w.key() + "-2:" }
