// Package acmetest is an ACME server and a DNS server on loopback, for tests: Let's Encrypt's own
// Pebble, and zones that a test writes.
package acmetest

import (
	"crypto/x509"
	"encoding/pem"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// Authority is an ACME server.
type Authority struct {
	Directory string         // its URL
	CAFile    string         // verifies the certificate of the directory itself
	Roots     *x509.CertPool // verifies the certificates it issues
}

// Start starts an ACME server that validates names at the given ports, finding them with a DNS server.
func Start(t testing.TB, dns *DNS, httpPort, tlsPort int) *Authority {
	t.Helper()
	return StartFor(t, dns, httpPort, tlsPort, 0)
}

// hurry keeps Pebble from waiting up to 15 s per validation, of which it reads in the environment alone.
func hurry() { _ = os.Setenv("PEBBLE_VA_NOSLEEP", "1") }

// StartFor is Start with certificates that are valid so long; 0 for 90 days.
func StartFor(t testing.TB, dns *DNS, httpPort, tlsPort int, validity time.Duration) *Authority {
	t.Helper()
	hurry()
	logger := log.New(writer{t}, "pebble: ", 0)
	store := db.NewMemoryStore()
	authority := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "for tests", ValidityPeriod: uint64(validity / time.Second)}})
	validator := va.New(logger, httpPort, tlsPort, false, dns.Address, store)
	front := wfe.New(logger, store, validator, authority, []string{"pebble.letsencrypt.org"}, false, false, 1, 1)
	server := httptest.NewTLSServer(front.Handler())
	t.Cleanup(server.Close)

	a := &Authority{
		Directory: server.URL + wfe.DirectoryPath, CAFile: filepath.Join(t.TempDir(), "directory.crt"), Roots: x509.NewCertPool(),
	}
	root := authority.GetRootCert(0)
	a.Roots.AddCert(root.Cert)
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(a.CAFile, own, 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// writer shows what Pebble logs while the test runs. Pebble's workers have no end, so that they may
// write when it is over.
type writer struct{ t testing.TB }

func (w writer) Write(p []byte) (int, error) {
	if w.t.Context().Err() == nil && os.Getenv("PEBBLE_LOG") != "" {
		w.t.Log(strings.TrimSpace(string(p)))
	}
	return len(p), nil
}
