package certificate_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/certificate"
	"github.com/slipway-run/slipway/internal/certificate/acmetest"
)

// site is a manager behind real listeners, validated by a real ACME server.
type site struct {
	*certificate.Manager
	authority   *acmetest.Authority
	dns         *acmetest.DNS
	http, https net.Listener
	config      certificate.Config
}

// standing is what the tests' names are.
func standing(host string) certificate.Standing {
	switch {
	case strings.HasPrefix(host, "custom"):
		return certificate.Custom
	case strings.HasPrefix(host, "demanded"):
		return certificate.Demanded
	default:
		return certificate.Unknown
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// newSite starts a site. Without plain HTTP, validation is by TLS-ALPN alone.
func newSite(t *testing.T, plain bool) *site {
	t.Helper()
	s := &site{dns: acmetest.StartDNS(t), http: listen(t), https: listen(t)}
	s.authority = acmetest.Start(t, s.dns, port(s.http), port(s.https))
	s.config = certificate.Config{
		DataDir: t.TempDir(), Directory: s.authority.Directory, CAFile: s.authority.CAFile, Email: "me@example.org",
		Host: "127.0.0.1", HTTPPort: port(s.http), HTTPSPort: port(s.https), Standing: standing, Log: slog.New(slog.DiscardHandler),
	}
	s.Manager = open(t, s.config)
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil && plain && s.HandleChallenge(w, r) {
			return
		}
		http.Error(w, "hello", http.StatusTeapot)
	})
	secure := &http.Server{Handler: hello, TLSConfig: &tls.Config{
		NextProtos: s.TLS().NextProtos,
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.TLS().GetCertificate(h) // of the manager that is open now
		},
	}, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait) // the last one
	for server, listener := range map[*http.Server]net.Listener{{Handler: hello}: s.http, secure: tls.NewListener(s.https, secure.TLSConfig)} {
		serving.Go(func() { _ = server.Serve(listener) }) // says only that it was closed
		t.Cleanup(func() { _ = server.Close() })
	}
	return s
}

func open(t *testing.T, c certificate.Config) *certificate.Manager {
	t.Helper()
	m, err := certificate.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// handshake connects to a name, trusting roots alone.
func (s *site) handshake(roots *x509.CertPool, name string) (*x509.Certificate, error) {
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	conn, err := tls.DialWithDialer(dialer, "tcp", s.https.Addr().String(), &tls.Config{ServerName: name, RootCAs: roots})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

func TestObtain(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"by HTTP or TLS": true, "by TLS alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plain)
			const host = "custom.example.org"
			s.dns.Set(t, host+". 60 IN A 127.0.0.1")
			if _, err := s.handshake(s.authority.Roots, host); err == nil {
				t.Error("there is a certificate before one was obtained")
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for range 2 { // the second changes nothing
				if err := s.Obtain(ctx, host); err != nil {
					t.Fatal(err)
				}
			}
			first, err := s.handshake(s.authority.Roots, host)
			if err != nil {
				t.Fatal(err)
			}

			s.Close()
			s.Manager = open(t, s.config) // the next daemon has it on disk
			s.dns.Fail(true)              // and needs nobody
			if err := s.Obtain(ctx, host); err != nil {
				t.Fatal(err)
			}
			if second, err := s.handshake(s.authority.Roots, host); err != nil || !second.Equal(first) {
				t.Errorf("after a restart: %v", err)
			}
			if err := s.Release(host); err != nil {
				t.Fatal(err)
			}
			if _, err := s.handshake(s.authority.Roots, host); err == nil {
				t.Error("a certificate that was released is used")
			}
			checkModes(t, s.config.DataDir)
		})
	}
}

// checkModes checks that nobody else can read keys.
func checkModes(t *testing.T, dir string) {
	t.Helper()
	keys := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".key" {
			return err
		}
		keys++
		info, err := entry.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil || keys < 2 {
		t.Errorf("%d keys, %v", keys, err)
	}
}

func TestObtainFails(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// Its owner proved control by the validation record, but the name does not lead here.
	err := s.Obtain(ctx, "custom.example.net")
	if err == nil || !strings.Contains(err.Error(), "the certificate authority says: ") {
		t.Errorf("a name that leads nowhere: %v", err)
	}
	s.dns.Set(t, "custom.example.net. 60 IN A 127.0.0.1")
	if err := s.Obtain(ctx, "custom.example.net"); err != nil {
		t.Errorf("once it leads here: %v", err)
	}
}

func TestDemanded(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	s.dns.Set(t, "*.example.org. 60 IN A 127.0.0.1")
	if err := s.Obtain(t.Context(), "*.example.org"); err != nil {
		t.Errorf("for a wildcard there is nothing to do: %v", err)
	}
	first, err := s.handshake(s.authority.Roots, "demanded.example.org")
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Manager = open(t, s.config)
	if second, err := s.handshake(s.authority.Roots, "Demanded.Example.org"); err != nil || !second.Equal(first) {
		t.Errorf("after a restart: %v", err)
	}
	for _, name := range []string{"nobody.example.org", "custom.example.org"} {
		if _, err := s.handshake(s.authority.Roots, name); err == nil {
			t.Errorf("%s has a certificate", name)
		}
	}
}

func TestLocalAuthority(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	roots := x509.NewCertPool()
	data, err := os.ReadFile(certificate.RootFile(s.config.DataDir))
	if err != nil || !roots.AppendCertsFromPEM(data) {
		t.Fatalf("the root: %v", err)
	}
	const custom, demanded = "custom.localhost", "demanded.us-east-1.localhost"
	if err := s.Obtain(t.Context(), custom); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{custom, demanded, strings.ToUpper(demanded)} {
		if _, err := s.handshake(roots, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.handshake(roots, "nobody.localhost"); err == nil {
		t.Error("a name that is not served has a certificate")
	}
	if _, err := s.handshake(nil, custom); err == nil {
		t.Error("everybody trusts the local authority")
	}
	s.Close()
	s.Manager = open(t, s.config)
	if _, err := s.handshake(roots, custom); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	checkAuthority(t, s.config.DataDir)
	if s.Public("localhost") || !s.Public("example.org") {
		t.Error("names are public that are not, or the other way round")
	}

	s.config.Disabled = true
	s.Close()
	s.Manager = open(t, s.config)
	if err := s.Obtain(t.Context(), "custom.example.org"); err != nil || s.Public("example.org") {
		t.Errorf("without ACME: %v", err)
	}
	if _, err := s.handshake(roots, "custom.example.org"); err != nil {
		t.Errorf("without ACME: %v", err)
	}
}

// checkAuthority checks that the key is for its owner alone.
func checkAuthority(t *testing.T, dataDir string) {
	t.Helper()
	key := filepath.Join(filepath.Dir(certificate.RootFile(dataDir)), "ca.key")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info, err)
	}
}

func TestOpenAfterAccidents(t *testing.T) {
	t.Parallel()
	config := func(t *testing.T) (c certificate.Config, root, key string) {
		c = certificate.Config{DataDir: t.TempDir(), Host: "127.0.0.1", Standing: standing, Log: slog.New(slog.DiscardHandler)}
		open(t, c)
		root = certificate.RootFile(c.DataDir)
		return c, root, filepath.Join(filepath.Dir(root), "ca.key")
	}
	t.Run("ended between key and certificate", func(t *testing.T) {
		t.Parallel()
		c, root, _ := config(t)
		if err := os.Remove(root); err != nil {
			t.Fatal(err)
		}
		open(t, c)
		if _, err := os.Stat(root); err != nil {
			t.Error(err)
		}
		checkAuthority(t, c.DataDir)
	})
	t.Run("a damaged key", func(t *testing.T) {
		t.Parallel()
		c, _, key := config(t)
		if err := os.WriteFile(key, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := certificate.Open(c); err == nil || !strings.Contains(err.Error(), "Delete "+filepath.Dir(key)) {
			t.Errorf("error %v does not tell what to do", err)
		}
	})
	t.Run("a root for the directory that is none", func(t *testing.T) {
		t.Parallel()
		c, _, key := config(t)
		c.CAFile = filepath.Join(filepath.Dir(key), "none.crt")
		if _, err := certificate.Open(c); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "acme.ca-file") {
			t.Errorf("a missing file: %v", err)
		}
		c.CAFile = key
		if _, err := certificate.Open(c); err == nil || !strings.Contains(err.Error(), "no certificate in PEM form") {
			t.Errorf("a file without certificates: %v", err)
		}
	})
}
