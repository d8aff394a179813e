package iam

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxFile is far more than a key file holds.
const maxFile = 64 << 10

// readPrivate reads a file that belongs to this user and that nobody else can open.
func readPrivate(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%q is a symbolic link: a key is kept in a file of its own", path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a regular file", path)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return nil, fmt.Errorf("%q has mode %#o: others could have read or changed the key. Make it private with: chmod 600 %s", path, info.Mode().Perm(), quote(path))
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("%q belongs to user %d, and this process runs as user %d", path, stat.Uid, os.Geteuid())
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// createPrivate writes a new file as a whole: it has all of data or does not exist. It never
// replaces a file; the error is then fs.ErrExist.
func createPrivate(path string, data []byte) error {
	return writePrivate(path, data, func(temp string) error {
		err := os.Link(temp, path)
		_ = os.Remove(temp) // the name only, its content has another one now or is not wanted
		return err
	})
}

// replacePrivate writes a file as a whole, in place of the one that may be there.
func replacePrivate(path string, data []byte) error {
	return writePrivate(path, data, func(temp string) error { return os.Rename(temp, path) })
}

func writePrivate(path string, data []byte, publish func(temp string) error) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = publish(f.Name())
	}
	if err != nil {
		if rmErr := os.Remove(f.Name()); !errors.Is(rmErr, fs.ErrNotExist) {
			err = errors.Join(err, rmErr)
		}
		return err
	}
	return syncDir(dir)
}

// syncDir makes the names in dir survive a loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
