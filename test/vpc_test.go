package test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// outside makes another machine next to this one, which takes connections on some ports.
func outside(t *testing.T, ports ...int) netip.Addr {
	t.Helper()
	// 198.18.0.0/15 is for tests of networks.
	n := rand.IntN(1 << 14)
	base := netip.AddrFrom4([4]byte{198, 19, byte(n >> 6), byte(n << 2)})
	host, peer := base.Next(), base.Next().Next()
	name := fmt.Sprintf("outs%d", n)
	made, wired, done := make(chan netns.NsHandle, 1), make(chan struct{}), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		done <- func() error {
			defer close(made)
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return err
			}
			h, err := netns.Get()
			if err != nil {
				return err
			}
			made <- h
			<-wired
			link, err := netlink.LinkByName("eth0")
			if err != nil {
				return err
			}
			if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: peer.AsSlice(), Mask: net.CIDRMask(30, 32)}}); err != nil {
				return err
			}
			if err := netlink.LinkSetUp(link); err != nil {
				return err
			}
			for _, port := range ports {
				l, err := net.Listen("tcp4", netip.AddrPortFrom(peer, uint16(port)).String())
				if err != nil {
					return err
				}
				t.Cleanup(func() { _ = l.Close() })
				go func() { // ends with the listener
					for {
						c, err := l.Accept()
						if err != nil {
							return
						}
						_ = c.Close()
					}
				}()
			}
			return nil
		}()
	}()
	h, ok := <-made
	if !ok {
		t.Fatal(<-done)
	}
	defer h.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	link := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(h))}
	err := netlink.LinkAdd(link)
	if err == nil {
		t.Cleanup(func() { _ = netlink.LinkDel(link) })
		err = netlink.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: host.AsSlice(), Mask: net.CIDRMask(30, 32)}})
	}
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err == nil {
		err = os.WriteFile("/proc/sys/net/ipv4/conf/"+name+"/forwarding", []byte("1"), 0)
	}
	close(wired)
	if inner := <-done; err != nil || inner != nil {
		t.Fatal(err, inner)
	}
	return peer
}

type connectorAnswer struct {
	VpcConnector struct {
		VpcConnectorArn, VpcConnectorName, Status string
		VpcConnectorRevision                      int
		Subnets, SecurityGroups                   []string
	}
}

func TestVPCConnector(t *testing.T) {
	t.Parallel()
	kit.Need(t)
	other := outside(t, 80, 5432)
	s := kit.Start(t, fmt.Sprintf(`
vpc:
  subnets: {subnet-inner: [%s/30]}
  security-groups:
    sg-database: {egress: [{to: %s/32, protocol: tcp, ports: [5432]}]}
    sg-closed: {}
`, other, other))
	s.PushMimic("mimic:v1", "v1")
	connect := func(name string, args ...string) string {
		t.Helper()
		var made connectorAnswer
		s.AWS(&made, append([]string{"create-vpc-connector", "--vpc-connector-name", name}, args...)...)
		if c := made.VpcConnector; c.Status != "ACTIVE" || c.VpcConnectorRevision != 1 {
			t.Errorf("made %+v", c)
		}
		return made.VpcConnector.VpcConnectorArn
	}
	database := connect("database", "--subnets", "subnet-inner", "--security-groups", "sg-database")
	closed := connect("closed", "--subnets", "subnet-inner", "--security-groups", "sg-closed")
	inner := connect("inner", "--subnets", "subnet-inner")
	unknown := connect("unknown", "--subnets", "subnet-0123", "--security-groups", "sg-0123", "sg-database")
	refused(t, s, "already exists", "create-vpc-connector", "--vpc-connector-name", "inner", "--subnets", "subnet-inner")

	network := func(arn string) *apprunnerapi.NetworkConfiguration {
		return &apprunnerapi.NetworkConfiguration{EgressConfiguration: &apprunnerapi.EgressConfiguration{
			EgressType: new(apprunnerapi.EgressTypeVpc), VpcConnectorArn: &arn,
		}}
	}
	in := s.Input("app1", "mimic:v1")
	in.NetworkConfiguration = network(database)
	service := s.Run(in)
	if got := *service.NetworkConfiguration.EgressConfiguration.VpcConnectorArn; got != database {
		t.Errorf("VpcConnectorArn is %s", got)
	}
	// wantReached checks which ports of the other machine the service can connect to.
	wantReached := func(when string, web, db bool) {
		t.Helper()
		for port, want := range map[int]bool{80: web, 5432: db} {
			to := netip.AddrPortFrom(other, uint16(port)).String()
			code, body := s.Get(service, "/dial?to="+url.QueryEscape(to))
			if code != 200 || strings.HasPrefix(body, "connected") != want {
				t.Errorf("%s: to port %d: %d %q, want connected: %v", when, port, code, body, want)
			}
		}
	}
	update := func(arn string) {
		t.Helper()
		s.Update(&apprunnerapi.UpdateServiceInput{ServiceArn: service.ServiceArn, NetworkConfiguration: network(arn)})
		s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusRunning)
	}
	wantReached("database", false, true)
	refused(t, s, "in use", "delete-vpc-connector", "--vpc-connector-arn", database)
	s.Kill()
	s.Start()
	wantReached("after a crash", false, true)
	update(closed)
	wantReached("closed", false, false)
	update(inner)
	wantReached("networks of the subnets", true, true)
	update(unknown)
	wantReached("ids that nobody knows", true, true)
	if events := s.Events("app1"); !strings.Contains(events, `security group "sg-0123"`) || !strings.Contains(events, `subnet "subnet-0123"`) {
		t.Errorf("no warning of unknown ids:\n%s", events)
	}
	s.Update(&apprunnerapi.UpdateServiceInput{ServiceArn: service.ServiceArn, NetworkConfiguration: &apprunnerapi.NetworkConfiguration{}})
	s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusRunning)
	wantReached("without a connector", true, true)

	var gone connectorAnswer
	s.AWS(&gone, "delete-vpc-connector", "--vpc-connector-arn", database)
	if gone.VpcConnector.Status != "INACTIVE" {
		t.Errorf("deleted %+v", gone)
	}
	s.AWS(&gone, "describe-vpc-connector", "--vpc-connector-arn", database)
	if gone.VpcConnector.Status != "INACTIVE" {
		t.Errorf("described %+v", gone)
	}
	var list struct {
		VpcConnectors []struct{ VpcConnectorName string }
	}
	s.AWS(&list, "list-vpc-connectors")
	if len(list.VpcConnectors) != 3 {
		t.Errorf("listed %+v", list)
	}
	s.Delete(*service.ServiceArn)
}

func TestTraces(t *testing.T) {
	t.Parallel()
	kit.Need(t)
	// Whatever takes connections can stand in for a collector: Slipway forwards bytes.
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "collected %s", r.URL.Path)
	}))
	defer collector.Close()
	s := kit.Start(t, "observability: {otlp-endpoint: \""+collector.Listener.Addr().String()+"\"}\n")
	s.PushMimic("mimic:v1", "v1")
	var made, found struct {
		ObservabilityConfiguration struct {
			ObservabilityConfigurationArn, Status string
			ObservabilityConfigurationRevision    int
			TraceConfiguration                    *struct{ Vendor string }
		}
	}
	s.AWS(&made, "create-observability-configuration", "--observability-configuration-name", "tracing", "--trace-configuration", "Vendor=AWSXRAY")
	arn := made.ObservabilityConfiguration.ObservabilityConfigurationArn
	byName, _, _ := strings.Cut(arn, "/1/")

	in := s.Input("traced", "mimic:v1")
	in.ObservabilityConfiguration = &apprunnerapi.ServiceObservabilityConfiguration{ObservabilityEnabled: new(true), ObservabilityConfigurationArn: &byName}
	service := s.Run(in)
	if got := service.ObservabilityConfiguration; !*got.ObservabilityEnabled || *got.ObservabilityConfigurationArn != arn {
		t.Errorf("the service has %v", *got.ObservabilityConfigurationArn)
	}
	wantCollected := func(when, want string) {
		t.Helper()
		if code, body := s.Get(service, "/fetch?url="+url.QueryEscape("http://127.0.0.1:4317/span")); code != 200 || !strings.HasPrefix(body, want) {
			t.Errorf("%s: the collector answers %d %q, want %q", when, code, body, want)
		}
	}
	wantCollected("at first", "collected /span")
	if _, env := s.Get(service, "/env"); strings.Contains(env, "OTEL_") {
		t.Errorf("App Runner sets no such variables:\n%s", env)
	}
	refused(t, s, "in use", "delete-observability-configuration", "--observability-configuration-arn", byName)
	before := instanceOf(t, s, service)
	s.Kill()
	s.Start()
	wantCollected("after a crash", "collected /span")
	if got := instanceOf(t, s, service); got != before {
		t.Errorf("the instance is another: %q, was %q", got, before)
	}

	s.Update(&apprunnerapi.UpdateServiceInput{ServiceArn: service.ServiceArn,
		ObservabilityConfiguration: &apprunnerapi.ServiceObservabilityConfiguration{ObservabilityEnabled: new(false)}})
	s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusRunning)
	wantCollected("without observability", "failed:")
	// Enabled without a configuration: the default one.
	s.Update(&apprunnerapi.UpdateServiceInput{ServiceArn: service.ServiceArn,
		ObservabilityConfiguration: &apprunnerapi.ServiceObservabilityConfiguration{ObservabilityEnabled: new(true)}})
	now := s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusRunning)
	if got := *now.ObservabilityConfiguration.ObservabilityConfigurationArn; !strings.Contains(got, "/DefaultConfiguration/1/") {
		t.Errorf("by default the service has %s", got)
	}
	wantCollected("by default", "collected /span")

	s.AWS(&found, "delete-observability-configuration", "--observability-configuration-arn", byName)
	if got := found.ObservabilityConfiguration; got.Status != "INACTIVE" || got.ObservabilityConfigurationArn != arn {
		t.Errorf("deleted %+v", got)
	}
	s.AWS(&found, "describe-observability-configuration", "--observability-configuration-arn", arn)
	if got := found.ObservabilityConfiguration; got.Status != "INACTIVE" || got.TraceConfiguration == nil {
		t.Errorf("described %+v", got)
	}
	var list struct {
		ObservabilityConfigurationSummaryList []struct{ ObservabilityConfigurationName string }
	}
	s.AWS(&list, "list-observability-configurations")
	if all := list.ObservabilityConfigurationSummaryList; len(all) != 1 || all[0].ObservabilityConfigurationName != "DefaultConfiguration" {
		t.Errorf("listed %+v", list)
	}
	s.Delete(*service.ServiceArn)
}

// instanceOf is which instance answers, as it says itself.
func instanceOf(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service) string {
	t.Helper()
	code, body := s.Get(service, "/")
	if code != 200 {
		t.Errorf("the service answers %d", code)
	}
	return body
}
