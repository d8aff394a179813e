// Package vault encrypts what Slipway stores at rest: configurations of services, which carry
// environment variables, and the passwords of registries.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const keySize = 32 // AES-256

// Vault seals with one key, kept in a file that only its owner may read.
type Vault struct{ aead cipher.AEAD }

// Open reads the key in file, or makes one when there is none yet.
func Open(file string) (*Vault, error) {
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = create(file)
	}
	if err != nil {
		return nil, fmt.Errorf("open the encryption key: %w", err)
	}
	if len(key) != keySize {
		return nil, fmt.Errorf("encryption key %s has %d bytes instead of %d: restore it from a backup, what it sealed cannot be read without it", file, len(key), keySize)
	}
	return New(key)
}

// New makes a vault from a key of 32 bytes.
func New(key []byte) (*Vault, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Vault{aead: aead}, nil
}

// create writes a new key under another name first, so that a crash never leaves half a key.
func create(file string) ([]byte, error) {
	key := make([]byte, keySize)
	_, _ = rand.Read(key)
	f, err := os.CreateTemp(filepath.Dir(file), ".key-*") // 0600
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
	return key, os.Rename(f.Name(), file)
}

// Seal encrypts plain. Name is bound to it: the same name opens it.
func (v *Vault) Seal(plain []byte, name string) []byte {
	return v.aead.Seal(nil, nil, plain, []byte(name))
}

// Open decrypts what Seal made under the same name.
func (v *Vault) Open(sealed []byte, name string) ([]byte, error) {
	plain, err := v.aead.Open(nil, nil, sealed, []byte(name))
	if err != nil {
		return nil, fmt.Errorf("decrypt %s: it was sealed with another key, or is damaged", name)
	}
	return plain, nil
}
