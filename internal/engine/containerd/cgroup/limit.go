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

// Yield gives the group a twentieth of the processor time that others get, as long as these want it. It
// is no less, so that what is in the group comes to an end on a machine that is always busy.
func (g Group) Yield() error {
	if g.h.Unified {
		return g.write("cpu", "cpu.weight", "5") // of 100
	}
	return g.write("cpu", "cpu.shares", "51") // of 1024
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

// OOMKills counts the processes of the group, and of those below it, that were killed for want of
// memory. Only version 2 counts them so.
func (g Group) OOMKills() (int64, error) {
	events, err := g.readPairs("memory", "memory.events")
	return events["oom_kill"], err
}

// HitLimit reports, in version 1, whether the group has reached its memory limit since the last time
// that it was asked. Caches count too, which the kernel then makes room of.
func (g Group) HitLimit() (bool, error) {
	most, err1 := g.readInt("memory", "memory.max_usage_in_bytes")
	limit, err2 := g.readInt("memory", "memory.limit_in_bytes")
	if err := errors.Join(err1, err2); err != nil || most < limit {
		return false, err
	}
	return true, g.write("memory", "memory.max_usage_in_bytes", "0")
}

// Unified reports whether the group is of version 2.
func (g Group) Unified() bool { return g.h.Unified }

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
