package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const rootFile = "root.key"

// OpenRoot returns the root access key of a data directory. At the first start it makes one and
// keeps it in a file that only this user can read. It refuses a file that others can read or write.
func OpenRoot(dir string) (Key, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Key{}, fmt.Errorf("create the data directory: %w", err)
	}
	path := filepath.Join(dir, rootFile)
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = NewKey(time.Now())
	data, err := json.MarshalIndent(key, "", "  ")
	if err != nil {
		return Key{}, fmt.Errorf("encode the root key: %w", err)
	}
	err = createPrivate(path, append(data, '\n'))
	if errors.Is(err, fs.ErrExist) {
		// Another process was faster. Its key is the one.
		return readKey(path)
	}
	if err != nil {
		return Key{}, fmt.Errorf("write the root key: %w", err)
	}
	return key, nil
}

func readKey(path string) (Key, error) {
	data, err := readPrivate(path)
	if err != nil {
		return Key{}, fmt.Errorf("read the root key: %w", err)
	}
	var key Key
	err = json.Unmarshal(data, &key)
	if err == nil {
		err = key.valid()
	}
	if err != nil {
		return Key{}, fmt.Errorf("the root key in %q is damaged: %w. Restore the file, or remove it to get a new key at the next start", path, err)
	}
	return key, nil
}

// ReadRoot returns the root access key that the daemon of a data directory made.
func ReadRoot(dir string) (Key, error) {
	key, err := readKey(filepath.Join(dir, rootFile))
	if errors.Is(err, fs.ErrNotExist) {
		return key, fmt.Errorf("there is no root key in %s: start Slipway with \"slipway serve\", or give another --data-dir", dir)
	}
	return key, err
}
