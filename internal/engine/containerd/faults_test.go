package containerd_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd"
	"github.com/slipway-run/slipway/internal/engine/enginetest"
)

const patience = 30 * time.Second

func spec(id, image string, args ...string) engine.Spec {
	s := engine.Spec{ID: id, Image: image, CPU: 1024, Memory: 128 << 20, Disk: 64 << 20, Labels: map[string]string{"k": "v"}}
	if len(args) > 0 {
		s.Command = append([]string{"/testapp"}, args...)
	}
	return s
}

func serve(t testing.TB, e *containerd.Engine, s engine.Spec) engine.Instance {
	t.Helper()
	if _, err := e.Prepare(t.Context(), s); err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	inst, err := e.Start(t.Context(), s.ID)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	eventually(t, func() error { return ask(inst) })
	return inst
}

func ask(inst engine.Instance) error {
	c := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + netip.AddrPortFrom(inst.Address, 8080).String() + "/status")
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func eventually(t testing.TB, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// daemonPID reads which process is the containerd of a data directory.
func daemonPID(t testing.TB, dataDir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dataDir, "engine", "containerd.json"))
	if err != nil {
		t.Fatal(err)
	}
	var p struct{ PID int }
	if err := json.Unmarshal(b, &p); err != nil {
		t.Fatal(err)
	}
	return p.PID
}

// processes lists the command lines that mention text.
func processes(t testing.TB, text string) map[int]string {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]string{}
	for _, dir := range dirs {
		b, _ := os.ReadFile(dir + "/cmdline")
		var pid int
		_, _ = fmt.Sscan(filepath.Base(dir), &pid)
		if line := strings.ReplaceAll(string(b), "\x00", " "); strings.Contains(line, text) && pid != os.Getpid() {
			found[pid] = line
		}
	}
	return found
}

func key(e *containerd.Engine) string {
	return strings.TrimPrefix(filepath.Base(filepath.Dir(e.Address())), "slipway-")
}

func TestReopenAdoptsTheSameContainerd(t *testing.T) {
	t.Parallel()
	opts := options(t)
	e := open(t, opts)
	image := load(t, e, enginetest.Image(t, nil))
	inst := serve(t, e, spec("one", image))
	before := daemonPID(t, opts.DataDir)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ask(inst); err != nil {
		t.Errorf("instance does not answer while the engine is closed: %v", err)
	}
	e = open(t, opts)
	if after := daemonPID(t, opts.DataDir); after != before {
		t.Errorf("containerd was process %d and is %d now", before, after)
	}
	if got, err := e.Inspect(t.Context(), "one"); err != nil || got.State != engine.Running || !got.StartedAt.Equal(inst.StartedAt) {
		t.Errorf("instance is %+v, %v, want %+v", got, err, inst)
	}
}

func TestDataDirectoryIsOpenOnce(t *testing.T) {
	t.Parallel()
	opts := options(t)
	open(t, opts)
	if _, err := containerd.Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "in use by another Slipway") {
		t.Errorf("second Open: %v, want that the data directory is in use", err)
	}
}

func TestContainerdKilled(t *testing.T) {
	t.Parallel()
	opts := options(t)
	e := open(t, opts)
	image := load(t, e, enginetest.Image(t, nil))
	inst := serve(t, e, spec("serves", image))
	quick := serve(t, e, spec("exits", image))
	if _, err := e.Prepare(t.Context(), spec("waits", image)); err != nil {
		t.Fatal(err)
	}
	events := e.Events(t.Context())
	old := daemonPID(t, opts.DataDir)
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := ask(inst); err != nil {
		t.Errorf("instance does not answer while containerd is dead: %v", err)
	}
	// Freeze and thaw need no containerd; an exit meanwhile must not be missed.
	if err := errors.Join(e.Freeze(t.Context(), "serves"), e.Thaw(t.Context(), "serves")); err != nil {
		t.Errorf("freeze and thaw: %v", err)
	}
	_, _ = http.Get("http://" + netip.AddrPortFrom(quick.Address, 8080).String() + "/exit?code=21")
	deadline := time.After(patience)
	for {
		select {
		case ev := <-events:
			if ev.ID != "exits" || ev.State != engine.Exited {
				continue
			}
			if ev.Exit.Code != 21 {
				t.Errorf("exit is %+v, want code 21", ev.Exit)
			}
		case <-deadline:
			t.Fatal("no event of an exit while containerd was dead")
		}
		break
	}
	if now := daemonPID(t, opts.DataDir); now == old {
		t.Errorf("containerd is still process %d", old)
	}
	if _, err := e.Start(t.Context(), "waits"); err != nil {
		t.Errorf("Start of an instance prepared before: %v", err)
	}
	serve(t, e, spec("new", image))
	if err := e.Stop(t.Context(), "serves", patience); err != nil {
		t.Errorf("Stop: %v", err)
	}
	for _, id := range []string{"serves", "exits", "waits", "new"} {
		if err := e.Remove(t.Context(), id); err != nil {
			t.Errorf("Remove: %v", err)
		}
	}
}

func TestStopWhileContainerdIsDead(t *testing.T) {
	t.Parallel()
	opts := options(t)
	e := open(t, opts)
	image := load(t, e, enginetest.Image(t, nil))
	serve(t, e, spec("one", image, "-term-code", "4"))
	if err := syscall.Kill(daemonPID(t, opts.DataDir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var err error
	eventually(t, func() error { err = e.Stop(t.Context(), "one", patience); return err })
	if inst, err := e.Inspect(t.Context(), "one"); err != nil || inst.Exit == nil || inst.Exit.Code != 4 {
		t.Errorf("instance is %+v, %v, want exit code 4", inst, err)
	}
}

func TestShimKilled(t *testing.T) {
	t.Parallel()
	opts := options(t)
	e := open(t, opts)
	image := load(t, e, enginetest.Image(t, nil))
	inst := serve(t, e, spec("one", image))
	for pid := range processes(t, "-id one -address "+e.Address()) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() error {
		got, err := e.Inspect(t.Context(), "one")
		if err != nil || got.State != engine.Exited {
			return fmt.Errorf("instance is %+v, %v, want EXITED", got, err)
		}
		if got.Exit.Code == 0 {
			t.Errorf("exit is %+v, want no success", got.Exit)
		}
		return nil
	})
	if err := ask(inst); err == nil {
		t.Errorf("an instance without a shim goes on unseen")
	}
	if err := e.Remove(t.Context(), "one"); err != nil {
		t.Errorf("Remove: %v", err)
	}
}

// A process that is killed while it starts an instance leaves it started or not, and nothing in between.
func TestStartInterrupted(t *testing.T) {
	t.Parallel()
	opts := options(t)
	e := open(t, opts)
	image := load(t, e, enginetest.Image(t, nil))
	state := func(id string) engine.State {
		inst, err := e.Inspect(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return inst.State
	}
	if _, err := e.Prepare(t.Context(), spec("marked", image)); err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join(opts.DataDir, "engine", "instances", "marked", "started")
	if err := os.WriteFile(mark, []byte(time.Now().UTC().Format(time.RFC3339Nano)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := state("marked"); got != engine.Prepared {
		t.Errorf("marked and not launched, it is %s", got)
	}
	launched := spec("launched", image)
	serve(t, e, launched)
	gate := filepath.Join(opts.DataDir, "engine", "runc", "slipway", "launched", "exec.fifo")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := state("launched"); got != engine.Running {
		t.Errorf("launched, with its gate still there, it is %s", got)
	}
	e.Close()
	e = open(t, opts)
	for _, id := range []string{"marked", "launched"} {
		inst, err := e.Start(t.Context(), id)
		if err != nil || inst.State != engine.Running {
			t.Fatalf("Start of %s: %+v, %v", id, inst, err)
		}
		eventually(t, func() error { return ask(inst) })
	}
}

func TestPreparedInstanceIsKilled(t *testing.T) {
	t.Parallel()
	opts := options(t)
	e := open(t, opts)
	image := load(t, e, enginetest.Image(t, nil))
	if _, err := e.Prepare(t.Context(), spec("spare", image)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(opts.DataDir, "engine", "state", "io.containerd.runtime.v2.task", "slipway", "spare", "init.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(b))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if inst, err := e.Start(t.Context(), "spare"); err == nil {
		t.Errorf("what was killed is started: %+v", inst)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("to find that out took %v", took)
	}
	eventually(t, func() error {
		if inst, err := e.Inspect(t.Context(), "spare"); err != nil || inst.State != engine.Exited {
			return fmt.Errorf("it is %+v, %v", inst, err)
		}
		return nil
	})
}

func TestHalfMadeInstanceIsClearedAndCanBePrepared(t *testing.T) {
	t.Parallel()
	opts := options(t)
	e := open(t, opts)
	image := load(t, e, enginetest.Image(t, nil))
	if _, err := e.Prepare(t.Context(), spec("half", image)); err != nil {
		t.Fatal(err)
	}
	// As if the process had been killed before the last step.
	mark := filepath.Join(opts.DataDir, "engine", "instances", "half", "prepared")
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	if list, err := e.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("List: %v, %v, want none", list, err)
	}
	serve(t, e, spec("half", image))
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	e.Close()
	e = open(t, opts)
	if left := processes(t, "-id half -address "+e.Address()); len(left) > 0 {
		t.Errorf("processes are left of a half-made instance: %v", left)
	}
	serve(t, e, spec("half", image))
}

func TestSideBySide(t *testing.T) {
	t.Parallel()
	first, second := options(t), options(t)
	a, b := open(t, first), open(t, second)
	if key(a) == key(b) {
		t.Fatalf("two data directories have the key %s", key(a))
	}
	instA := serve(t, a, spec("same-id", load(t, a, enginetest.Image(t, nil))))
	instB := serve(t, b, spec("same-id", load(t, b, enginetest.Image(t, nil))))
	for _, to := range []netip.AddrPort{
		netip.AddrPortFrom(instB.Address, 8080), netip.AddrPortFrom(b.Gateway(), uint16(second.HostPorts[0])),
	} {
		l, err := net.Listen("tcp4", netip.AddrPortFrom(b.Gateway(), uint16(second.HostPorts[0])).String())
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Timeout: 5 * time.Second}).Get("http://" + netip.AddrPortFrom(instA.Address, 8080).String() + "/connect?addr=" + to.String())
		l.Close()
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Errorf("an instance of one Slipway reaches %s of another", to)
		}
	}
	a.Close()
	if err := containerd.Destroy(t.Context(), first, false); err != nil {
		t.Fatalf("Destroy: %v", err)
	}
	if err := ask(instB); err != nil {
		t.Errorf("destroying one engine broke the other: %v", err)
	}
	wantNothingLeft(t, first.DataDir, key(a))
	// What it had pulled is still there, and its instances are not.
	a = open(t, first)
	if list, err := a.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("List after Destroy: %v, %v, want none", list, err)
	}
	images, err := a.Client().ListImages(t.Context())
	if err != nil || len(images) != 1 {
		t.Errorf("images after Destroy: %v, %v, want one", images, err)
	}
	serve(t, a, spec("again", images[0].Name()))
}

func TestDestroyOfWhatACrashLeft(t *testing.T) {
	t.Parallel()
	opts := options(t)
	e := open(t, opts)
	image := load(t, e, enginetest.Image(t, nil))
	serve(t, e, spec("running", image))
	serve(t, e, spec("frozen", image, "-ignore-term"))
	if err := e.Freeze(t.Context(), "frozen"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Prepare(t.Context(), spec("prepared", image)); err != nil {
		t.Fatal(err)
	}
	e.Close()
	if err := syscall.Kill(daemonPID(t, opts.DataDir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for pid := range processes(t, "-id running -address "+e.Address()) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for range 2 { // a second time finds nothing to do
		if err := containerd.Destroy(t.Context(), opts, true); err != nil {
			t.Fatalf("Destroy: %v", err)
		}
	}
	wantNothingLeft(t, opts.DataDir, key(e))
	if entries, err := os.ReadDir(opts.DataDir); err != nil || len(entries) != 0 {
		t.Errorf("data directory has %v, %v, want nothing", entries, err)
	}
}

// wantNothingLeft fails for each trace of a data directory outside of it.
func wantNothingLeft(t *testing.T, dataDir, key string) {
	t.Helper()
	if left := processes(t, dataDir); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	if left := processes(t, "slipway-"+key); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dataDir))
	if err != nil || len(mounts) > 0 {
		t.Errorf("mounts are left: %v, %v", mounts, err)
	}
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if strings.Contains(l.Name, key) {
			t.Errorf("network interface %s is left", l.Name)
		}
	}
	if out, err := exec.Command("nft", "list", "tables").Output(); err == nil && strings.Contains(string(out), key) {
		t.Errorf("nftables has %s", out)
	}
	for _, pattern := range []string{"/run/slipway-" + key, "/sys/fs/cgroup/slipway-" + key, "/sys/fs/cgroup/*/slipway-" + key} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	}
	backing, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	for _, file := range backing {
		if b, _ := os.ReadFile(file); strings.HasPrefix(string(b), dataDir) {
			t.Errorf("loop device of %s is left", b)
		}
	}
}

func TestEventsEndWithTheEngine(t *testing.T) {
	t.Parallel()
	e := open(t, options(t))
	events := e.Events(t.Context())
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case _, ok := <-events:
		if ok {
			t.Error("an event without an instance")
		}
	case <-time.After(patience):
		t.Error("events do not end with the engine")
	}
}
