package buildkit_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/build/buildkit"
	"github.com/slipway-run/slipway/internal/build/plan"
)

// What the machine lends to commands is there, and is not in the image.
func TestCommandsHaveWhatTheMachineLends(t *testing.T) {
	t.Parallel()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, authority(t), 0o644); err != nil {
		t.Fatal(err)
	}
	w := own(t, limits(), func(o *buildkit.Options) {
		o.CABundle, o.Proxy = bundle, buildkit.Proxy{HTTP: "http://proxy.invalid:3128", None: "intern.invalid"}
		o.Env = []plan.Variable{{Name: "GOPROXY", Value: "https://user:password@go.invalid"}}
	})
	l := &log{}
	script := `for v in SSL_CERT_FILE PIP_CERT NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE CARGO_HTTP_CAINFO GIT_SSL_CAINFO; do
  test "$(eval echo \$$v)" = /run/slipway/ca.pem || echo MISSING $v
done
grep -q "BEGIN CERTIFICATE" /run/slipway/ca.pem && test -s /run/slipway/ca.p12 && echo trusted
case "$http_proxy $HTTP_PROXY $no_proxy" in http://*:3128\ http://*:3128\ intern.*) echo proxied;; esac
case "$GOPROXY" in https://user:password@*) echo configured;; esac
echo Picked up JAVA_TOOL_OPTIONS: $JAVA_TOOL_OPTIONS >&2
grep nameserver /etc/resolv.conf`
	job := w.job(l, repository(t, nil), w.scripts(script))
	w.build(job)
	for _, want := range []string{"trusted", "proxied", "configured", "nameserver"} {
		if !strings.Contains(l.String(), "] "+want) {
			t.Errorf("no %q in:\n%s", want, l)
		}
	}
	if strings.Contains(l.String(), "MISSING") || strings.Contains(l.String(), "] Picked up") {
		t.Errorf("log:\n%s", l)
	}
	image, err := w.image(t.Context(), job.Push.Repository+":v1")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := image.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"proxy.invalid", "go.invalid", "intern.invalid"} {
		if bytes.Contains(raw, []byte(secret)) {
			t.Errorf("the image's configuration has %q: %s", secret, raw)
		}
	}
	for file := range files(t, image) {
		if strings.HasPrefix(file, "run") || file == "etc/resolv.conf" {
			t.Errorf("the image has %s", file)
		}
	}
	// Other settings of the machine are no reason to run a command again.
	if err := os.WriteFile(bundle, authority(t), 0o644); err != nil {
		t.Fatal(err)
	}
	l.lines = nil
	w.build(job)
	if !strings.Contains(l.String(), "(unchanged since an earlier build)") {
		t.Errorf("another bundle made the command run again:\n%s", l)
	}
}

// authority is a certificate.
func authority(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// The trust store is one that Java's own tool reads, where there is one.
func TestJavaReadsTheTrustStore(t *testing.T) {
	t.Parallel()
	keytool, err := exec.LookPath("keytool")
	if err != nil {
		unable(t, "needs keytool, of any Java: what is tested here is what Java makes of our file")
	}
	store, err := buildkit.JavaTrustStore(authority(t))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.p12")
	if err := os.WriteFile(file, store, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(keytool, "-list", "-keystore", file, "-storetype", "PKCS12", "-storepass", "changeit").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "1 entry") || !strings.Contains(string(out), "trustedCertEntry") {
		t.Errorf("keytool: %v\n%s", err, out)
	}
}

// A build reaches the outside by name and over TLS, with the certificates that this machine trusts. The
// host of Go's modules is one that the tests need anyway.
func TestBuildsReachTheOutside(t *testing.T) {
	t.Parallel()
	w := common(t)
	const host = "proxy.golang.org"
	client := &http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get("https://" + host + "/golang.org/x/mod/@v/list")
	if err != nil {
		unable(t, "this machine does not reach the Internet: "+err.Error())
	}
	resp.Body.Close()
	if _, err := net.LookupHost(host); err != nil {
		t.Skip("names are resolved by a proxy here")
	}
	program := fetcher(t)
	source := t.TempDir()
	if err := os.Rename(program, filepath.Join(source, "fetch")); err != nil {
		t.Fatal(err)
	}
	l := &log{}
	w.build(w.job(l, source, w.scripts("./fetch https://"+host+"/golang.org/x/mod/@v/list")))
	if !strings.Contains(l.String(), "200 OK") {
		t.Errorf("log:\n%s", l)
	}
}

// fetcher builds a program that gets a URL.
func fetcher(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := "package main\n\nimport (\n\t\"fmt\"\n\t\"net/http\"\n\t\"os\"\n)\n\nfunc main() {\n\tr, err := http.Get(os.Args[1])\n\tif err != nil {\n\t\tfmt.Println(err)\n\t\tos.Exit(1)\n\t}\n\tfmt.Println(r.Status)\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", "fetch", "main.go")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "fetch")
}
