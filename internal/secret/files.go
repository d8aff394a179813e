package secret

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Files is a directory with a file for each secret, by its name: what the agent of another vault
// writes. Levels of a name are directories.
type Files struct {
	Dir string
	Key []byte // makes versions of values
}

var _ Local = Files{}

func (Files) where(ref apprunner.SecretReference) string {
	return "the file " + strings.Join(namesOf(ref), " or ") + " in the directory of secrets"
}

// maxFile is the size of the largest file that is read, in bytes: that of a secret.
const maxFile = 64 << 10

// Read implements Source. Nothing outside of the directory is read. A line end at the end of a file
// is not part of the secret.
func (f Files) Read(_ context.Context, _ string, ref apprunner.SecretReference) (Value, string, error) {
	if !present(ref) {
		return Value{}, "", ErrAbsent
	}
	root, err := os.OpenRoot(f.Dir)
	if err != nil {
		return Value{}, "", fmt.Errorf("open the directory of secrets: %w", err)
	}
	defer func() { _ = root.Close() }()
	for _, name := range namesOf(ref) {
		file, err := root.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Value{}, "", unreadable(name, err)
		}
		data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
		_ = file.Close()
		switch {
		case err != nil:
			return Value{}, "", unreadable(name, err)
		case len(data) > maxFile:
			return Value{}, "", Errorf(invalidRequest, "the file %s in the directory of secrets is larger than %d bytes, the most allowed for a secret.", name, maxFile)
		}
		value := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
		return Value{Binary: []byte(value)}, versionOf(f.Key, value), nil
	}
	return Value{}, "", ErrAbsent
}

// unreadable tells of a file that is there, without the path of the directory.
func unreadable(name string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return Errorf(invalidRequest, "the file %s in the directory of secrets cannot be read: %s. Have an ordinary file there that Slipway may read, or correct the reference.", name, err)
}

// Fingerprint is another one when the files are others, or have other content. Nothing in them is read.
func (f Files) Fingerprint() string {
	h := sha256.New()
	_ = filepath.WalkDir(f.Dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be looked at is found when it is needed
		}
		if info, err := os.Stat(path); err == nil { // of what a link leads to
			fmt.Fprintln(h, path, info.ModTime().UnixNano(), info.Size(), info.IsDir())
		}
		return nil
	})
	return string(h.Sum(nil))
}

// versionOf tells values apart without telling anything of them to who does not have the key.
func versionOf(key []byte, value string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(value))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
