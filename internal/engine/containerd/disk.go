package containerd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/containerd/containerd/v2/core/mount"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/engine"
)

// An instance writes to a file system of its own, inside a sparse file, so that it can use up its
// own space and no more. It has no journal: nothing of it outlives the instance.

// diskMaker makes disks as copies of an empty one of each size, because copying the few blocks
// that are not zero is faster than running mkfs.
type diskMaker struct {
	dir string
	mu  sync.Mutex
}

// attach makes the disk of an instance and mounts it.
func (m *diskMaker) attach(ctx context.Context, dir instanceDir, size int64) error {
	template, err := m.template(ctx, size)
	if err != nil {
		return err
	}
	if err := copySparse(template, dir.file("disk.img")); err != nil {
		return diskError("create disk", err)
	}
	if err := os.MkdirAll(dir.disk(), 0o700); err != nil {
		return diskError("create disk", err)
	}
	loop := mount.Mount{
		Type: "ext4", Source: dir.file("disk.img"),
		Options: []string{"loop", "noatime", "noinit_itable", "nobarrier"},
	}
	if err := loop.Mount(dir.disk()); err != nil {
		return diskError("mount disk (are there free loop devices?)", err)
	}
	for _, sub := range []string{"upper", "work"} {
		if err := os.Mkdir(filepath.Join(dir.disk(), sub), 0o755); err != nil {
			return diskError("prepare disk", err)
		}
	}
	// The root of the instance's files takes its permissions from this directory.
	return os.Chmod(filepath.Join(dir.disk(), "upper"), 0o755)
}

func diskError(what string, err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return engine.Errorf(engine.DiskFull, "%s of an instance: the host has no space left: %w", what, err)
	}
	return fmt.Errorf("%s of an instance: %w", what, err)
}

// rootfs is the instance's file system: the image's layers below, its own disk above.
func (d instanceDir) rootfs(lower []string) mount.Mount {
	return mount.Mount{Type: "overlay", Source: "overlay", Options: []string{
		"index=off",
		"lowerdir=" + strings.Join(lower, ":"),
		"upperdir=" + filepath.Join(d.disk(), "upper"),
		"workdir=" + filepath.Join(d.disk(), "work"),
	}}
}

func (m *diskMaker) template(ctx context.Context, size int64) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	path := filepath.Join(m.dir, "ext4-"+strconv.FormatInt(size, 10)+".img")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	tmp := path + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("create disk template: %w", err)
	}
	// The file system's own tables take about a fiftieth; the instance gets what it was promised.
	blocks := (size + size/32 + 4<<20) / 4096
	// Without a configuration mkfs leaves extents out, and without those there is no fallocate.
	cmd := exec.CommandContext(ctx, "mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0",
		"-O", "extent,^has_journal,^resize_inode,^metadata_csum,uninit_bg",
		"-E", "lazy_itable_init=1,nodiscard,root_owner=0:0", tmp, strconv.FormatInt(blocks, 10))
	cmd.Env = []string{toolPath, "MKE2FS_CONFIG=/dev/null"}
	if cmd.Path == "" || cmd.Err != nil {
		if path, ok := mkfsPath(); ok {
			cmd.Path, cmd.Err = path, nil
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make a file system of %d bytes with mkfs.ext4 (package e2fsprogs): %w: %s", size, err, out)
	}
	if err := os.Rename(tmp, path); err != nil {
		return "", fmt.Errorf("create disk template: %w", err)
	}
	return path, nil
}

// toolPath is all that tools of the system get of an environment: the daemon's own may have secrets.
const toolPath = "PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"

// mkfsPath finds mkfs.ext4 also where PATH lacks the directories of system tools.
func mkfsPath() (string, bool) {
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"} {
		path := filepath.Join(dir, "mkfs.ext4")
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, true
		}
	}
	return "", false
}

// copySparse copies a file without its holes.
func copySparse(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = dst.Truncate(info.Size())
	for at := int64(0); err == nil; {
		var end int64
		if at, err = src.Seek(at, unix.SEEK_DATA); err != nil {
			break
		}
		if end, err = src.Seek(at, unix.SEEK_HOLE); err != nil {
			break
		}
		_, err = io.Copy(io.NewOffsetWriter(dst, at), io.NewSectionReader(src, at, end-at))
		at = end
	}
	if errors.Is(err, syscall.ENXIO) { // no data beyond
		err = nil
	}
	return errors.Join(err, dst.Close())
}

// diskUse returns how much of the instance's disk is used and free, in bytes.
func (d instanceDir) diskUse() (used, free int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(d.disk(), &s); err != nil {
		return 0, 0, fmt.Errorf("read use of disk: %w", err)
	}
	return int64(s.Blocks-s.Bfree) * s.Bsize, int64(s.Bavail) * s.Bsize, nil
}

// remove unmounts the disk and deletes the directory. A directory that is gone is no error.
func (d instanceDir) remove() error {
	// The file goes first: what was not yet written back to it need not be.
	if err := os.Remove(d.file("disk.img")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove disk: %w", err)
	}
	for {
		err := unix.Unmount(d.disk(), unix.MNT_DETACH)
		if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOENT) {
			break // not mounted, or not any more
		}
		if err != nil {
			return fmt.Errorf("unmount disk %q: %w", d.disk(), err)
		}
	}
	if err := os.RemoveAll(string(d)); err != nil {
		return fmt.Errorf("remove instance directory: %w", err)
	}
	return nil
}
