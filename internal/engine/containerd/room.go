package containerd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/build/room"
	"github.com/slipway-run/slipway/internal/engine/containerd/cgroup"
	"github.com/slipway-run/slipway/internal/engine/containerd/network"
)

// A room is where builds happen: one contained place on the machine, beside instances. Its disk is kept;
// everything else of it is made anew whenever it is opened, so that nothing has to be adopted.

// The groups in that of the room. Limits are on the steps alone: what they use up must not end the
// program that runs them.
const (
	roomDaemon = "daemon"
	roomSteps  = "steps"
)

func (p paths) room() string { return p.file("build") }

// roomGroup is no child of the group of instances, but beside it, and so of less weight than everything
// on the machine.
func (p paths) roomGroup() string { return p.cgroup() + "-build" }

// OpenRoom makes the room. What an earlier process left running in it is ended.
func (e *Engine) OpenRoom(ctx context.Context, spec room.Spec) (room.Room, error) {
	if err := e.CloseRoom(ctx); err != nil {
		return room.Room{}, err
	}
	if err := os.MkdirAll(e.paths.room(), 0o700); err != nil {
		return room.Room{}, fmt.Errorf("make the room of builds: %w", err)
	}
	fresh, err := ensureRoomDisk(ctx, e.paths.room(), spec)
	if err != nil {
		return room.Room{}, err
	}
	steps, err := makeRoomGroups(e.roomGroup(), spec)
	if err != nil {
		return room.Room{}, err
	}
	if _, err := e.net.Seclude(); err != nil {
		return room.Room{}, err
	}
	var resolv strings.Builder
	for _, a := range e.dns {
		fmt.Fprintf(&resolv, "nameserver %s\n", a)
	}
	if err := os.WriteFile(filepath.Join(e.paths.room(), "resolv.conf"), []byte(resolv.String()), 0o644); err != nil {
		return room.Room{}, fmt.Errorf("make the room of builds: %w", err)
	}
	return room.Room{
		Dir: e.paths.room(), Disk: roomDisk(e.paths.room()), Sockets: e.paths.run, Steps: steps.Path(), DNS: e.dns, Fresh: fresh,
		Bridge: network.InnerBridge, Subnet: network.InnerSubnet, MTU: e.net.MTU(),
	}, nil
}

func (e *Engine) roomGroup() cgroup.Group { return e.hierarchy.Group(e.paths.roomGroup()) }

func makeRoomGroups(g cgroup.Group, spec room.Spec) (steps cgroup.Group, err error) {
	daemon, steps := g.Child(roomDaemon), g.Child(roomSteps)
	for _, each := range []cgroup.Group{g, daemon, steps} {
		if err := each.Create(); err != nil {
			return steps, err
		}
	}
	if err := g.Yield(); err != nil {
		return steps, err
	}
	if spec.CPUs > 0 {
		const period = 100_000 // µs
		if err := g.SetCPU(int64(spec.CPUs*period), period); err != nil {
			return steps, err
		}
	}
	return steps, errors.Join(steps.LimitMemory(spec.Memory), steps.LimitPids(spec.Pids))
}

// StartInRoom starts a program in the network and the control group of the room, with mounts that
// nobody else sees and that end with it. Only in there can what is on the disk be deleted.
func (e *Engine) StartInRoom(cmd *exec.Cmd, without ...string) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		done <- e.enterRoom(cmd, without)
	}()
	return <-done
}

func (e *Engine) enterRoom(cmd *exec.Cmd, without []string) error {
	home, err := os.Open("/proc/thread-self/ns/mnt")
	if err != nil {
		return fmt.Errorf("find the mount namespace: %w", err)
	}
	defer home.Close()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace: %w", err)
	}
	// The thread ends with the goroutine, but for the first thread of a process, which goes on for ever: it
	// must not hold the disk.
	defer func() { _ = unix.Setns(int(home.Fd()), unix.CLONE_NEWNS) }()
	// What is unmounted on the host is unmounted here too, where the host shares its mounts.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("keep mounts apart: %w", err)
	}
	if err := coverHost(filepath.Join(e.paths.room(), "resolv.conf")); err != nil {
		return err
	}
	if err := (network.Endpoint{Path: e.net.Path(e.net.Secluded())}).Enter(); err != nil {
		return err
	}
	if err := leaveMounts(); err != nil {
		return err
	}
	if err := mountRoomDisk(e.paths.room()); err != nil {
		return fmt.Errorf("mount the disk of builds (are there free loop devices?): %w", err)
	}
	for _, path := range without {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("clear the disk of builds: %w", err)
		}
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Groups: []uint32{uint32(reserved)}}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %q in the room of builds: %w", cmd.Path, err)
	}
	if err := e.roomGroup().Child(roomDaemon).Add(cmd.Process.Pid); err != nil {
		return errors.Join(err, cmd.Process.Kill())
	}
	e.roomPID.Store(int64(cmd.Process.Pid))
	return nil
}

// leaveMounts gives up what is mounted for containers, namespaces and disks of instances, here and of
// others: a mount that is here as well would keep them from going.
func leaveMounts() error {
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	for _, m := range slices.Backward(mounts) {
		comes := m.FSType == "overlay" || m.FSType == "nsfs" || strings.HasPrefix(m.Source, "/dev/loop")
		if !comes || m.Mountpoint == "/" {
			continue
		}
		if err := unix.Unmount(m.Mountpoint, unix.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
			return fmt.Errorf("leave mount %q: %w", m.Mountpoint, err)
		}
	}
	return nil
}

// cniState is where the library of CNI keeps notes, wherever it runs.
const cniState = "/var/lib/cni"

// coverHost lays over files of the host what is different in the room.
func coverHost(resolv string) error {
	if real, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil {
		if err := unix.Mount(resolv, real, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("give the room its name servers: %w", err)
		}
	}
	if err := os.MkdirAll(cniState, 0o700); err != nil {
		return fmt.Errorf("make the room of builds: %w", err)
	}
	if err := unix.Mount("tmpfs", cniState, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=8m,mode=700"); err != nil {
		return fmt.Errorf("cover %s: %w", cniState, err)
	}
	return nil
}

// RoomUse tells how full the room is.
func (e *Engine) RoomUse() (room.Use, error) {
	var s unix.Statfs_t
	// The disk is to be seen in the room alone.
	path := filepath.Join("/proc", strconv.FormatInt(e.roomPID.Load(), 10), "root", roomDisk(e.paths.room()))
	if err := unix.Statfs(path, &s); err != nil {
		return room.Use{}, fmt.Errorf("read use of the disk of builds: %w", err)
	}
	hits, err := e.memoryHits(e.roomGroup().Child(roomSteps))
	return room.Use{Free: int64(s.Bavail) * s.Bsize, MemoryHits: hits}, err
}

func (e *Engine) memoryHits(steps cgroup.Group) (int64, error) {
	if steps.Unified() {
		return steps.OOMKills()
	}
	hit, err := steps.HitLimit()
	if hit {
		e.roomHits.Add(1)
	}
	return e.roomHits.Load(), err
}

// CloseRoom ends everything in the room. What is on its disk stays. A room that is closed is no error.
func (e *Engine) CloseRoom(ctx context.Context) error {
	if err := e.paths.emptyRoom(ctx, e.roomGroup()); err != nil {
		return err
	}
	return e.net.Unseclude()
}

func (p paths) emptyRoom(ctx context.Context, g cgroup.Group) error {
	if err := killTree(ctx, g); err != nil {
		return err
	}
	if err := removeGroups(ctx, g); err != nil {
		return err
	}
	_ = os.Remove(cniState) // only when it is empty, as it is when nothing but a room made it
	return awaitRoomDisk(ctx, p.room())
}

// killTree kills every process of a group and of those below it. First they lose the ability to make
// new ones, or a fork bomb would go on for ever.
func killTree(ctx context.Context, g cgroup.Group) error {
	if !g.Exists() {
		return nil
	}
	if err := g.LimitPids(0); err != nil && !errors.Is(err, cgroup.ErrGone) {
		return err
	}
	all, err := g.Tree()
	if err != nil {
		return err
	}
	for _, each := range all {
		if err := killGroup(ctx, each); err != nil {
			return err
		}
	}
	return nil
}

func roomDisk(dir string) string      { return filepath.Join(dir, "disk") }
func roomDiskImage(dir string) string { return filepath.Join(dir, "disk.img") }

// ensureRoomDisk makes the disk when there is none of this size. There are only caches on it. The file
// takes up no more than what is used.
func ensureRoomDisk(ctx context.Context, dir string, spec room.Spec) (fresh bool, err error) {
	if err := os.MkdirAll(roomDisk(dir), 0o700); err != nil {
		return false, fmt.Errorf("make the disk of builds: %w", err)
	}
	info, err := os.Stat(roomDiskImage(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("find the disk of builds: %w", err)
	}
	if err == nil && info.Size() == spec.Disk && !spec.Fresh {
		return false, nil
	}
	return true, makeRoomDisk(ctx, roomDiskImage(dir), spec.Disk)
}

// mountRoomDisk mounts the disk for the calling thread. Only what runs in the room sees it, so it goes with
// the last process in there, whatever other namespaces are made on the machine meanwhile. The mount gives
// what is deleted back to the host, and sets a little aside: without it, a step that fills the disk would
// also end what runs the steps. Only who runs them is in the group that may use it.
func mountRoomDisk(dir string) error {
	m := mount.Mount{Type: "ext4", Source: roomDiskImage(dir), Options: []string{
		"loop", "noatime", "nosuid", "nodev", "discard", "noinit_itable",
		"resuid=" + strconv.Itoa(reserved), "resgid=" + strconv.Itoa(reserved),
	}}
	return m.Mount(roomDisk(dir))
}

// reserved is the group that may use what is set aside on the disk.
var reserved = 1<<20 + rand.IntN(1<<28)

func makeRoomDisk(ctx context.Context, image string, size int64) error {
	tmp := image + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("make the disk of builds: %w", err)
	}
	path, ok := mkfsPath()
	if !ok {
		return errors.New("make the disk of builds: mkfs.ext4 is missing (package e2fsprogs)")
	}
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the disk of builds: %w", err)
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		return fmt.Errorf("make the disk of builds: %w", err)
	}
	cmd := exec.CommandContext(ctx, path, "-q", "-F", "-b", "4096", "-m", "3",
		"-E", "lazy_itable_init=1,nodiscard,root_owner=0:0", tmp)
	cmd.Env = []string{toolPath}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make a file system of %d bytes for builds: %w: %s", size, err, out)
	}
	return os.Rename(tmp, image)
}

// awaitRoomDisk waits until the kernel has let go of the disk, after the last process in the room: to mount
// the file a second time beside the first would destroy it.
func awaitRoomDisk(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		devices, err := loopsOf(roomDiskImage(dir))
		if err != nil || len(devices) == 0 {
			return err
		}
		if err := retryPause(ctx); err != nil {
			return fmt.Errorf("the disk of builds is still in use as %q: %w", devices, err)
		}
	}
}

// loopsOf lists the loop devices that a file is behind.
func loopsOf(file string) ([]string, error) {
	all, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return nil, err
	}
	var devices []string
	for _, each := range all {
		if b, err := os.ReadFile(each); err == nil && strings.TrimSpace(string(b)) == file {
			devices = append(devices, "/dev/"+strings.Split(each, "/")[3])
		}
	}
	return devices, nil
}
