package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

// Standing is what a host name is to this Slipway.
type Standing int

// The standings.
const (
	Unknown  Standing = iota // gets no certificate
	Custom                   // a custom domain: Obtain was called for it
	Demanded                 // a name under a custom wildcard, or of a service: gets one when asked for
)

// Config is what a Manager needs.
type Config struct {
	DataDir string
	// Directory is the URL of an ACME directory; "" stands for Let's Encrypt.
	Directory string
	Email     string
	CAFile    string // certificates that the directory's own is verified with; "" for the system's
	Disabled  bool   // the local authority signs everything
	DNS       DNS    // the zero value for no validation by DNS-01

	// Host, HTTPPort and HTTPSPort are where validation arrives: at our own listeners.
	Host                string
	HTTPPort, HTTPSPort int

	// Standing tells of a host name, in lower case, what it is. It is asked with every handshake.
	Standing func(host string) Standing
	Log      *slog.Logger
}

// Manager has all certificates.
type Manager struct {
	config  Config
	local   *authority
	storage *certmagic.FileStorage
	cache   *certmagic.Cache
	managed *certmagic.Config // obtained before use, renewed by a timer
	zoned   *certmagic.Config // likewise, for names in the zones of updater
	demand  *certmagic.Config // obtained and renewed by handshakes
	issuer  *certmagic.ACMEIssuer
	updater *updater // nil without DNS-01
	closing sync.Once
	budget  *rate.Limiter // of new certificates that handshakes ask for
}

// Anybody can make up names under a wildcard, and authorities limit how many certificates they issue
// (Let's Encrypt 50 a week for a domain). So many names may be new at once, and then one in so long.
const (
	newNames     = 20
	newNameEvery = 10 * time.Minute
)

// Open reads what there is under the data directory and makes what is missing. It asks no one.
func Open(c Config) (*Manager, error) {
	dir := filepath.Join(c.DataDir, "certificates")
	local, err := openAuthority(filepath.Join(dir, "local"))
	if err != nil {
		return nil, err
	}
	m := &Manager{
		config: c, local: local, storage: &certmagic.FileStorage{Path: dir}, budget: rate.NewLimiter(rate.Every(newNameEvery), newNames),
	}
	if m.updater, err = newUpdater(c.DNS); err != nil {
		return nil, err
	}
	log := logger(c.Log)
	m.cache = certmagic.NewCache(certmagic.CacheOptions{Logger: log, GetConfigForCert: m.configFor})
	m.managed = certmagic.New(m.cache, certmagic.Config{Storage: m.storage, Logger: log})
	m.zoned = certmagic.New(m.cache, certmagic.Config{Storage: m.storage, Logger: log})
	m.demand = certmagic.New(m.cache, certmagic.Config{Storage: m.storage, Logger: log, OnDemand: &certmagic.OnDemandConfig{DecisionFunc: m.decide}})
	for _, config := range []*certmagic.Config{m.zoned, m.managed, m.demand} {
		issuer, err := m.newIssuer(config, log)
		if err != nil {
			m.cache.Stop()
			return nil, err
		}
		if config == m.zoned && m.updater != nil {
			issuer.DNS01Solver = m.updater
		}
		config.Issuers, m.issuer = []certmagic.Issuer{issuer}, issuer
	}
	return m, nil
}

func (m *Manager) newIssuer(config *certmagic.Config, log *zap.Logger) (*certmagic.ACMEIssuer, error) {
	directory := m.config.Directory
	if directory == "" {
		directory = certmagic.LetsEncryptProductionCA
	}
	template := certmagic.ACMEIssuer{
		CA: directory, Email: m.config.Email, Agreed: true, Logger: log,
		// Our listeners have these ports already and answer; certmagic then opens none.
		ListenHost: m.config.Host, AltHTTPPort: m.config.HTTPPort, AltTLSALPNPort: m.config.HTTPSPort,
	}
	if m.config.CAFile != "" {
		data, err := os.ReadFile(m.config.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read acme.ca-file: %w", err)
		}
		template.TrustedRoots = x509.NewCertPool()
		if !template.TrustedRoots.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("acme.ca-file %s has no certificate in PEM form", m.config.CAFile)
		}
	}
	return certmagic.NewACMEIssuer(config, template), nil
}

// Close ends renewals. It can be done twice.
func (m *Manager) Close() { m.closing.Do(m.cache.Stop) }

// isLocal reports whether the local authority signs for a name: one that no other authority can.
func (m *Manager) isLocal(name string) bool {
	if m.config.Disabled || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	// Let's Encrypt signs for public names alone; another authority was chosen for what it can.
	return m.config.Directory == "" && certmagic.SubjectIsInternal(name)
}

// Public reports whether everybody trusts the certificates of a domain.
func (m *Manager) Public(domain string) bool { return !m.isLocal(domain) }

// configFor returns what renews a certificate.
func (m *Manager) configFor(c certmagic.Certificate) (*certmagic.Config, error) {
	if slices.ContainsFunc(c.Names, m.inZone) {
		return m.zoned, nil
	}
	if slices.ContainsFunc(c.Names, func(name string) bool { return m.config.Standing(name) == Demanded }) {
		return m.demand, nil
	}
	return m.managed, nil
}

// decide refuses certificates for names that are not served, and for too many new ones.
func (m *Manager) decide(ctx context.Context, name string) error {
	if m.config.Standing(name) != Demanded {
		return fmt.Errorf("%q is not the name of a service here", name)
	}
	if m.storage.Exists(ctx, certmagic.StorageKeys.SiteCert(m.issuer.IssuerKey(), name)) || m.budget.Allow() {
		return nil
	}
	return fmt.Errorf("%q would be one new certificate too many at this time", name)
}

// inZone reports whether a custom domain is validated by DNS-01. Names under a wildcard that is not, and
// those of services, get their certificates on demand, wherever they are.
func (m *Manager) inZone(name string) bool {
	return m.updater.zone(name) != "" && (strings.HasPrefix(name, "*.") || m.config.Standing(name) == Custom)
}

// Obtain returns when there is a certificate for a custom domain and it is used. For a wildcard that is
// in no zone of Config.DNS there is nothing to obtain yet.
func (m *Manager) Obtain(ctx context.Context, name string) error {
	wildcard, config := strings.HasPrefix(name, "*."), m.managed
	switch {
	case m.isLocal(name) && !wildcard:
		_, err := m.local.certificate(name)
		return err
	case m.isLocal(name):
		return nil
	case m.inZone(name):
		config = m.zoned
	case wildcard:
		return nil
	}
	if err := config.ManageSync(ctx, []string{name}); err != nil {
		return explain(err)
	}
	return nil
}

// explain keeps of an error of ACME what its reader can do something about.
func explain(err error) error {
	if problem, ok := errors.AsType[acme.Problem](err); ok {
		return fmt.Errorf("the certificate authority says: %s (%s)", strings.TrimSpace(problem.Detail), problem.Type)
	}
	return err
}

// Release ends the use and the renewal of the certificate of a custom domain. It stays in the data
// directory until it expires: authorities count certificates, and the domain may come back.
func (m *Manager) Release(name string) error {
	m.local.forget(name)
	m.cache.RemoveManaged([]certmagic.SubjectIssuer{{Subject: name}})
	return nil
}

// TLS is the configuration of the HTTPS listener.
func (m *Manager) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: m.certificate,
		NextProtos:     []string{"h2", "http/1.1", acmeTLS},
	}
}

// acmeTLS is the protocol of the TLS-ALPN-01 validation, RFC 8737.
const acmeTLS = "acme-tls/1"

// certificate chooses what answers a handshake.
func (m *Manager) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Equal(hello.SupportedProtos, []string{acmeTLS}) {
		return m.managed.GetCertificate(hello)
	}
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	standing := m.config.Standing(name)
	switch {
	case name == "":
		return nil, errors.New("the client names no server")
	case standing == Unknown:
		return nil, fmt.Errorf("no service has the host name %q", name)
	case m.isLocal(name):
		return m.local.certificate(name)
	case standing == Demanded:
		return m.demand.GetCertificate(hello)
	default:
		return m.managed.GetCertificate(hello)
	}
}

// HandleChallenge answers a request of an ACME server that validates a name, and reports whether it
// was one.
func (m *Manager) HandleChallenge(w http.ResponseWriter, r *http.Request) bool {
	return m.issuer.HandleHTTPChallenge(w, r)
}
