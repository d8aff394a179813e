package bake

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// fixed is the time of everything that was made here and not by a package.
var fixed = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)

// hostly are directories whose contents are the container's, or nobody's.
var hostly = map[string]bool{"dev": true, "proc": true, "sys": true, "run": true, "tmp": true}

// pack writes the upper directory of an overlay as the layer of an image: in the order of names, with
// what is deleted marked as images do. What changed after the given time gets the fixed one.
func pack(w io.Writer, dir string, since time.Time) error {
	t := tar.NewWriter(w)
	links := map[uint64]string{} // by inode, the first name of a file with several
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || file == dir {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		if err := packOne(t, file, name, since, links); err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
		if entry.IsDir() && hostly[name] {
			return filepath.SkipDir
		}
		return nil
	})
	if err != nil {
		return err
	}
	return t.Close()
}

func packOne(t *tar.Writer, file, name string, since time.Time, links map[uint64]string) error {
	info, err := os.Lstat(file)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("no owner is known")
	}
	when := info.ModTime().UTC().Truncate(time.Second)
	if info.ModTime().After(since) {
		when = fixed
	}
	if info.Mode()&fs.ModeCharDevice != 0 && stat.Rdev == 0 {
		return t.WriteHeader(marker(path.Join(path.Dir(name), ".wh."+path.Base(name))))
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(file); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err // a socket
	}
	h.Name, h.ModTime, h.Uname, h.Gname, h.Format = name, when, "", "", tar.FormatPAX
	h.AccessTime, h.ChangeTime = time.Time{}, time.Time{}
	if info.IsDir() {
		h.Name += "/"
	}
	if capability := attribute(file, "security.capability"); capability != "" {
		h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": capability}
	}
	regular := info.Mode().IsRegular()
	if first, seen := links[stat.Ino]; regular && seen {
		h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
		return t.WriteHeader(h)
	}
	if regular && stat.Nlink > 1 {
		links[stat.Ino] = name
	}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	switch {
	case info.IsDir() && attribute(file, "trusted.overlay.opaque") == "y":
		return t.WriteHeader(marker(path.Join(name, ".wh..wh..opq")))
	case regular:
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(t, f)
		return err
	}
	return nil
}

// marker is an empty file that tells of a deletion.
func marker(name string) *tar.Header {
	return &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, ModTime: fixed, Format: tar.FormatPAX}
}

// attribute is an extended attribute of a file, "" for none.
func attribute(file, name string) string {
	value := make([]byte, 256)
	n, err := unix.Lgetxattr(file, name, value)
	if err != nil {
		return ""
	}
	return string(value[:n])
}
