package enginetest

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/engine"
)

var isolationTests = []test{
	{"NamespacesOfItsOwn", func(t *testing.T, s *suite) {
		first, second := s.status(t, s.serve(t, s.spec())), s.status(t, s.serve(t, s.spec()))
		for _, name := range []string{"pid", "mnt", "ipc", "uts", "net"} {
			host, err := os.Readlink("/proc/self/ns/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if a, b := first.Namespaces[name], second.Namespaces[name]; a == host || a == b || a == "" {
				t.Errorf("%s namespaces are %q and %q, that of the host is %q", name, a, b, host)
			}
		}
		if first.PID != 1 {
			t.Errorf("the command is process %d, want 1", first.PID)
		}
		if host, _ := os.Hostname(); first.Hostname == host {
			t.Errorf("sees the host's name %q", host)
		}
	}},
	{"NoPrivileges", func(t *testing.T, s *suite) {
		st := s.status(t, s.serve(t, s.spec()))
		for key, want := range map[string]string{"NoNewPrivs": "1", "Seccomp": "2", "CapInh": "0000000000000000", "CapAmb": "0000000000000000"} {
			if st.Status[key] != want {
				t.Errorf("%s is %s, want %s", key, st.Status[key], want)
			}
		}
		// Docker's default capabilities.
		const allowed = 0x00000000a80425fb
		for _, set := range []string{"CapEff", "CapPrm", "CapBnd"} {
			got, err := strconv.ParseUint(st.Status[set], 16, 64)
			if err != nil || got&^allowed != 0 {
				t.Errorf("%s is %s, %v, want none beyond %x", set, st.Status[set], err, allowed)
			}
		}
	}},
	{"NothingOfTheHostIsVisible", func(t *testing.T, s *suite) {
		inst := s.serve(t, s.spec())
		marker := t.TempDir() + "/secret"
		if err := os.WriteFile(marker, []byte("secret"), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{marker, "/proc/1/root" + marker, "/proc/kcore", "/run/containerd", "/var/run/docker.sock"} {
			if text, err := get(t, inst, "/file", url.Values{"path": {path}}); err == nil && text != "" {
				t.Errorf("can read %s", path)
			}
		}
		if dev, err := get(t, inst, "/list", url.Values{"path": {"/dev"}}); err != nil || strings.Contains(dev, "loop") || strings.Contains(dev, "sd") || strings.Contains(dev, "vd") {
			t.Errorf("devices: %q, %v", dev, err)
		}
		for _, path := range []string{"/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/sys/kernel/mm/ksm/run", "/sys/fs/cgroup/cgroup.procs", "/etc/resolv.conf", "/etc/hosts"} {
			if _, err := get(t, inst, "/write", url.Values{"path": {path}}); err == nil {
				t.Errorf("can write %s", path)
			}
		}
		procs, err := get(t, inst, "/list", url.Values{"path": {"/proc"}})
		if err != nil {
			t.Fatal(err)
		}
		for name := range strings.Lines(procs) {
			if pid, err := strconv.Atoi(strings.TrimSpace(name)); err == nil && pid != 1 {
				t.Errorf("sees process %d", pid)
			}
		}
	}},
	{"FilesAreItsOwn", func(t *testing.T, s *suite) {
		first, second := s.serve(t, s.spec()), s.serve(t, s.spec())
		if text, err := get(t, first, "/file", url.Values{"path": {"/etc/from-image"}}); err != nil || text != "above\n" {
			t.Errorf("file of two layers is %q, %v, want that of the upper one", text, err)
		}
		for _, path := range []string{"/mine", "/tmp/mine", "/etc/from-image"} {
			if _, err := get(t, first, "/write", url.Values{"path": {path}}); err != nil {
				t.Errorf("write %s: %v", path, err)
			}
		}
		if _, err := get(t, second, "/file", url.Values{"path": {"/mine"}}); err == nil {
			t.Errorf("an instance sees the files of another")
		}
		if text, _ := get(t, second, "/file", url.Values{"path": {"/etc/from-image"}}); text != "above\n" {
			t.Errorf("an instance changed the image: %q", text)
		}
	}},
	{"HostIsReachableOnlyOnGivenPorts", func(t *testing.T, s *suite) {
		inst := s.serve(t, s.spec())
		given := listen(t, "0.0.0.0:"+strconv.Itoa(s.HostPort))
		other, loopback, onBridge := listen(t, "0.0.0.0:0"), listen(t, "127.0.0.1:0"), listen(t, netip.AddrPortFrom(s.Host, 0).String())
		if err := connect(t, inst, netip.AddrPortFrom(s.Host, given.Port())); err != nil {
			t.Errorf("given port of the host: %v", err)
		}
		for name, to := range map[string]netip.AddrPort{
			"other port":             netip.AddrPortFrom(s.Host, other.Port()),
			"port on that address":   netip.AddrPortFrom(s.Host, onBridge.Port()),
			"loopback port":          netip.AddrPortFrom(s.Host, loopback.Port()),
			"its own loopback":       loopback,
			"other address of host":  netip.AddrPortFrom(hostAddress(t, s.Host), other.Port()),
			"cloud's metadata":       netip.MustParseAddrPort("169.254.169.254:80"),
			"ssh of the host":        netip.AddrPortFrom(s.Host, 22),
			"given port on loopback": netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), given.Port()),
		} {
			if err := connect(t, inst, to); err == nil {
				t.Errorf("%s: can connect to %s", name, to)
			}
		}
	}},
	{"OtherInstancesAreNotReachable", func(t *testing.T, s *suite) {
		first, second := s.serve(t, s.spec()), s.serve(t, s.spec())
		if err := connect(t, first, netip.AddrPortFrom(first.Address, 8080)); err != nil {
			t.Errorf("an instance cannot connect to its own address: %v", err)
		}
		if err := connect(t, first, netip.AddrPortFrom(second.Address, 8080)); err == nil {
			t.Errorf("an instance can connect to another")
		}
	}},
}

// listen accepts connections on the host until the test ends.
func listen(t *testing.T, address string) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// hostAddress returns an address of the host that is neither loopback nor except.
func hostAddress(t *testing.T, except netip.Addr) netip.Addr {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			ip, _ := netip.AddrFromSlice(n.IP)
			if ip = ip.Unmap(); ip.Is4() && !ip.IsLoopback() && ip != except {
				return ip
			}
		}
	}
	t.Skip("the host has no other address")
	return netip.Addr{}
}

// connect has the application connect to an address.
func connect(t *testing.T, inst engine.Instance, to netip.AddrPort) error {
	t.Helper()
	_, err := get(t, inst, "/connect", url.Values{"addr": {to.String()}})
	return err
}
