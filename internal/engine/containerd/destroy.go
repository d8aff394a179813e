package containerd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/engine/containerd/cgroup"
	"github.com/slipway-run/slipway/internal/engine/containerd/network"
)

// Destroy ends everything that the engine of a data directory runs or has set up on the machine:
// instances, containerd, mounts, network, control groups, sockets. It asks nothing of containerd,
// so it also works on what a crash left. Images, logs and templates stay, unless deleteData is
// set. Nobody may have the data directory open.
func Destroy(ctx context.Context, opts Options, deleteData bool) error {
	opts = opts.withDefaults()
	if _, err := os.Stat(opts.DataDir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	p, err := newPaths(opts.DataDir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(p.engine); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := lockFile(p.file("lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	h, err := cgroup.Detect()
	if err != nil {
		return err
	}
	if err := p.endProcesses(ctx, h.Group(p.cgroup())); err != nil {
		return err // what they hold cannot be removed
	}
	if err := p.emptyRoom(ctx, h.Group(p.roomGroup())); err != nil {
		return err
	}
	net := network.Config{Key: p.key, Dir: p.netns(), Logger: opts.Logger}
	errs := []error{p.unmountAll(), network.Destroy(net), removeGroups(ctx, h.Group(p.cgroup()))}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return p.removeFiles(deleteData)
}

func (p paths) removeFiles(all bool) error {
	remove := []string{p.run}
	if all {
		remove = append(remove, p.engine)
	} else {
		for _, name := range []string{"state", "runc", "instances", "netns", "tmp", "containerd.json"} {
			remove = append(remove, p.file(name))
		}
	}
	var errs []error
	for _, path := range remove {
		errs = append(errs, os.RemoveAll(path))
	}
	return errors.Join(errs...)
}

// endProcesses ends containerd first, so that it does not react to the end of the others; then
// the shims and what runc left, then the instances, and last the log writers, which end by
// themselves when the instances do.
func (p paths) endProcesses(ctx context.Context, groups cgroup.Group) error {
	if err := readProcess(p.file("containerd.json")).terminateIfAlive(stopTimeout); err != nil {
		return err
	}
	for _, step := range []func([]string) bool{p.isContainerd, p.isShim} {
		if err := killAll(ctx, step); err != nil {
			return err
		}
	}
	if err := killGroups(ctx, groups); err != nil {
		return err
	}
	polite, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if awaitNone(polite, p.isLogWriter) == nil {
		return nil
	}
	return killAll(ctx, p.isLogWriter)
}

func (p paths) isContainerd(args []string) bool {
	return slices.Contains(args, p.file("config.toml")) && filepath.Base(args[0]) == "containerd"
}

// isShim matches shims, which are told the socket of their containerd, and runc, which is told
// where its state is.
func (p paths) isShim(args []string) bool {
	return slices.Contains(args, p.socket()) || slices.ContainsFunc(args, func(a string) bool {
		return strings.HasPrefix(a, p.file("runc")+"/")
	})
}

func (p paths) isLogWriter(args []string) bool {
	return filepath.Base(args[0]) == "slipway-log" && slices.ContainsFunc(args, func(a string) bool {
		return strings.HasPrefix(a, p.logs()+"/")
	})
}

// killAll kills the processes that match, and those that they may have started meanwhile.
func killAll(ctx context.Context, match func([]string) bool) error {
	for {
		found, err := processesWith(match)
		if err != nil || len(found) == 0 {
			return err
		}
		for _, proc := range found {
			if err := proc.terminate(0); err != nil {
				return err
			}
		}
		if err := retryPause(ctx); err != nil {
			return fmt.Errorf("kill processes: %w", err)
		}
	}
}

func awaitNone(ctx context.Context, match func([]string) bool) error {
	for {
		found, err := processesWith(match)
		if err != nil || len(found) == 0 {
			return err
		}
		if err := retryPause(ctx); err != nil {
			return err
		}
	}
}

// killGroups kills every process in the groups below parent.
func killGroups(ctx context.Context, parent cgroup.Group) error {
	children, err := parent.Children()
	if err != nil {
		return err
	}
	for _, name := range children {
		if name == engineGroup { // log writers are left, and end by themselves
			continue
		}
		if err := killGroup(ctx, parent.Child(name)); err != nil {
			return err
		}
	}
	return nil
}

// killGroup kills every process in a group, also those that are started meanwhile.
func killGroup(ctx context.Context, g cgroup.Group) error {
	for {
		pids, err := g.Processes()
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill process %d: %w", pid, err)
			}
		}
		if err := g.Thaw(ctx); err != nil && !errors.Is(err, cgroup.ErrGone) {
			return err
		}
		if err := retryPause(ctx); err != nil {
			return fmt.Errorf("%d processes of group %q do not end: %w", len(pids), g.Path(), err)
		}
	}
}

// removeGroups tries for a moment: the kernel takes processes out of a group a little after they
// ended.
func removeGroups(ctx context.Context, g cgroup.Group) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		err := g.Remove()
		if err == nil || !errors.Is(err, syscall.EBUSY) || retryPause(ctx) != nil {
			return err
		}
	}
}

// unmountAll unmounts what is mounted below the engine's directory, innermost first, and detaches
// loop devices that have not gone with their mounts.
func (p paths) unmountAll() error {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(p.engine))
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	var errs []error
	for _, m := range slices.Backward(mounts) {
		if err := unix.Unmount(m.Mountpoint, unix.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			errs = append(errs, fmt.Errorf("unmount %q: %w", m.Mountpoint, err))
		}
	}
	return errors.Join(append(errs, p.detachLoops())...)
}

func (p paths) detachLoops() error {
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return err
	}
	var errs []error
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(b), p.instances()+"/") && !strings.HasPrefix(string(b), p.room()+"/") {
			continue
		}
		device := "/dev/" + strings.Split(file, "/")[3]
		f, err := os.Open(device)
		if err == nil {
			err = unix.IoctlSetInt(int(f.Fd()), unix.LOOP_CLR_FD, 0)
			f.Close()
		}
		if err != nil && !errors.Is(err, syscall.ENXIO) {
			errs = append(errs, fmt.Errorf("detach loop device %q: %w", device, err))
		}
	}
	return errors.Join(errs...)
}
