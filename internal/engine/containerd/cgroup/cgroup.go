// Package cgroup reads and steers the control groups of instances by writing their files.
//
// What is on the path of a request (freeze, thaw) or read every few seconds (statistics) goes
// straight to the kernel here, because the way through containerd, a shim and an exec of runc
// costs milliseconds. Both versions of control groups are supported.
package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Hierarchy is where the kernel shows control groups on this machine.
type Hierarchy struct {
	// Unified is set for version 2, where one directory serves all controllers.
	Unified bool
	// Roots has the directory of each controller: "memory", "cpu", "cpuacct", "pids", "freezer".
	// Version 2 lists the same directory for all of them.
	Roots map[string]string
	// All has the directories of all hierarchies, also of controllers that we do not use: runc
	// makes a group in each.
	All []string
	// Tracking has the directories of the hierarchies by which a service manager knows which
	// processes belong to a service.
	Tracking []string
}

// Needed are the controllers that instances cannot do without.
var Needed = []string{"cpu", "cpuacct", "freezer", "memory", "pids"}

// Detect finds the hierarchy of this machine. A controller that the kernel does not offer has no
// entry in Roots.
func Detect() (Hierarchy, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return Hierarchy{}, fmt.Errorf("find control groups: %w", err)
	}
	defer f.Close()
	return detect(bufio.NewScanner(f))
}

func detect(mounts *bufio.Scanner) (Hierarchy, error) {
	v1 := map[string]string{}
	v2 := ""
	var all, tracking []string
	for mounts.Scan() {
		// "36 35 98:0 /root /mount/point rw,opts tags… - fstype source super,options"
		left, right, ok := strings.Cut(mounts.Text(), " - ")
		fields, tail := strings.Fields(left), strings.Fields(right)
		if !ok || len(fields) < 5 || len(tail) < 3 {
			continue
		}
		switch tail[0] {
		case "cgroup2":
			v2 = fields[4]
			all, tracking = append(all, fields[4]), append(tracking, fields[4])
		case "cgroup":
			all = append(all, fields[4])
			for controller := range strings.SplitSeq(tail[2], ",") {
				if slices.Contains(Needed, controller) {
					v1[controller] = fields[4]
				}
				if controller == "name=systemd" {
					tracking = append(tracking, fields[4])
				}
			}
		}
	}
	if err := mounts.Err(); err != nil {
		return Hierarchy{}, fmt.Errorf("find control groups: %w", err)
	}
	// A hybrid machine mounts both; its controllers are then in version 1.
	if len(v1) > 0 {
		return Hierarchy{Roots: v1, All: all, Tracking: tracking}, nil
	}
	if v2 == "" {
		return Hierarchy{}, errors.New("find control groups: none are mounted; mount cgroup2 on /sys/fs/cgroup")
	}
	return unified(v2)
}

func unified(root string) (Hierarchy, error) {
	h := Hierarchy{Unified: true, All: []string{root}, Tracking: []string{root}, Roots: map[string]string{
		// Part of the core of version 2, no controller file names them.
		"freezer": root, "cpuacct": root,
	}}
	b, err := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
	if err != nil {
		return h, fmt.Errorf("read controllers: %w", err)
	}
	for c := range strings.FieldsSeq(string(b)) {
		if slices.Contains(Needed, c) {
			h.Roots[c] = root
		}
	}
	return h, nil
}

// Missing lists the needed controllers that this machine does not offer.
func (h Hierarchy) Missing() []string {
	var missing []string
	for _, c := range Needed {
		if h.Roots[c] == "" {
			missing = append(missing, c)
		}
	}
	return missing
}

// Group returns the group at path below the root. It need not exist.
func (h Hierarchy) Group(path string) Group { return Group{h: h, path: path} }

// Group is one control group: in version 1, the directories of the same path in all controllers.
type Group struct {
	h    Hierarchy
	path string
}

// Path is the group's path below the root of the hierarchy.
func (g Group) Path() string { return g.path }

// Child returns the group called name below g.
func (g Group) Child(name string) Group { return g.h.Group(filepath.Join(g.path, name)) }

func (g Group) file(controller, name string) string {
	return filepath.Join(g.h.Roots[controller], g.path, name)
}

// dirs returns the distinct directories of the group.
func (g Group) dirs() []string {
	set := map[string]bool{}
	for _, root := range g.h.Roots {
		set[filepath.Join(root, g.path)] = true
	}
	for _, root := range g.h.All {
		set[filepath.Join(root, g.path)] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// Exists reports whether the kernel still has the group.
func (g Group) Exists() bool {
	_, err := os.Stat(g.file("freezer", "cgroup.procs"))
	return err == nil
}

// Processes returns the ids of the processes in the group, as the calling process sees them.
// A group that does not exist has none.
func (g Group) Processes() ([]int, error) {
	b, err := os.ReadFile(g.file("freezer", "cgroup.procs"))
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list processes of group %q: %w", g.path, err)
	}
	var pids []int
	for field := range strings.FieldsSeq(string(b)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Track moves a process to the group where a service manager looks, and nowhere else: it leaves
// the service that it was started from, and is not limited in any way.
func (g Group) Track(pid int) error {
	for _, root := range g.h.Tracking {
		dir := filepath.Join(root, g.path)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("create control group: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			return fmt.Errorf("move process %d to group %q: %w", pid, g.path, err)
		}
	}
	return nil
}

// Children lists the names of the groups below g.
func (g Group) Children() ([]string, error) {
	set := map[string]bool{}
	for _, dir := range g.dirs() {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list groups below %q: %w", g.path, err)
		}
		for _, e := range entries {
			if e.IsDir() {
				set[e.Name()] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set)), nil
}

// Remove deletes the group and those below it. None may have processes left.
func (g Group) Remove() error {
	children, err := g.Children()
	if err != nil {
		return err
	}
	for _, name := range children {
		if err := g.Child(name).Remove(); err != nil {
			return err
		}
	}
	for _, dir := range g.dirs() {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove control group %q: %w", dir, err)
		}
	}
	return nil
}
