package cgroup

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// tree writes files of control groups below a directory of each controller.
func tree(t *testing.T, unified bool, files map[string]string) Group {
	t.Helper()
	root := t.TempDir()
	h := Hierarchy{Unified: unified, Roots: map[string]string{}}
	for _, c := range Needed {
		h.Roots[c] = root
		if !unified {
			h.Roots[c] = filepath.Join(root, c)
		}
		if err := os.MkdirAll(filepath.Join(h.Roots[c], "parent", "one"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		controller, file, ok := strings.Cut(name, "/")
		if !ok {
			controller, file = "memory", name
		}
		if err := os.WriteFile(filepath.Join(h.Roots[controller], "parent", "one", file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return h.Group("/parent").Child("one")
}

func TestStats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		unified bool
		files   map[string]string
		want    Stats
		memory  Memory
	}{
		{"version 1", false, map[string]string{
			"cpuacct/cpuacct.usage":        "1500000000\n",
			"memory.usage_in_bytes":        "10000\n",
			"memory.stat":                  "cache 5\ninactive_file 1\ntotal_inactive_file 4000\n",
			"memory.limit_in_bytes":        "20000\n",
			"memory.max_usage_in_bytes":    "15000\n",
			"memory.oom_control":           "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
			"pids/pids.current":            "3\n",
			"freezer/cgroup.procs":         "1\n",
			"memory/memory.unrelated_file": "",
		}, Stats{1500 * time.Millisecond, 6000, 20000, 3}, Memory{15000, 2}},
		{"version 1 without a limit", false, map[string]string{
			"cpuacct/cpuacct.usage": "0", "memory.usage_in_bytes": "1", "memory.stat": "total_inactive_file 5\n",
			"memory.limit_in_bytes": "9223372036854771712\n", "pids/pids.current": "0",
			"memory.max_usage_in_bytes": "1", "memory.oom_control": "oom_kill_disable 0\n",
		}, Stats{}, Memory{Peak: 1}},
		{"version 2", true, map[string]string{
			"cpu.stat":       "usage_usec 1500000\nuser_usec 1\n",
			"memory.current": "10000\n",
			"memory.stat":    "anon 1\ninactive_file 4000\n",
			"memory.max":     "20000\n",
			"memory.peak":    "15000\n",
			"memory.events":  "low 0\noom 3\noom_kill 2\noom_group_kill 0\n",
			"pids.current":   "3\n",
		}, Stats{1500 * time.Millisecond, 6000, 20000, 3}, Memory{15000, 2}},
		{"version 2 without a limit, on a kernel without a peak", true, map[string]string{
			"cgroup.procs": "",
			"cpu.stat":     "usage_usec 0\n", "memory.current": "1", "memory.stat": "inactive_file 0\n",
			"memory.max": "max\n", "memory.events": "oom_kill 0\n", "pids.current": "0",
		}, Stats{Memory: 1}, Memory{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := tree(t, c.unified, c.files)
			got, err := g.Stats()
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("Stats: %v (-want +got):\n%s", err, diff)
			}
			mem, err := g.Memory()
			if diff := cmp.Diff(c.memory, mem); diff != "" || err != nil {
				t.Errorf("Memory: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestGoneGroup(t *testing.T) {
	t.Parallel()
	for _, unified := range []bool{false, true} {
		g := tree(t, unified, nil).Child("missing")
		_, statsErr := g.Stats()
		_, memErr := g.Memory()
		_, frozenErr := g.Frozen()
		for name, err := range map[string]error{
			"Stats": statsErr, "Memory": memErr, "Frozen": frozenErr, "Freeze": g.Freeze(t.Context()), "Thaw": g.Thaw(t.Context()),
		} {
			if !errors.Is(err, ErrGone) {
				t.Errorf("unified %t, %s: %v, want ErrGone", unified, name, err)
			}
		}
		if pids, err := g.Processes(); len(pids) > 0 || err != nil {
			t.Errorf("Processes: %v, %v, want none", pids, err)
		}
		if g.Exists() {
			t.Error("a missing group exists")
		}
		if err := g.Remove(); err != nil {
			t.Errorf("Remove: %v", err)
		}
	}
}

func TestFreezeWaitsForTheKernel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		unified bool
		files   map[string]string // as a kernel that does not act leaves them
	}{
		{"version 2", true, map[string]string{"cgroup.freeze": "0", "cgroup.events": "populated 1\nfrozen 0\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := tree(t, c.unified, c.files)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if err := g.Freeze(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Freeze: %v, want deadline exceeded", err)
			}
			if frozen, err := g.Frozen(); err != nil || frozen {
				t.Errorf("Frozen: %t, %v, want that it runs after a freeze that failed", frozen, err)
			}
			if err := g.Thaw(t.Context()); err != nil {
				t.Errorf("Thaw: %v", err)
			}
			if frozen, err := g.Frozen(); err != nil || frozen {
				t.Errorf("Frozen after Thaw: %t, %v", frozen, err)
			}
		})
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	v2 := t.TempDir()
	if err := os.WriteFile(filepath.Join(v2, "cgroup.controllers"), []byte("cpuset cpu io memory\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, mounts string
		want         Hierarchy
		missing      []string
	}{
		{"version 1 with joined controllers", `
25 24 0:20 / /cg/cpu,cpuacct rw shared:1 - cgroup cgroup rw,cpu,cpuacct
26 24 0:21 / /cg/memory rw - cgroup cgroup rw,memory
27 24 0:22 / /cg/blkio rw - cgroup cgroup rw,blkio
30 24 0:25 / /cg/systemd rw - cgroup cgroup rw,name=systemd
28 24 0:23 / /cg/unified rw - cgroup2 cgroup2 rw
29 24 0:24 / / rw - ext4 /dev/vda rw,memory
`, Hierarchy{
			Roots:    map[string]string{"cpu": "/cg/cpu,cpuacct", "cpuacct": "/cg/cpu,cpuacct", "memory": "/cg/memory"},
			All:      []string{"/cg/cpu,cpuacct", "/cg/memory", "/cg/blkio", "/cg/systemd", "/cg/unified"},
			Tracking: []string{"/cg/systemd", "/cg/unified"},
		}, []string{"freezer", "pids"}},
		{"version 2", "25 24 0:20 / " + v2 + " rw - cgroup2 cgroup2 rw", Hierarchy{
			Unified: true, All: []string{v2}, Tracking: []string{v2},
			Roots: map[string]string{"cpu": v2, "cpuacct": v2, "freezer": v2, "memory": v2},
		}, []string{"pids"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := detect(bufio.NewScanner(strings.NewReader(c.mounts)))
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("detect: %v (-want +got):\n%s", err, diff)
			}
			if diff := cmp.Diff(c.missing, got.Missing(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("Missing (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := detect(bufio.NewScanner(strings.NewReader(""))); err == nil {
		t.Error("detect without control groups succeeded")
	}
}

// TestReclaim checks what is written for a kernel of version 2, and that one of version 1 acts.
func TestReclaim(t *testing.T) {
	t.Parallel()
	g := tree(t, true, map[string]string{"memory.stat": "anon 5\nfile 8192\n", "memory.reclaim": ""})
	if err := g.Reclaim(); err != nil {
		t.Error(err)
	}
	if got, err := g.read("memory", "memory.reclaim"); err != nil || got != "8192" {
		t.Errorf("asked for %q, %v", got, err)
	}
	for _, unified := range []bool{false, true} {
		if err := tree(t, unified, map[string]string{"memory.stat": "file 4096\n"}).Reclaim(); err != nil {
			t.Errorf("unified %t, a kernel that does not offer it: %v", unified, err)
		}
	}
}

// TestRealGroup freezes a real process.
func TestRealGroup(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make control groups")
	}
	h, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	parent := h.Group("/slipway-test-" + strconv.Itoa(os.Getpid()))
	g := parent.Child("one")
	for _, dir := range g.dirs() {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Skipf("cannot make control groups: %v", err)
		}
	}
	// It writes a file when it is in the group, so that the group has pages that can be taken back.
	cmd := exec.Command("sh", "-c", `read go; dd if=/dev/zero of="$0" bs=1M count=16 conv=fsync 2>/dev/null; echo done; exec sleep 60`, filepath.Join(t.TempDir(), "file"))
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = g.Thaw(context.Background())
		_ = cmd.Wait()
		if err := parent.Remove(); err != nil {
			t.Error(err)
		}
		if g.Exists() {
			t.Error("group exists after Remove")
		}
	})
	for _, c := range []string{"freezer", "memory", "pids", "cpuacct", "cpu"} {
		if err := os.WriteFile(g.file(c, "cgroup.procs"), []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := in.Write([]byte("go\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "done\n" {
		t.Fatalf("the process says %q, %v", line, err)
	}
	if pids, err := g.Processes(); err != nil || len(pids) != 1 || pids[0] != cmd.Process.Pid {
		t.Errorf("Processes: %v, %v, want %d", pids, err, cmd.Process.Pid)
	}
	for _, want := range []bool{true, true, false, false} {
		if err := g.setFrozen(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if got, err := g.Frozen(); err != nil || got != want {
			t.Errorf("Frozen: %t, %v, want %t", got, err, want)
		}
	}
	if h.Missing() == nil {
		wantReclaimed(t, g)
	}
	if st, err := g.Stats(); h.Missing() == nil && (err != nil || st.Processes != 1) {
		t.Errorf("Stats: %+v, %v, want one process", st, err)
	}
}

// wantReclaimed checks that a group gives back the file that it has written.
func wantReclaimed(t *testing.T, g Group) {
	t.Helper()
	used := func() int64 {
		name := "memory.usage_in_bytes"
		if g.h.Unified {
			name = "memory.current"
		}
		n, err := g.readInt("memory", name)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := used()
	if err := g.Reclaim(); err != nil {
		t.Fatal(err)
	}
	if after := used(); before < 16<<20 || after > before-(12<<20) {
		t.Errorf("of %d bytes %d are left", before, after)
	}
}
