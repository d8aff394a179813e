package test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/certificate/acmetest"
	"github.com/slipway-run/slipway/test/kit"
)

// TestNoRequestDropped loads services while everything happens to them that may happen, and counts every
// answer: none may be missing, or anything but 200.
//
// The clients try nothing again. Half of the requests are POSTs, which Slipway cannot repeat once a byte
// was sent; only where an instance is killed under its requests are all of them GETs, which it sends to
// another instance.
func TestNoRequestDropped(t *testing.T) {
	t.Parallel()
	w := startBusy(t)
	t.Run("of one service", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, busy){
			"deployment":                    testDeploymentDropsNothing,
			"rollback":                      testRollbackDropsNothing,
			"configuration change":          testChangeDropsNothing,
			"scale-out and scale-in":        testScalingDropsNothing,
			"an instance killed":            testKillDropsNothing,
			"an unhealthy instance":         testSicknessDropsNothing,
			"certificates that are renewed": testRenewalDropsNothing,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, busy{w.With(t), w.https, w.authority})
			})
		}
	})
	t.Run("of all", func(t *testing.T) { testReplacementDropsNothing(t, busy{w.With(t), w.https, w.authority}) })
}

// busy is a Slipway whose services are called all the time.
type busy struct {
	*kit.Slipway
	https     string // host:port
	authority *acmetest.Authority
}

// validity is of certificates, which are renewed when a third of it is left.
const validity = 15 * time.Second

func startBusy(t *testing.T) busy {
	t.Helper()
	s := kit.New(t, "")
	https, httpsPort := freePort(t)
	_, httpPort, err := net.SplitHostPort(s.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	var port int
	if _, err := fmt.Sscan(httpPort, &port); err != nil {
		t.Fatal(err)
	}
	dns := acmetest.StartDNS(t)
	dns.Set(t, "*.apps.example.org. 60 IN A 127.0.0.1")
	authority := acmetest.StartFor(t, dns, port, httpsPort, validity)
	configure(t, s, "https-listen: %s\ndomains: {resolver: %q, addresses: [127.0.0.1]}\nacme: {directory: %q, ca-file: %q, email: me@example.org}\n",
		https, dns.Address, authority.Directory, authority.CAFile)
	s.Start()
	s.PushMimic("mimic:v1", "v1")
	s.PushMimic("mimic:v2", "v2")
	return busy{s, https, authority}
}

// load calls a service by GET and POST. What it returns ends that.
func (b busy) load(service *apprunnerapi.Service) func(t *testing.T, what string) {
	gets := b.Load(service, kit.LoadOptions{Rate: 100, Clients: 6})
	posts := b.Load(service, kit.LoadOptions{Rate: 100, Clients: 6, Method: http.MethodPost, Body: "x"})
	time.Sleep(settle)
	return func(t *testing.T, what string) {
		t.Helper()
		time.Sleep(settle)
		gets.End(t, what+", GET")
		posts.End(t, what+", POST")
	}
}

// settle is how long there is load before and after something happens.
const settle = 300 * time.Millisecond

func testDeploymentDropsNothing(t *testing.T, b busy) {
	in := b.Input("deployed", "mimic:v1")
	service := b.Run(in)
	end := b.load(service)
	for _, image := range []string{"mimic:v2", "mimic:v1"} {
		setImage(b.Image(image))(in)
		id := b.Update(update(*service.ServiceArn, in))
		if o := b.AwaitOperation("deployed", id); o.Reason != "" {
			t.Errorf("the deployment of %s: %s", image, o.Reason)
		}
	}
	end(t, "two deployments")
}

func testRollbackDropsNothing(t *testing.T, b busy) {
	in := b.Input("back", "mimic:v1")
	service := b.Run(in)
	setImage(b.Image("mimic:v2"))(in)
	b.AwaitOperation("back", b.Update(update(*service.ServiceArn, in)))
	end := b.load(service)
	begin := time.Now()
	b.CLI("rollback", "back")
	t.Logf("the rollback took %v", time.Since(begin))
	wantBody(t, b.Slipway, service, "/", "v1 instance")
	end(t, "a rollback")
}

func testChangeDropsNothing(t *testing.T, b busy) {
	in := b.Input("changed", "mimic:v1", "MODE=old")
	service := b.Run(in)
	end := b.load(service)
	in = b.Input("changed", "mimic:v1", "MODE=new")
	in.InstanceConfiguration = &apprunnerapi.InstanceConfiguration{Cpu: new("512"), Memory: new("1024")}
	in.HealthCheckConfiguration.Protocol = new(apprunnerapi.HealthCheckProtocolHttp)
	if o := b.AwaitOperation("changed", b.Update(update(*service.ServiceArn, in))); o.Reason != "" {
		t.Errorf("the change: %s", o.Reason)
	}
	wantBody(t, b.Slipway, service, "/env", "MODE=new")
	end(t, "a change of the configuration")
}

func testScalingDropsNothing(t *testing.T, b busy) {
	in := b.Input("elastic", "mimic:v1", "MARK="+b.Dir+"elastic")
	in.AutoScalingConfigurationArn = b.Scaling("dropped-elastic", 2, 1, 3)
	service := b.Run(in)
	instances := func() int { return len(kit.Processes(t, "MARK="+b.Dir+"elastic")) }
	wave := b.Load(service, kit.LoadOptions{Path: "/sleep?d=100ms", Clients: 5, Rate: 40})
	steady := b.Load(service, kit.LoadOptions{Clients: 1, Rate: 50, Method: http.MethodPost, Body: "x"}) // one instance is enough
	b.Eventually("three instances run", 20*time.Second, func() error {
		if n := instances(); n < 3 {
			return kit.Errorf("%d do", n)
		}
		return nil
	})
	wave.End(t, "scale-out")
	b.Eventually("one instance runs", 30*time.Second, func() error {
		if n := instances(); n != 1 {
			return kit.Errorf("%d do", n)
		}
		return nil
	})
	time.Sleep(settle)
	steady.End(t, "scale-out and scale-in")
}

func testKillDropsNothing(t *testing.T, b busy) {
	in := b.Input("victim", "mimic:v1")
	in.AutoScalingConfigurationArn = b.Scaling("dropped-pair", 100, 2, 2)
	service := b.Run(in)
	quick := b.Load(service, kit.LoadOptions{Rate: 200})
	slow := b.Load(service, kit.LoadOptions{Path: "/sleep?d=50ms", Clients: 4, Rate: 40}) // there are some on every instance
	time.Sleep(settle)
	name := hostname(b.Slipway, service)
	if err := syscall.Kill(kit.Process(t, name), syscall.SIGKILL); err != nil {
		t.Fatalf("kill the application of instance %s: %v", name, err)
	}
	b.Eventually("it is replaced", 20*time.Second, func() error {
		if names := answering(b.Slipway, service, 4); len(names) < 2 || strings.Contains(fmt.Sprint(names), name) {
			return kit.Errorf("%v answer", names)
		}
		return nil
	})
	quick.End(t, "an instance killed")
	slow.End(t, "an instance killed, requests of 50 ms")
	wantEvent(t, b.Slipway, "victim", "Instance "+name, "is replaced", "exit code: 137")
}

// testSicknessDropsNothing makes a running instance answer its health check badly.
func testSicknessDropsNothing(t *testing.T, b busy) {
	in := b.Input("moody", "mimic:v1")
	in.HealthCheckConfiguration.Protocol = new(apprunnerapi.HealthCheckProtocolHttp)
	in.HealthCheckConfiguration.Path = new("/health")
	service := b.Run(in)
	name := hostname(b.Slipway, service)
	end := b.load(service)
	wantBody(t, b.Slipway, service, "/sicken?status=503", "sick")
	b.Eventually("the sick instance is replaced", 20*time.Second, func() error {
		if now := hostname(b.Slipway, service); now == name || len(now) != 12 {
			return kit.Errorf("%q serves", now)
		}
		return nil
	})
	end(t, "an unhealthy instance replaced")
	wantEvent(t, b.Slipway, "moody", "Instance "+name, "is replaced", "answered status 503")
}

// testRenewalDropsNothing has each request make a connection of its own while certificates run out, and
// counts the certificates.
func testRenewalDropsNothing(t *testing.T, b busy) {
	s := &site{Slipway: b.Slipway, t: t, service: b.Run(b.Input("secured", "mimic:v1")), https: b.https}
	s.associate("*.apps.example.org", "--no-enable-www-subdomain")
	s.await("*.apps.example.org", "active")
	named := *s.service
	named.ServiceUrl = new("one.apps.example.org")
	if _, _, err := s.secure(b.authority.Roots, *named.ServiceUrl, "/", false); err != nil {
		t.Fatal(err) // the first certificate takes as long as the authority
	}
	var mu sync.Mutex
	seen := map[string]bool{}
	note := func(state tls.ConnectionState) error {
		mu.Lock()
		defer mu.Unlock()
		seen[state.PeerCertificates[0].SerialNumber.String()] = true
		return nil
	}
	secure := b.Load(&named, kit.LoadOptions{Rate: 40, Client: func() *http.Client { return b.secureClient(b.authority.Roots, note) }})
	b.Eventually("there is another certificate", 2*validity, func() error {
		mu.Lock()
		defer mu.Unlock()
		if len(seen) < 2 {
			return kit.Errorf("there is %d", len(seen))
		}
		return nil
	})
	time.Sleep(settle)
	secure.End(t, fmt.Sprintf("renewals, %d certificates", len(seen)))
}

func (b busy) secureClient(roots *x509.CertPool, note func(tls.ConnectionState) error) *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, VerifyConnection: note}, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, b.https)
		},
	}}
}

// testReplacementDropsNothing restarts the daemon, and replaces it by another program, while a service is
// called over HTTP, HTTPS and HTTP/2.
func testReplacementDropsNothing(t *testing.T, b busy) {
	service := b.Run(b.Input("steady", "mimic:v1"))
	roots, _ := localRoots(t, b.Slipway)
	end := b.load(service)
	secure := b.Load(service, kit.LoadOptions{Rate: 40, Client: func() *http.Client {
		return b.secureClient(roots, func(tls.ConnectionState) error { return nil })
	}})
	http2 := b.Load(service, kit.LoadOptions{Rate: 40, Method: http.MethodPost, Body: "x", Client: func() *http.Client {
		c := b.secureClient(roots, func(tls.ConnectionState) error { return nil })
		c.Transport.(*http.Transport).ForceAttemptHTTP2, c.Transport.(*http.Transport).DisableKeepAlives = true, false
		return c
	}})
	b.Replace(kit.Binary("slipway"))
	time.Sleep(settle)
	b.Replace(anotherProgram(t))
	end(t, "a restart and an upgrade")
	secure.End(t, "a restart and an upgrade, a connection of TLS for each request")
	http2.End(t, "a restart and an upgrade, HTTP/2")
}
