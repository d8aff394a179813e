// Package vault encrypts what Slipway stores at rest: configurations of services, which carry
// environment variables, and the passwords of registries.
//
// There is one key for everything, and one more for each KMS key that a service names. All are in files
// beside the database: who has a copy of that alone reads nothing, and who deletes the file of a key has
// destroyed what was sealed with it, that of its services and nothing else.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

const (
	keySize = 32           // AES-256
	file    = "vault.key"  // has the key for everything
	others  = "vault.keys" // the directory of the other keys
)

// Vault seals with keys that only their owner may read.
type Vault struct {
	dir   string
	first cipher.AEAD
}

// Open reads the key in a data directory, or makes one when there is none yet.
func Open(dir string) (*Vault, error) {
	path := filepath.Join(dir, file)
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open the encryption key: %w", err)
	}
	first, err := aead(key)
	if err != nil {
		return nil, fmt.Errorf("encryption key %s %w: restore it from a backup, what it sealed cannot be read without it", path, err)
	}
	return &Vault{dir: dir, first: first}, nil
}

func aead(key []byte) (cipher.AEAD, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("has %d bytes instead of %d", len(key), keySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// create writes a new key under another name first, so that a crash never leaves half a key. When it
// returns the key is on the disk to stay.
func create(path string) ([]byte, error) {
	key := make([]byte, keySize)
	_, _ = rand.Read(key)
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(key); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return nil, err
	}
	return key, syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// path is the file of the key that stands for a KMS key.
func (v *Vault) path(kmsKey string) string {
	return filepath.Join(v.dir, others, url.PathEscape(kmsKey)+".key")
}

// Make makes the key that stands for a KMS key, unless there is one. Seal makes none: a key that was
// destroyed must not come back as another.
func (v *Vault) Make(kmsKey string) error {
	path := v.path(kmsKey)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = syncDir(v.dir)
	}
	if err == nil {
		_, err = create(path)
	}
	if err != nil {
		return fmt.Errorf("make a key for %s: %w", kmsKey, err)
	}
	return nil
}

// Lost is the error of what cannot be read or written since the key that stands for a KMS key is not
// the one that was made.
type Lost struct {
	KMSKey string
	Reason string // says the file
}

func (e *Lost) Error() string { return fmt.Sprintf("the key for %s is lost: %s", e.KMSKey, e.Reason) }

// LostKey is the KMS key, and why it is lost.
func (e *Lost) LostKey() (kmsKey, reason string) { return e.KMSKey, e.Reason }

// key reads the key that stands for a KMS key, "" for the one for everything. It is read each time, so
// that it is of no use from the moment that its file is gone.
func (v *Vault) key(kmsKey string) (cipher.AEAD, error) {
	if kmsKey == "" {
		return v.first, nil
	}
	path := v.path(kmsKey)
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Lost{kmsKey, path + " is not there"}
	}
	if err != nil {
		return nil, err
	}
	found, err := aead(key)
	if err != nil {
		return nil, &Lost{kmsKey, path + " " + err.Error()}
	}
	return found, nil
}

// Seal encrypts plain with the key that stands for a KMS key, "" for the one for everything. Name is
// bound to it: the same name opens it.
func (v *Vault) Seal(plain []byte, name, kmsKey string) ([]byte, error) {
	key, err := v.key(kmsKey)
	if err != nil {
		return nil, fmt.Errorf("encrypt %s: %w", name, err)
	}
	return key.Seal(nil, nil, plain, []byte(name)), nil
}

// Open decrypts what Seal made under the same name with the same key.
func (v *Vault) Open(sealed []byte, name, kmsKey string) ([]byte, error) {
	key, err := v.key(kmsKey)
	if err != nil {
		return nil, fmt.Errorf("decrypt %s: %w", name, err)
	}
	plain, err := key.Open(nil, nil, sealed, []byte(name))
	switch {
	case err == nil:
		return plain, nil
	case kmsKey != "":
		return nil, fmt.Errorf("decrypt %s: %w", name, &Lost{kmsKey, v.path(kmsKey) + " is not the key that it was sealed with"})
	default:
		return nil, fmt.Errorf("decrypt %s: it was sealed with another key, or is damaged", name)
	}
}
