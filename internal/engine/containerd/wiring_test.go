package containerd_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netns"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd"
	"github.com/slipway-run/slipway/internal/engine/enginetest"
)

// reaches reports whether an instance can connect to an address.
func reaches(t *testing.T, inst engine.Instance, to netip.AddrPort) bool {
	t.Helper()
	u := "http://" + netip.AddrPortFrom(inst.Address, 8080).String() + "/connect?addr=" + url.QueryEscape(to.String())
	resp, err := (&http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}).Get(u)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// egressChains counts the chains of limits on the machine whose names end in an address.
func egressChains(t *testing.T, address netip.Addr) int {
	t.Helper()
	conn, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	chains, err := conn.ListChains()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range chains {
		if c.Name == "egress_"+strings.ReplaceAll(address.String(), ".", "_") {
			n++
		}
	}
	return n
}

func TestEgressToTheOutside(t *testing.T) {
	t.Parallel()
	opts := options(t)
	to, _, _ := outside(t)
	e := open(t, opts)
	image := load(t, e, enginetest.Image(t, nil))
	exactly, network := netip.PrefixFrom(to.Addr(), 32), netip.PrefixFrom(to.Addr(), 16).Masked()
	port := func(first, last int) []engine.PortRange { return []engine.PortRange{{First: first, Last: last}} }
	cases := []struct {
		id     string
		egress *engine.Egress
		want   bool
	}{
		{"no-limit", nil, true},
		{"nothing", &engine.Egress{}, false},
		{"the-address", &engine.Egress{Allow: []engine.EgressRule{{To: exactly}}}, true},
		{"its-network", &engine.Egress{Allow: []engine.EgressRule{{To: network, Protocol: "tcp", Ports: port(80, 80)}}}, true},
		{"a-range", &engine.Egress{Allow: []engine.EgressRule{{To: exactly, Ports: port(79, 81)}}}, true},
		{"second-rule", &engine.Egress{Allow: []engine.EgressRule{{To: exactly, Protocol: "udp"}, {To: exactly, Protocol: "tcp"}}}, true},
		{"other-address", &engine.Egress{Allow: []engine.EgressRule{{To: netip.MustParsePrefix("10.255.255.0/24")}}}, false},
		{"other-ports", &engine.Egress{Allow: []engine.EgressRule{{To: exactly, Protocol: "tcp", Ports: port(81, 65535)}}}, false},
		{"other-protocol", &engine.Egress{Allow: []engine.EgressRule{{To: exactly, Protocol: "udp", Ports: port(80, 80)}}}, false},
	}
	instances := map[string]engine.Instance{}
	for _, c := range cases {
		s := spec(c.id, image)
		s.Egress = c.egress
		instances[c.id] = serve(t, e, s)
	}
	check := func(when string) {
		t.Helper()
		for _, c := range cases {
			if got := reaches(t, instances[c.id], to); got != c.want {
				t.Errorf("%s, %s: reached is %v, want %v", when, c.id, got, c.want)
			}
		}
	}
	check("at first")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	check("while no process has the engine")
	e = open(t, opts)
	check("with another process")

	// The rules go with the instance.
	gone := instances["nothing"].Address
	if n := egressChains(t, gone); n != 1 {
		t.Errorf("%d chains of %s", n, gone)
	}
	for range 2 {
		if err := e.Remove(t.Context(), "nothing"); err != nil {
			t.Fatal(err)
		}
	}
	if n := egressChains(t, gone); n != 0 {
		t.Errorf("%d chains of %s are left", n, gone)
	}
	if got := reaches(t, instances["other-ports"], to); got {
		t.Error("the end of one instance freed another")
	}
}

func TestEgressRefusesWhatItCannotSay(t *testing.T) {
	t.Parallel()
	e := open(t, options(t))
	image := load(t, e, enginetest.Image(t, nil))
	for name, rule := range map[string]engine.EgressRule{
		"protocol": {To: netip.MustParsePrefix("10.0.0.0/8"), Protocol: "sctp"}, "v6": {To: netip.MustParsePrefix("2001:db8::/32")}, "none": {},
	} {
		s := spec("bad-"+name, image)
		s.Egress = &engine.Egress{Allow: []engine.EgressRule{rule}}
		if _, err := e.Prepare(t.Context(), s); err == nil {
			t.Errorf("%s: prepared", name)
		}
		if _, err := e.Inspect(t.Context(), s.ID); !engine.Is(err, engine.NotFound) {
			t.Errorf("%s: what was refused is there: %v", name, err)
		}
	}
}

// An instance finds on its own loopback address what the engine was told to offer.
func TestForward(t *testing.T) {
	t.Parallel()
	opts := options(t)
	opts.Forward = map[int]containerd.Offer{4317: func(_ context.Context, id string, inside net.Conn) {
		if id != "with" {
			t.Errorf("a connection comes from instance %q", id)
		}
		go func() { // echoes until the other side has said all
			defer inside.Close()
			_, _ = io.Copy(inside, inside)
		}()
	}}
	e := open(t, opts)
	image := load(t, e, enginetest.Image(t, nil))
	with, without := spec("with", image), spec("without", image)
	with.Forward = []int{4317, 9999} // of the second the engine knows nothing
	first, second := serve(t, e, with), serve(t, e, without)
	if reaches(t, second, netip.MustParseAddrPort("127.0.0.1:4317")) {
		t.Error("an instance that did not ask finds the port")
	}
	if reaches(t, first, netip.MustParseAddrPort("127.0.0.1:9999")) {
		t.Error("something listens on a port that the engine does not offer")
	}
	listening, err := e.Listening(t.Context(), "with")
	if err != nil || len(listening) != 1 || listening[0].Port != 8080 {
		t.Errorf("the instance listens on %v, %v, want its own port alone", listening, err)
	}
	echo(t, opts, first)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, opts)
	echo(t, opts, first)

	// A connection that is made while nobody takes any waits for the process that takes over.
	e.HoldInside(t.Context())
	waits := dialPort(t, opts, first)
	left := e.LeaveInside()
	opts.Inherited = append(left, closed(t))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	late := dialPort(t, opts, first)
	e = open(t, opts)
	for _, conn := range []net.Conn{waits, late} {
		echoes(t, conn)
	}
	echo(t, opts, first)
	if err := e.Remove(t.Context(), "with"); err != nil {
		t.Fatal(err)
	}
	if f, err := left[0].File(); err == nil {
		_ = f.Close()
		t.Error("the listener outlives its instance")
	}
}

// closed is a listener of an instance that is gone.
func closed(t *testing.T) containerd.Inside {
	t.Helper()
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if f, err := l.File(); err == nil {
			_ = f.Close()
			t.Error("a listener that no instance has is open")
		}
	})
	return containerd.Inside{ID: "gone", TCPListener: l}
}

// dialPort connects to the port from inside of an instance's network.
func dialPort(t *testing.T, opts containerd.Options, inst engine.Instance) net.Conn {
	t.Helper()
	return dialInside(t, filepath.Join(opts.DataDir, "engine", "netns", inst.Address.String()), "127.0.0.1:4317")
}

// echo sends text to the port from inside of an instance's network and wants it back.
func echo(t *testing.T, opts containerd.Options, inst engine.Instance) {
	t.Helper()
	echoes(t, dialPort(t, opts, inst))
}

func echoes(t *testing.T, conn net.Conn) {
	t.Helper()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	text := strings.Repeat("0123456789", 100_000)
	go func() {
		_, _ = io.WriteString(conn, text)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || string(got) != text {
		t.Errorf("got %d bytes back, %v, want %d", len(got), err, len(text))
	}
}

// dialInside connects from inside of a network namespace.
func dialInside(t *testing.T, namespace, address string) net.Conn {
	t.Helper()
	var conn net.Conn
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		ns, err := netns.GetFromPath(namespace)
		if err == nil {
			defer ns.Close()
			err = netns.Set(ns)
		}
		if err == nil {
			conn, err = net.Dial("tcp4", address)
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return conn
}
