package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// What follows makes groups by hand. The groups of instances are made by runc.

// Create makes the group, ready to be limited and to have groups below it that are.
func (g Group) Create() error {
	for _, dir := range g.dirs() {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("create control group %q: %w", g.path, err)
		}
	}
	if !g.h.Unified {
		return nil
	}
	return g.delegate(filepath.Dir(g.path))
}

// delegate lets the groups below path have limits, from the root on. Version 2 wants to be told.
func (g Group) delegate(path string) error {
	if path != "/" {
		if err := g.delegate(filepath.Dir(path)); err != nil {
			return err
		}
	}
	file := filepath.Join(g.h.Roots["freezer"], path, "cgroup.subtree_control")
	for _, controller := range []string{"cpu", "memory", "pids"} {
		if g.h.Roots[controller] == "" {
			continue
		}
		if err := os.WriteFile(file, []byte("+"+controller), 0); err != nil {
			return fmt.Errorf("let groups below %q be limited by %s: %w", path, controller, err)
		}
	}
	return nil
}

// Add moves a process to the group, in all hierarchies that limit it or tell where it belongs.
func (g Group) Add(pid int) error {
	if err := g.Track(pid); err != nil {
		return err
	}
	for controller := range g.h.Roots {
		if err := g.write(controller, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return err
		}
	}
	return nil
}

// Yield lets the group have processor time only where nobody else wants it.
func (g Group) Yield() error {
	name, least := "cpu.shares", "2"
	if g.h.Unified {
		name, least = "cpu.weight", "1"
	}
	if err := g.write("cpu", name, least); err != nil {
		return err
	}
	// Since Linux 5.15: who is idle is also preempted at once. Without it the weight has to do.
	if err := g.write("cpu", "cpu.idle", "1"); err != nil && !errors.Is(err, ErrGone) {
		return err
	}
	return nil
}

// LimitMemory is in bytes, without swap where the kernel can tell the two apart.
func (g Group) LimitMemory(bytes int64) error {
	limit := strconv.FormatInt(bytes, 10)
	if g.h.Unified {
		return errors.Join(g.write("memory", "memory.max", limit), ignoreGone(g.write("memory", "memory.swap.max", "0")))
	}
	// The groups below count for this one only when told so, by kernels before 5.11.
	_ = g.write("memory", "memory.use_hierarchy", "1")
	return errors.Join(
		g.write("memory", "memory.limit_in_bytes", limit),
		ignoreGone(g.write("memory", "memory.memsw.limit_in_bytes", limit)),
	)
}

// LimitPids bounds processes and threads. With 0 there can be no new one.
func (g Group) LimitPids(n int64) error { return g.write("pids", "pids.max", strconv.FormatInt(n, 10)) }

// MemoryHits counts how often a process of the group or of one below it was killed for want of memory.
// Version 1 counts that for each group alone, so there it is how often the limit was hit.
func (g Group) MemoryHits() (int64, error) {
	if g.h.Unified {
		events, err := g.readPairs("memory", "memory.events")
		return events["oom_kill"], err
	}
	return g.readInt("memory", "memory.failcnt")
}

// Tree lists the group and all below it, the deepest first.
func (g Group) Tree() ([]Group, error) {
	names, err := g.Children()
	if err != nil {
		return nil, err
	}
	var all []Group
	for _, name := range names {
		below, err := g.Child(name).Tree()
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	return append(all, g), nil
}

func ignoreGone(err error) error {
	if errors.Is(err, ErrGone) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
