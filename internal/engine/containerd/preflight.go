package containerd

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/engine/containerd/cgroup"
	"github.com/slipway-run/slipway/internal/engine/containerd/network"
)

// Problem is something that the engine needs and this machine lacks.
type Problem struct {
	What  string // what is missing, and what for
	Fix   string // how to get it
	Fatal bool   // no instance can run without it
}

// Preflight looks for all that the engine needs, without changing anything that lasts. It returns
// what is wrong; nothing means that Open is expected to succeed.
func Preflight(opts Options) []Problem {
	if os.Geteuid() != 0 {
		// Most of the other checks would only fail for the same reason.
		return []Problem{{"Slipway does not run as root, which making containers needs.", "Run it with sudo or as a system service.", true}}
	}
	var found []Problem
	for _, check := range []func(Options) []Problem{
		checkBinaries, checkGroups, checkKernel, checkDisks, checkNetwork,
	} {
		found = append(found, check(opts)...)
	}
	return found
}

func checkBinaries(opts Options) []Problem {
	var found []Problem
	for _, name := range []string{"containerd", "containerd-shim-runc-v2", "runc", "slipway-log", "slipway-runc"} {
		path := filepath.Join(opts.BinDir, name)
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			continue
		}
		found = append(found, Problem{
			fmt.Sprintf("The engine's program %q is missing or not executable.", path),
			"Run make build, or unpack the release again: the programs come with Slipway.", true,
		})
	}
	return found
}

func checkGroups(Options) []Problem {
	h, err := cgroup.Detect()
	if err != nil {
		return []Problem{{fmt.Sprintf("Control groups, which limit CPU and memory of instances, are not there: %v.", err),
			"Mount them: mount -t cgroup2 none /sys/fs/cgroup", true}}
	}
	var found []Problem
	for _, c := range h.Missing() {
		found = append(found, Problem{
			fmt.Sprintf("The control group controller %q is not there, which limits instances.", c),
			fmt.Sprintf("Boot without cgroup_disable=%s; a kernel of your own needs its option (CONFIG_MEMCG, CONFIG_CGROUP_PIDS, CONFIG_CFS_BANDWIDTH, CONFIG_CGROUP_FREEZER). In a container, pass the controllers on.", c), true,
		})
	}
	return found
}

// checkKernel looks for what containers are made of.
func checkKernel(Options) []Problem {
	var found []Problem
	for _, ns := range []string{"pid", "mnt", "ipc", "uts", "net"} {
		if _, err := os.Stat("/proc/self/ns/" + ns); err != nil {
			found = append(found, Problem{fmt.Sprintf("The kernel has no %s namespaces, which keep instances apart.", ns),
				fmt.Sprintf("Use a kernel with CONFIG_%s_NS, such as that of any Debian or Ubuntu.", strings.ToUpper(ns)), true})
		}
	}
	if !hasFilesystem("overlay") {
		found = append(found, Problem{"The kernel has no overlay file system, which puts the layers of an image together.",
			"modprobe overlay (CONFIG_OVERLAY_FS)", true})
	}
	// The kernel answers EFAULT to a filter at no address only if it knows filters.
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, 0, 0, 0); err == unix.EINVAL {
		found = append(found, Problem{"The kernel has no seccomp filters, which bound the system calls of instances.",
			"Use a kernel with CONFIG_SECCOMP_FILTER.", true})
	}
	return found
}

func checkDisks(Options) []Problem {
	var found []Problem
	if _, ok := mkfsPath(); !ok {
		found = append(found, Problem{"mkfs.ext4 is missing, which makes the disks of instances.", "apt-get install e2fsprogs", true})
	}
	if !hasFilesystem("ext4") {
		found = append(found, Problem{"The kernel has no ext4 file system, which the disks of instances have.", "modprobe ext4 (CONFIG_EXT4_FS)", true})
	}
	ctl, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err == nil {
		_, err = unix.IoctlRetInt(int(ctl.Fd()), unix.LOOP_CTL_GET_FREE)
		ctl.Close()
	}
	if err != nil {
		found = append(found, Problem{fmt.Sprintf("There are no loop devices, which hold the disks of instances: %v.", err),
			"modprobe loop (CONFIG_BLK_DEV_LOOP). In a container, give it /dev/loop-control and the devices.", true})
	}
	return found
}

func checkNetwork(Options) []Problem {
	var found []Problem
	for _, p := range network.Check() {
		found = append(found, Problem{p.What, p.Fix, p.Fatal})
	}
	return found
}

// hasFilesystem reports whether the kernel knows a file system, or has a module for it.
func hasFilesystem(name string) bool {
	f, err := os.Open("/proc/filesystems")
	if err != nil {
		return false
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 0 && fields[len(fields)-1] == name {
			return true
		}
	}
	return hasModule(name)
}

// hasModule reports whether the kernel would load a module when it is first used.
func hasModule(name string) bool {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return false
	}
	release := unix.ByteSliceToString(u.Release[:])
	b, err := os.ReadFile(filepath.Join("/lib/modules", release, "modules.dep"))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(strings.Split(string(b), "\n"), func(line string) bool {
		path, _, _ := strings.Cut(line, ":")
		base, _, _ := strings.Cut(filepath.Base(path), ".")
		return base == name
	})
}
