package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	rootLife = 10 * 365 * 24 * time.Hour
	// leafLife is short: a certificate costs nothing, and is made anew when two thirds have passed.
	leafLife = 30 * 24 * time.Hour
	// clockSlack is how far another clock may be behind.
	clockSlack = time.Hour
)

// authority signs certificates for names that no public authority can.
type authority struct {
	root *x509.Certificate
	key  *ecdsa.PrivateKey

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

// RootFile is the certificate that clients must trust, in the data directory.
func RootFile(dataDir string) string {
	return filepath.Join(dataDir, "certificates", "local", "ca.crt")
}

// openAuthority reads the authority in dir, or makes one. The key is written first and the
// certificate last, so that a half-made authority is never taken for a whole one.
func openAuthority(dir string) (*authority, error) {
	keyFile, rootFile := filepath.Join(dir, "ca.key"), filepath.Join(dir, "ca.crt")
	a := &authority{leaves: map[string]*tls.Certificate{}}
	pair, err := tls.LoadX509KeyPair(rootFile, keyFile)
	if err == nil {
		key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("%s is no ECDSA key. Delete %s to have a new local authority made", keyFile, dir)
		}
		a.root, a.key = pair.Leaf, key
		return a, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the local certificate authority: %w. Delete %s to have a new one made", err, dir)
	}
	if err := a.create(); err != nil {
		return nil, fmt.Errorf("make the local certificate authority: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, fmt.Errorf("encode the key of the local certificate authority: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the local certificate authority: %w", err)
	}
	if err := write(keyFile, "PRIVATE KEY", der); err != nil {
		return nil, err
	}
	return a, write(rootFile, "CERTIFICATE", a.root.Raw)
}

func (a *authority) create() (err error) {
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{Organization: []string{"Slipway"}, CommonName: "Slipway local authority of " + host},
		NotBefore: now.Add(-clockSlack), NotAfter: now.Add(rootLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, a.key.Public(), a.key)
	if err != nil {
		return err
	}
	a.root, err = x509.ParseCertificate(der)
	return err
}

// certificate returns one for a name, which may be a wildcard.
func (a *authority) certificate(name string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if leaf := a.leaves[name]; leaf != nil && time.Until(leaf.Leaf.NotAfter) > leafLife/3 {
		return leaf, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key for %q: %w", name, err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: clip(name)}, DNSNames: []string{name},
		NotBefore: now.Add(-clockSlack), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.root, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate for %q: %w", name, err)
	}
	leaf := &tls.Certificate{Certificate: [][]byte{der, a.root.Raw}, PrivateKey: key}
	if leaf.Leaf, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("read the certificate for %q: %w", name, err)
	}
	a.leaves[name] = leaf
	return leaf, nil
}

// forget drops the certificate for a name.
func (a *authority) forget(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.leaves, name)
}

// clip shortens a common name to what the field may have; clients read the other one.
func clip(name string) string { return name[:min(len(name), 64)] }

func serial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}

// write writes a PEM file for this user alone, whole or not at all.
func write(file, kind string, der []byte) error {
	f, err := os.OpenFile(file+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	err = pem.Encode(f, &pem.Block{Type: kind, Bytes: der})
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return os.Rename(file+".new", file)
}
