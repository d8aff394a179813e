package certificate_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/certificate"
	"github.com/slipway-run/slipway/internal/certificate/acmetest"
)

// zoned is a site with a name server that takes updates of some zones.
func zoned(t *testing.T, secret string) *site {
	t.Helper()
	s := newSite(t, true)
	s.Close()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("// made by tsig-keygen\nkey \"slipway\" {\n\talgorithm hmac-sha256;\n\tsecret \""+secret+"\";\n};\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.config.DNS = certificate.DNS{Server: s.dns.Address, Zones: []string{"other.example", "Zone.example."}, KeyFile: file, Wait: time.Millisecond}
	s.Manager = open(t, s.config)
	return s
}

// Names in a zone are validated by DNS-01: a wildcard gets one certificate, and nothing has to be reached.
func TestDNS01(t *testing.T) {
	t.Parallel()
	s := zoned(t, acmetest.UpdateSecret)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, name := range []string{"custom.zone.example", "*.zone.example"} { // neither has an address
		if err := s.Obtain(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if added, left := s.dns.Updates("_acme-challenge.zone.example"); added != 2 || left != 0 {
		t.Errorf("%d records were added, %d are left", added, left)
	}
	for host, want := range map[string]string{"custom.zone.example": "custom.zone.example", "demanded.zone.example": "*.zone.example"} {
		if got, err := s.handshake(s.authority.Roots, host); err != nil || got.DNSNames[0] != want {
			t.Errorf("%s: %v, want the certificate of %s", host, err, want)
		}
	}
	s.Close()
	s.Manager = open(t, s.config)
	if err := s.Obtain(ctx, "*.zone.example"); err != nil {
		t.Fatal(err)
	}
	if added, _ := s.dns.Updates("_acme-challenge.zone.example"); added != 2 {
		t.Error("after a restart the certificate was obtained again")
	}
	// Elsewhere everything is as before.
	s.dns.Set(t, "custom.example.org. 60 IN A 127.0.0.1")
	if err := s.Obtain(ctx, "custom.example.org"); err != nil {
		t.Error(err)
	}
	if err := s.Obtain(ctx, "*.example.org"); err != nil {
		t.Error(err)
	}
	if added, _ := s.dns.Updates("_acme-challenge.example.org"); added != 2 {
		t.Error("a zone was changed that is none of ours")
	}
}

func TestDNS01_Failures(t *testing.T) {
	t.Parallel()
	s := zoned(t, "d3Jvbmc=")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := s.Obtain(ctx, "*.zone.example")
	if err == nil || !strings.Contains(err.Error(), "name server "+s.dns.Address) || !strings.Contains(err.Error(), "_acme-challenge.zone.example") {
		t.Errorf("with a wrong key: %v", err)
	}
	s.Close()
	for text, want := range map[string]string{"secret": "it is no key such as", "": "no such file"} {
		c := s.config
		c.DNS.KeyFile = filepath.Join(t.TempDir(), "key")
		if text != "" {
			if err := os.WriteFile(c.DNS.KeyFile, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := certificate.Open(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("key file %q: %v", text, err)
		}
	}
}
