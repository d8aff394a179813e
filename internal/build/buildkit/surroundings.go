package buildkit

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/solver/pb"

	"github.com/slipway-run/slipway/internal/build/plan"
)

// Proxy is how commands reach the outside where nothing else does.
type Proxy struct{ HTTP, HTTPS, None string }

// ProxyFromEnvironment reads the usual variables, in either case.
func ProxyFromEnvironment(get func(string) string) Proxy {
	either := func(name string) string {
		if v := get(strings.ToLower(name)); v != "" {
			return v
		}
		return get(name)
	}
	return Proxy{HTTP: either("HTTP_PROXY"), HTTPS: either("HTTPS_PROXY"), None: either("NO_PROXY")}
}

func (p Proxy) environ() []string {
	var out []string
	for name, value := range map[string]string{"HTTP_PROXY": p.HTTP, "HTTPS_PROXY": p.HTTPS, "NO_PROXY": p.None} {
		if value != "" {
			out = append(out, name+"="+value, strings.ToLower(name)+"="+value)
		}
	}
	return out
}

// op is the same for a step. BuildKit gives it to commands and never counts it as a change.
func (p Proxy) op() *pb.ProxyEnv {
	if p == (Proxy{}) {
		return nil
	}
	return &pb.ProxyEnv{HttpProxy: p.HTTP, HttpsProxy: p.HTTPS, NoProxy: p.None}
}

// hostBundles are where distributions keep the certificates that they trust.
var hostBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Alpine, Arch
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/ssl/cert.pem",
}

// Bundle is the file of certificates that this machine trusts: what SSL_CERT_FILE says, or where the
// distribution has it; empty when it has none.
func Bundle(get func(string) string) string {
	for _, file := range append([]string{get("SSL_CERT_FILE")}, hostBundles...) {
		if info, err := os.Stat(file); file != "" && err == nil && info.Mode().IsRegular() {
			return file
		}
	}
	return ""
}

// Where commands find what the machine lends them. The files are there while a command runs and never
// become part of an image. They are not laid over the image's own bundle: an upgrade of the package
// ca-certificates replaces that file, which a mount would forbid.
const (
	lent       = "/run/slipway"
	caFile     = lent + "/ca.pem"
	trustStore = lent + "/ca.p12"
	aptFile    = lent + "/apt.conf"
)

// trusting are the variables by which tools are told of certificates. They are the same for every
// machine: the step's own cache must not depend on where it runs.
var trusting = []plan.Variable{
	{Name: "SSL_CERT_FILE", Value: caFile},       // OpenSSL, Go, Ruby, Rust
	{Name: "CURL_CA_BUNDLE", Value: caFile},      // curl with any TLS
	{Name: "REQUESTS_CA_BUNDLE", Value: caFile},  // Python's requests
	{Name: "PIP_CERT", Value: caFile},            // pip, which brings its own
	{Name: "NODE_EXTRA_CA_CERTS", Value: caFile}, // Node.js, npm, yarn
	{Name: "CARGO_HTTP_CAINFO", Value: caFile},
	{Name: "GIT_SSL_CAINFO", Value: caFile},
	{Name: "COMPOSER_CAFILE", Value: caFile},
	{Name: "APT_CONFIG", Value: aptFile},
	{Name: "JAVA_TOOL_OPTIONS", Value: javaOptions},
}

const (
	storePassword = "changeit" // of what is public anyway; Java wants one
	javaOptions   = "-Djavax.net.ssl.trustStore=" + trustStore + " -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=" + storePassword
	// javaNotice is what Java prints about it, at every start.
	javaNotice = "Picked up JAVA_TOOL_OPTIONS: " + javaOptions
)

// surroundings are what the machine lends to every command.
type surroundings struct {
	env   []plan.Variable   // plain variables
	files map[string]string // path → id of a secret
	named []plan.Variable   // variables whose value is a secret: name, id
	proxy *pb.ProxyEnv
	scope string
	store lentSecrets
}

type lentSecrets map[string][]byte

func (s lentSecrets) GetSecret(_ context.Context, id string) ([]byte, error) {
	if data, ok := s[id]; ok {
		return data, nil
	}
	return nil, fmt.Errorf("builds have no secret %q: %w", id, secrets.ErrNotFound)
}

// surround reads what the machine has now.
func (b *Builder) surround(scope string) (*surroundings, error) {
	// BuildKit would have commands send it traces, but for this.
	s := &surroundings{env: []plan.Variable{{Name: "OTEL_TRACES_EXPORTER", Value: "none"}}, files: map[string]string{}, store: lentSecrets{}, proxy: b.opts.Proxy.op(), scope: scope}
	for _, v := range b.opts.Env {
		id := "slipway.env." + v.Name
		s.named = append(s.named, plan.Variable{Name: v.Name, Value: id})
		s.store[id] = []byte(v.Value)
	}
	if b.opts.CABundle == "" {
		return s, nil
	}
	pem, err := os.ReadFile(b.opts.CABundle)
	if err != nil {
		return nil, fmt.Errorf("read the certificates that builds trust (build.ca-bundle): %w", err)
	}
	if len(pem) > secretsprovider.MaxSecretSize {
		return nil, fmt.Errorf("the certificates that builds trust, %s, are %d bytes: BuildKit takes %d. Name a smaller file with build.ca-bundle",
			b.opts.CABundle, len(pem), secretsprovider.MaxSecretSize)
	}
	store, err := javaTrustStore(pem)
	if err != nil {
		return nil, err
	}
	s.env = append(s.env, trusting...)
	for path, data := range map[string][]byte{
		caFile: pem, trustStore: store, aptFile: []byte("Acquire::https::CAInfo \"" + caFile + "\";\n"),
	} {
		s.files[path] = "slipway" + strings.ReplaceAll(path, "/", ".")
		s.store[s.files[path]] = data
	}
	return s, nil
}

func (s *surroundings) attachable() session.Attachable {
	return secretsprovider.NewSecretProvider(s.store)
}
