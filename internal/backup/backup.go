// Package backup puts everything that Slipway must remember into one file, while it serves, and brings it
// back.
//
// A backup is a tar archive, compressed with Zstandard. The database comes first, as of one moment; what
// it refers to (images, source code, keys, certificates) is never older than it, so nothing that it names
// is missing as long as nobody sweeps meanwhile. The last entry lists every file with its size and its
// hash: a backup that was cut off or damaged is told from a whole one before anything of it is used.
package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Database is the name of the database in a data directory.
const Database = "slipway.db"

// The names of what a backup has beside the files of the data directory.
const (
	aboutName = "BACKUP.json"
	listName  = "FILES.json" // the last entry
)

// format counts up when older programs cannot read what newer ones write.
const format = 1

// About says what a backup is of.
type About struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of the program that wrote it
	Time    time.Time `json:"time"`
	Region  string    `json:"region"`
	Account string    `json:"account"`
	Domain  string    `json:"domain"`
}

// file is what the list says of one file.
type file struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Source is the data directory of a Slipway. The caller keeps everything from being swept meanwhile.
type Source struct {
	Dir   string
	About About
	// Snapshot copies the database, as of one moment, to a file that is not there yet.
	Snapshot func(ctx context.Context, file string) error
}

// Write writes a backup.
func (s Source) Write(ctx context.Context, to io.Writer) error {
	compressed, err := zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("write a backup: %w", err)
	}
	w := &writer{tar: tar.NewWriter(compressed), root: s.Dir, ctx: ctx}
	err = s.write(ctx, w)
	if err == nil {
		err = errors.Join(w.tar.Close(), compressed.Close())
	}
	if err != nil {
		return fmt.Errorf("write a backup of %s: %w", s.Dir, err)
	}
	return nil
}

func (s Source) write(ctx context.Context, w *writer) error {
	about := s.About
	about.Format = format
	if err := w.document(aboutName, about); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(s.Dir, scratchPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	snapshot := filepath.Join(scratch, Database)
	if err := s.Snapshot(ctx, snapshot); err != nil {
		return err
	}
	if err := w.file(snapshot, Database); err != nil {
		return err
	}
	if err := w.tree("."); err != nil {
		return err
	}
	return w.document(listName, w.files)
}

// writer writes the entries of a backup.
type writer struct {
	tar   *tar.Writer
	root  string
	ctx   context.Context
	files []file
}

// document adds a file that only backups have.
func (w *writer) document(name string, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	if err := w.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data)), ModTime: time.Now()}); err != nil {
		return err
	}
	_, err = w.tar.Write(data)
	return err
}

// file adds one file as it is now. What is appended to it meanwhile is left out; one that is gone is no
// error.
func (w *writer) file(path, name string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: filepath.ToSlash(name), Mode: int64(info.Mode().Perm()), Size: info.Size(), ModTime: info.ModTime()}
	if err := w.tar.WriteHeader(header); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(w.tar, sum), f, info.Size()); err != nil {
		return fmt.Errorf("%s became shorter while it was read: %w", path, err)
	}
	w.files = append(w.files, file{header.Name, header.Size, sumOf(sum)})
	return nil
}

func sumOf(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
