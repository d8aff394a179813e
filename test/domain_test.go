package test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/certificate/acmetest"
	"github.com/slipway-run/slipway/test/kit"
)

// site is a Slipway with one service, for tests of its custom domains.
type site struct {
	*kit.Slipway
	t       *testing.T
	service *apprunnerapi.Service
	https   string // host:port
}

// configure adds to the configuration of a Slipway that does not run yet.
func configure(t *testing.T, s *kit.Slipway, format string, args ...any) {
	t.Helper()
	s.Configure(quick + fmt.Sprintf(format, args...))
}

func startSite(t *testing.T, s *kit.Slipway, https string) *site {
	t.Helper()
	s.Start()
	s.PushMimic("mimic:latest", "v1")
	return &site{Slipway: s, t: t, service: s.Run(s.Input("web-app", "mimic:latest")), https: https}
}

// associated is an answer of AssociateCustomDomain or DisassociateCustomDomain.
type associated struct {
	DNSTarget, ServiceArn string
	CustomDomain          describedDomain
	VpcDNSTargets         []any
}

type describedDomain struct {
	DomainName                   string
	EnableWWWSubdomain           bool
	Status                       string
	CertificateValidationRecords []struct{ Type, Name, Value, Status string }
}

// associate gives the service a domain.
func (s *site) associate(name string, args ...string) associated {
	s.t.Helper()
	var out associated
	s.AWS(&out, append([]string{"associate-custom-domain", "--service-arn", *s.service.ServiceArn, "--domain-name", name}, args...)...)
	if out.CustomDomain.Status != "creating" || len(out.CustomDomain.CertificateValidationRecords) > 0 || out.VpcDNSTargets == nil {
		s.t.Errorf("associate-custom-domain %s answers %+v", name, out)
	}
	return out
}

// refused checks that a call about a domain fails.
func (s *site) refused(code, words string, args ...string) {
	s.t.Helper()
	_, stderr, err := s.TryAWS(args...)
	if err == nil || !strings.Contains(stderr, code) || !strings.Contains(stderr, words) {
		s.t.Errorf("aws apprunner %s: %v, %s; want %s with %q", strings.Join(args, " "), err, stderr, code, words)
	}
}

// domain describes a custom domain, nil when there is none.
func (s *site) domain(name string) *apprunnerapi.CustomDomain {
	s.t.Helper()
	var out apprunnerapi.DescribeCustomDomainsOutput
	if err := s.Call("DescribeCustomDomains", apprunnerapi.DescribeCustomDomainsInput{ServiceArn: s.service.ServiceArn}, &out); err != nil {
		s.t.Fatal(err)
	}
	for _, d := range out.CustomDomains {
		if *d.DomainName == name {
			return &d
		}
	}
	return nil
}

// await waits until a domain has a status, "" for being gone.
func (s *site) await(name, want string) *apprunnerapi.CustomDomain {
	s.t.Helper()
	var d *apprunnerapi.CustomDomain
	s.Eventually("domain "+name+" is "+want, 90*time.Second, func() error {
		d = s.domain(name)
		switch {
		case d == nil && want == "", d != nil && string(*d.Status) == want:
			return nil
		case d == nil:
			return kit.Errorf("it is gone")
		default:
			return kit.Errorf("it is %s", *d.Status)
		}
	})
	return d
}

// plain calls a host over HTTP.
func (s *site) plain(host, path string) (code int, header http.Header, body string) {
	request, err := http.NewRequest(http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err.Error()
	}
	return response.StatusCode, response.Header, string(data)
}

// secure calls a host over HTTPS, trusting roots alone. It returns what the connection was like too.
func (s *site) secure(roots *x509.CertPool, host, path string, http2 bool) (body string, state *tls.ConnectionState, err error) {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: http2, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, s.https)
		},
	}}
	response, err := client.Get("https://" + host + path)
	if err != nil {
		return "", nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", response.StatusCode, data)
	}
	return string(data), response.TLS, err
}

func freePort(t *testing.T) (address string, port int) {
	t.Helper()
	a := netip.MustParseAddrPort(kit.FreeAddress(t))
	return a.String(), int(a.Port())
}

// TestCustomDomainsByACME takes domains from their association to HTTPS with certificates of a real
// ACME server, through crashes, and back.
func TestCustomDomainsByACME(t *testing.T) {
	t.Parallel()
	s := kit.New(t, "")
	https, httpsPort := freePort(t)
	_, plainText, err := net.SplitHostPort(s.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	plainPort, err := strconv.Atoi(plainText)
	if err != nil {
		t.Fatal(err)
	}
	dns := acmetest.StartDNS(t)
	authority := acmetest.Start(t, dns, plainPort, httpsPort)
	configure(t, s, "https-listen: %s\ndomains: {resolver: %q, addresses: [127.0.0.1]}\nacme: {directory: %q, ca-file: %q, email: me@example.org}\n",
		https, dns.Address, authority.Directory, authority.CAFile)
	w := startSite(t, s, https)

	// Nobody has made the DNS records: the domain waits, also through a crash.
	out := w.associate("Shop.Example.org", "--no-enable-www-subdomain")
	if target := strings.Split(*w.service.ServiceUrl, ":")[0]; out.DNSTarget != target {
		t.Errorf("the DNS target is %q, want %q", out.DNSTarget, target)
	}
	const shop = "shop.example.org"
	before := w.await(shop, "pending_certificate_dns_validation")
	if n := len(before.CertificateValidationRecords); n != 1 {
		t.Fatalf("there are %d validation records, want 1", n)
	}
	s.Eventually("the DNS is asked", 10*time.Second, func() error {
		if dns.Asked(*before.CertificateValidationRecords[0].Name) == 0 {
			return kit.Errorf("it is not")
		}
		return nil
	})
	s.Kill()
	s.Start()
	after := w.await(shop, "pending_certificate_dns_validation").CertificateValidationRecords[0]
	record := before.CertificateValidationRecords[0]
	if *after.Name != *record.Name || *after.Value != *record.Value || *after.Status != apprunnerapi.CertificateValidationRecordStatusPendingValidation {
		t.Errorf("after a crash the record is %s %s %s, it was %s %s", *after.Name, *after.Value, *after.Status, *record.Name, *record.Value)
	}
	if code, _, _ := w.plain(shop, "/"); code != 404 {
		t.Errorf("before its validation the domain answers %d", code)
	}

	// The records appear.
	dns.Set(t, *record.Name+" 60 IN CNAME "+*record.Value, shop+". 60 IN A 127.0.0.1")
	if got := w.await(shop, "active").CertificateValidationRecords[0]; *got.Status != apprunnerapi.CertificateValidationRecordStatusSuccess {
		t.Errorf("the record is %s", *got.Status)
	}
	w.checkServed(authority.Roots, shop)
	for _, text := range []string{shop + " is waiting for its DNS records", shop + " is validated", shop + " is active"} {
		if events := s.Events("web-app"); !strings.Contains(events, "Custom domain "+text) {
			t.Errorf("the events do not say %q:\n%s", text, events)
		}
	}

	// Names that lead here need no validation record: by an alias of the service, by an address.
	dns.Set(t, "example.net. 60 IN A 127.0.0.1", "www.example.net. 60 IN CNAME "+out.DNSTarget+".", out.DNSTarget+". 60 IN A 127.0.0.1")
	w.associate("example.net")
	if n := len(w.await("example.net", "active").CertificateValidationRecords); n != 2 {
		t.Errorf("a domain with www has %d records, want 2", n)
	}
	w.checkServed(authority.Roots, "example.net")
	w.checkServed(authority.Roots, "www.example.net")

	// A wildcard has a certificate for each name, once it is asked for.
	dns.Set(t, "*.apps.example.org. 60 IN A 127.0.0.1")
	w.associate("*.apps.example.org", "--no-enable-www-subdomain")
	w.await("*.apps.example.org", "active")
	w.checkServed(authority.Roots, "one.apps.example.org")
	w.checkServed(authority.Roots, "two.apps.example.org")
	if _, _, err := w.secure(authority.Roots, "nobody.example.org", "/", false); err == nil {
		t.Error("a name that is not served has a certificate")
	}

	// The next daemon has the same certificates.
	_, first, err := w.secure(authority.Roots, shop, "/", false)
	if err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Start()
	s.Eventually("HTTPS answers again", 20*time.Second, func() error {
		_, second, err := w.secure(authority.Roots, shop, "/", false)
		if err == nil && !bytes.Equal(first.PeerCertificates[0].Raw, second.PeerCertificates[0].Raw) {
			t.Error("after a crash there is another certificate")
		}
		return err
	})
	w.checkServed(authority.Roots, "one.apps.example.org")

	// Disassociated domains are gone at once, whatever else is associated.
	var gone associated
	s.AWS(&gone, "disassociate-custom-domain", "--service-arn", *w.service.ServiceArn, "--domain-name", shop)
	if gone.CustomDomain.Status != "deleting" {
		t.Errorf("disassociate-custom-domain answers %+v", gone)
	}
	w.await(shop, "")
	if code, _, body := w.plain(shop, "/"); code != 404 {
		t.Errorf("a domain that is gone answers %d %s", code, body)
	}
	if _, _, err := w.secure(authority.Roots, shop, "/", false); err == nil {
		t.Error("a domain that is gone has a certificate")
	}
	w.checkServed(authority.Roots, "example.net")
}

// checkServed checks that a host is served over HTTPS, by HTTP/1.1 and HTTP/2, and that HTTP leads
// there.
func (s *site) checkServed(roots *x509.CertPool, host string) {
	s.t.Helper()
	for _, http2 := range []bool{false, true} {
		body, state, err := s.secure(roots, host, "/headers", http2)
		if err != nil {
			s.t.Errorf("https://%s: %v", host, err)
			return
		}
		if want := map[bool]string{false: "", true: "h2"}[http2]; state.NegotiatedProtocol != want {
			s.t.Errorf("https://%s negotiated %q, want %q", host, state.NegotiatedProtocol, want)
		}
		if !strings.Contains(body, "X-Forwarded-Proto: https") || !strings.Contains(body, "X-Forwarded-Host: "+host) {
			s.t.Errorf("https://%s: the application gets\n%s", host, body)
		}
	}
	code, header, _ := s.plain(host, "/a%2Fb?c=d")
	if want := "https://" + host + ":" + s.https[strings.LastIndexByte(s.https, ':')+1:] + "/a%2Fb?c=d"; code != 308 || header.Get("Location") != want {
		s.t.Errorf("http://%s answers %d to %q, want %q", host, code, header.Get("Location"), want)
	}
}

// localRoots trusts the local authority, whose certificate is in a file.
func localRoots(t *testing.T, s *kit.Slipway) (roots *x509.CertPool, file string) {
	t.Helper()
	file = strings.TrimSpace(s.CLI("ca"))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		t.Fatalf("slipway ca prints %q, which is no certificate", file)
	}
	return roots, file
}

// TestLocalAuthority has HTTPS without anybody's help: names under localhost.
func TestLocalAuthority(t *testing.T) {
	t.Parallel()
	s := kit.New(t, "")
	if _, stderr, err := s.Try("ca"); err == nil || !strings.Contains(stderr, "--https-listen") {
		t.Errorf("slipway ca before there is one: %v %s", err, stderr)
	}
	https, _ := freePort(t)
	configure(t, s, "https-listen: %s\n", https)
	w := startSite(t, s, https)
	roots, file := localRoots(t, s)
	if info, err := os.Stat(filepath.Join(filepath.Dir(file), "ca.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key of the authority: %v %v", info, err)
	}
	own := strings.Split(*w.service.ServiceUrl, ":")[0]
	if body, _, err := w.secure(roots, own, "/headers", true); err != nil || !strings.Contains(body, "X-Forwarded-Proto: https") {
		t.Errorf("https://%s: %v %s", own, err, body)
	}
	if code, _, body := w.plain(own, "/"); code != 200 {
		t.Errorf("http://%s answers %d %s", own, code, body)
	}
	w.associate("shop.localhost")
	w.await("shop.localhost", "active")
	w.checkServed(roots, "shop.localhost")
	w.checkServed(roots, "www.shop.localhost")
	s.Stop()
	s.Start()
	w.checkServed(roots, "shop.localhost")
	if _, _, err := w.secure(x509.NewCertPool(), own, "/", false); err == nil {
		t.Error("the local authority is trusted by those who were not told to")
	}
}

// TestCustomDomainRules is about what is refused, and about services that come and go.
func TestCustomDomainRules(t *testing.T) {
	t.Parallel()
	s := kit.New(t, "")
	dns := acmetest.StartDNS(t)
	configure(t, s, "domains: {resolver: %q}\n", dns.Address)
	w := startSite(t, s, "")
	arn := *w.service.ServiceArn
	for _, n := range []string{"1", "2"} {
		w.associate("name-" + n + ".localhost")
		w.await("name-"+n+".localhost", "active")
	}
	// Without HTTPS plain HTTP answers.
	for _, host := range []string{"name-1.localhost", "www.name-2.localhost"} {
		if code, _, body := w.plain(host, "/"); code != 200 || !strings.HasPrefix(body, "v1 instance ") {
			t.Errorf("http://%s answers %d %s", host, code, body)
		}
	}
	w.associate("*.deep.localhost", "--no-enable-www-subdomain")
	w.associate("waits.example.com")
	w.associate("too.example.com", "--no-enable-www-subdomain")
	associate := []string{"associate-custom-domain", "--service-arn", arn, "--domain-name"}
	w.refused("InvalidRequestException", "has 5 custom domains", append(associate, "sixth.example.com")...)
	w.refused("InvalidRequestException", "EnableWWWSubdomain must be false", append(associate, "*.example.com")...)
	w.refused("InvalidRequestException", "is already associated", append(associate, "NAME-1.localhost")...)
	w.refused("InvalidRequestException", "is already associated", append(associate, "www.waits.example.com", "--no-enable-www-subdomain")...)
	w.refused("InvalidRequestException", "belongs to the URLs of services", append(associate, strings.Split(*w.service.ServiceUrl, ":")[0])...)
	w.refused("ResourceNotFoundException", "is not associated", "disassociate-custom-domain", "--service-arn", arn, "--domain-name", "none.example.com")

	other := &site{Slipway: s, t: t, service: s.Run(s.Input("other", "mimic:latest"))}
	w.refused("InvalidRequestException", "is associated with another service", "associate-custom-domain", "--service-arn", *other.service.ServiceArn, "--domain-name", "name-1.localhost")

	// While the service is paused nothing changes; its domains say that it is.
	s.Do("PauseService", arn)
	s.Await(arn, apprunnerapi.ServiceStatusPaused)
	w.refused("InvalidStateException", "PAUSED", append(associate, "late.localhost")...)
	w.refused("InvalidStateException", "PAUSED", "disassociate-custom-domain", "--service-arn", arn, "--domain-name", "name-1.localhost")
	if code, _, body := w.plain("name-1.localhost", "/"); code != 503 || !strings.Contains(body, "paused") {
		t.Errorf("a domain of a paused service answers %d %s", code, body)
	}
	s.Do("ResumeService", arn)
	s.Await(arn, apprunnerapi.ServiceStatusRunning)
	if code, _, _ := w.plain("a.deep.localhost", "/"); code != 200 {
		t.Errorf("after the pause the wildcard answers %d", code)
	}

	// Its domains go with a service, and are free for others.
	s.Do("DeleteService", arn)
	s.Await(arn, apprunnerapi.ServiceStatusDeleted)
	s.Eventually("the domain of a deleted service is free", 10*time.Second, func() error {
		return s.Call("AssociateCustomDomain", apprunnerapi.AssociateCustomDomainInput{ServiceArn: other.service.ServiceArn, DomainName: new("name-1.localhost")}, nil)
	})
	other.await("name-1.localhost", "active")
	if code, _, _ := w.plain("name-1.localhost", "/"); code != 200 {
		t.Errorf("the domain of the other service answers %d", code)
	}
	if code, _, _ := w.plain("name-2.localhost", "/"); code != 404 {
		t.Errorf("a domain of the deleted service answers %d", code)
	}
}
