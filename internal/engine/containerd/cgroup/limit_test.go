package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Limits are written as each version of the kernel wants them.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		unified bool
		empty   []string // files that the kernel would make
		want    map[string]string
	}{
		{"version 1", false, []string{"cpu/cpu.shares", "memory/memory.limit_in_bytes", "memory/memory.memsw.limit_in_bytes", "pids/pids.max"}, map[string]string{
			"cpu/cpu.shares": "51", "memory/memory.limit_in_bytes": "1000", "memory/memory.memsw.limit_in_bytes": "1000", "pids/pids.max": "7",
		}},
		{"version 1 without accounting of swap", false, []string{"cpu/cpu.shares", "memory/memory.limit_in_bytes", "pids/pids.max"}, map[string]string{
			"memory/memory.limit_in_bytes": "1000",
		}},
		{"version 2", true, []string{"cpu.weight", "memory.max", "memory.swap.max", "pids.max"}, map[string]string{
			"cpu.weight": "5", "memory.max": "1000", "memory.swap.max": "0", "pids.max": "7",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{}
			for _, f := range c.empty {
				if c.unified {
					f = "memory/" + f // one directory serves all
				}
				files[f] = ""
			}
			g := tree(t, c.unified, files)
			for _, err := range []error{g.Yield(), g.LimitMemory(1000), g.LimitPids(7)} {
				if err != nil {
					t.Error(err)
				}
			}
			for name, want := range c.want {
				controller, file, ok := strings.Cut(name, "/")
				if !ok {
					controller, file = "memory", name
				}
				data, err := os.ReadFile(g.file(controller, file))
				if err != nil || string(data) != want {
					t.Errorf("%s is %q (%v), want %q", name, data, err, want)
				}
			}
		})
	}
}

// Version 2 wants every group above to pass the controllers on.
func TestCreateDelegates(t *testing.T) {
	t.Parallel()
	g := tree(t, true, nil)
	below := g.Child("two")
	if err := below.Create(); err != nil {
		t.Fatal(err)
	}
	for _, above := range []string{"", "parent", "parent/one"} {
		data, err := os.ReadFile(filepath.Join(g.h.Roots["memory"], above, "cgroup.subtree_control"))
		if err != nil || len(data) == 0 {
			t.Errorf("group %q passes on %q (%v)", above, data, err)
		}
	}
	if _, err := os.Stat(filepath.Join(g.h.Roots["memory"], below.Path())); err != nil {
		t.Error(err)
	}
}

func TestHitLimitIsToldOnce(t *testing.T) {
	t.Parallel()
	g := tree(t, false, map[string]string{"memory.max_usage_in_bytes": "1000\n", "memory.limit_in_bytes": "1000\n"})
	if hit, err := g.HitLimit(); err != nil || !hit {
		t.Errorf("at the limit: %t, %v", hit, err)
	}
	if hit, err := g.HitLimit(); err != nil || hit {
		t.Errorf("asked again: %t, %v", hit, err)
	}
}

func TestOOMKillsOfAllBelow(t *testing.T) {
	t.Parallel()
	g := tree(t, true, map[string]string{"memory.events": "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\n"})
	if n, err := g.OOMKills(); err != nil || n != 2 {
		t.Errorf("%d, %v", n, err)
	}
}
