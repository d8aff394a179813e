package kit

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/nftables"

	"github.com/slipway-run/slipway/internal/engine/containerd/cgroup"
)

// PoolNetworks is how many networks a Slipway keeps ready beside those of its instances: four in
// its pool and one that waits for room there.
const PoolNetworks = 5

// Machine is what a Slipway has on the machine: one line for each thing, by its kind.
type Machine map[string][]string

// String lists everything.
func (m Machine) String() string {
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(m)) {
		for _, line := range m[kind] {
			fmt.Fprintf(&b, "%s: %s\n", kind, line)
		}
	}
	return b.String()
}

// name is in the name of everything that the Slipway has outside of its data directory.
func (s *Slipway) name() string {
	dir, err := filepath.EvalSymlinks(s.Dir)
	if err != nil {
		dir = s.Dir // deleted; temporary directories are no links
	}
	sum := sha256.Sum256([]byte(dir))
	return hex.EncodeToString(sum[:4])
}

// Machine looks everywhere for what the Slipway has on the machine.
func (s *Slipway) Machine() Machine {
	s.t.Helper()
	m := Machine{}
	add := func(kind, line string) { m[kind] = append(m[kind], line) }
	for _, p := range s.processes() {
		add(p.kind, fmt.Sprintf("%d %s", p.pid, strings.Join(p.args, " ")))
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, s.Dir+"/") || strings.Contains(line, s.name()) {
			add("mount", strings.TrimSpace(line))
		}
	}
	links, err := net.Interfaces()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range links {
		switch {
		case l.Name == "sw"+s.name():
			add("bridge", l.Name)
		case strings.HasPrefix(l.Name, "v"+s.name()):
			add("cable", l.Name)
		}
	}
	for _, rule := range s.rules() {
		add("nftables", rule)
	}
	for _, id := range s.groups() {
		add("cgroup", id)
	}
	loops, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	for _, file := range loops {
		if b, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(b), s.Dir+"/") {
			add("loop device", file)
		}
	}
	for kind, pattern := range map[string]string{
		"sockets": "/run/slipway-" + s.name(), "instance": s.Dir + "/engine/instances/*", "namespace": s.Dir + "/engine/netns/*.*",
	} {
		found, _ := filepath.Glob(pattern)
		for _, file := range found {
			add(kind, file)
		}
	}
	return m
}

// rules finds the nftables tables that are named after the Slipway, and its rules in other tables.
func (s *Slipway) rules() []string {
	conn, err := nftables.New()
	if err != nil {
		s.t.Fatal(err)
	}
	tables, err := conn.ListTables()
	if err != nil {
		s.t.Fatal(err)
	}
	var found []string
	for _, table := range tables {
		if strings.Contains(table.Name, s.name()) {
			found = append(found, "table "+table.Name)
		}
	}
	filter := &nftables.Table{Name: "filter", Family: nftables.TableFamilyIPv4}
	rules, err := conn.GetRules(filter, &nftables.Chain{Name: "FORWARD", Table: filter})
	if err != nil {
		return found // there is no such table
	}
	for _, r := range rules {
		if bytes.Contains(r.UserData, []byte(s.name())) {
			found = append(found, fmt.Sprintf("rule %d of FORWARD", r.Handle))
		}
	}
	return found
}

func (s *Slipway) hierarchy() cgroup.Hierarchy {
	h, err := cgroup.Detect()
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

// groups lists the control groups of the Slipway: the parent as ".", and one for each instance.
func (s *Slipway) groups() []string {
	parent := s.hierarchy().Group("/slipway-" + s.name())
	if !parent.Exists() {
		return nil
	}
	children, err := parent.Children()
	if err != nil {
		s.t.Fatal(err)
	}
	children = slices.DeleteFunc(children, func(id string) bool { return id == engineGroup })
	return append([]string{"."}, children...)
}

// engineGroup is the control group of the engine's own processes, beside those of the instances.
const engineGroup = "_engine"

// process is one process of a Slipway.
type process struct {
	pid  int
	args []string
	kind string // daemon, containerd, shim, log writer, runc, instance or other process
}

// processes finds those that name the data directory or the sockets, and those of instances.
func (s *Slipway) processes() []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		s.t.Fatal(err)
	}
	var found []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		line, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err != nil || len(line) == 0 {
			continue // ended, or of the kernel
		}
		group, _ := os.ReadFile("/proc/" + e.Name() + "/cgroup")
		p := process{pid: pid, args: strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")}
		inGroup := bytes.Contains(group, []byte("slipway-"+s.name())) && !bytes.Contains(group, []byte(engineGroup))
		switch names := bytes.Contains(line, []byte(s.Dir)) || bytes.Contains(line, []byte(s.name())); {
		case inGroup:
			p.kind = "process of an instance"
		case names:
			p.kind = cmp.Or(map[string]string{
				"slipway": "daemon", "containerd": "containerd", "containerd-shim-runc-v2": "shim", "slipway-log": "log writer",
			}[filepath.Base(p.args[0])], "other process")
		default:
			continue
		}
		found = append(found, p)
	}
	return found
}

// PIDs returns the processes of a kind: daemon, containerd, shim or log writer.
func (s *Slipway) PIDs(kind string) []int {
	s.t.Helper()
	var pids []int
	for _, p := range s.processes() {
		if p.kind == kind {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

// Instances returns the processes of every instance that runs, as the host sees them, by the id of
// the instance. A process is its number and the time it began, so that none is taken for another.
func (s *Slipway) Instances() map[string]string {
	s.t.Helper()
	running, _ := s.instances()
	return running
}

// instances returns the instances that run, and those that are only prepared.
func (s *Slipway) instances() (running, prepared map[string]string) {
	parent := s.hierarchy().Group("/slipway-" + s.name())
	running, prepared = map[string]string{}, map[string]string{}
	for _, id := range s.groups() {
		pids, err := parent.Child(id).Processes()
		if err != nil {
			s.t.Fatal(err)
		}
		for _, pid := range pids {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if err != nil {
				continue // it has just ended
			}
			all := running
			if bytes.Contains(stat, []byte("(runc:[2:INIT])")) { // it waits to become the command
				all = prepared
			}
			fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
			all[id] += fmt.Sprintf("%d began %s;", pid, fields[19])
		}
	}
	return running, prepared
}

// PID1 is the first process of an instance.
func (s *Slipway) PID1(instance string) int {
	s.t.Helper()
	number, _, _ := strings.Cut(s.Instances()[instance], " ")
	pid, err := strconv.Atoi(number)
	if err != nil {
		s.t.Fatalf("instance %s has no process", instance)
	}
	return pid
}

// AwaitSettled waits until exactly n instances run, with at most two spares for each, and nothing is left
// over of any other: no container, shim, log writer, disk, control group or network.
func (s *Slipway) AwaitSettled(n int) {
	s.t.Helper()
	s.Eventually(fmt.Sprintf("%d instances and nothing else", n), 20*time.Second, func() error {
		m := s.Machine()
		running, prepared := s.instances()
		if len(running) != n || len(prepared) > 2*n {
			return fmt.Errorf("%d instances run, and %d are prepared:\n%v", len(running), len(prepared), m)
		}
		n := n + len(prepared)
		for _, kind := range []string{"shim", "log writer", "loop device", "instance"} {
			if len(m[kind]) != n {
				return fmt.Errorf("there are %d of %q:\n%v", len(m[kind]), kind, m)
			}
		}
		if len(m["cgroup"]) > n+1 {
			return fmt.Errorf("there are %d control groups:\n%v", len(m["cgroup"])-1, m)
		}
		for _, kind := range []string{"cable", "namespace"} {
			if len(m[kind]) > n+PoolNetworks {
				return fmt.Errorf("there are %d of %q:\n%v", len(m[kind]), kind, m)
			}
		}
		return nil
	})
}
