package registry

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// loadSecret returns the key that signs the state of uploads. It is kept on disk so that an upload
// goes on after a restart.
func loadSecret(dir string) (string, error) {
	name := filepath.Join(dir, "upload-key")
	data, err := os.ReadFile(name)
	if err == nil && len(data) > 0 {
		return string(data), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read registry upload key: %w", err)
	}
	secret := rand.Text() + rand.Text()
	if err := writeFile(name, []byte(secret)); err != nil {
		return "", fmt.Errorf("write registry upload key: %w", err)
	}
	return secret, nil
}

// writeFile replaces a file as a whole or not at all.
func writeFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
