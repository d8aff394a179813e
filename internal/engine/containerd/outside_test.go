package containerd_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/engine/enginetest"
)

// outside makes another machine next to this one. It listens on a port, and tells who connects.
func outside(t *testing.T) (to netip.AddrPort, host netip.Addr, from <-chan netip.Addr) {
	t.Helper()
	// 198.18.0.0/15 is for tests of networks.
	n := rand.IntN(1 << 14)
	base := netip.AddrFrom4([4]byte{198, 18, byte(n >> 6), byte(n << 2)})
	host, peer := base.Next(), base.Next().Next()
	name := fmt.Sprintf("out%d", n)
	listening, seen := make(chan net.Listener, 1), make(chan netip.Addr, 1)
	wired, ns := make(chan struct{}), make(chan netns.NsHandle, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		defer close(listening)
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error(err)
			close(ns)
			return
		}
		h, err := netns.Get()
		if err != nil {
			t.Error(err)
		}
		ns <- h
		<-wired
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			t.Error(err)
			return
		}
		addr := &net.IPNet{IP: peer.AsSlice(), Mask: net.CIDRMask(30, 32)}
		if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: addr}); err != nil {
			t.Error(err)
		}
		if err := netlink.LinkSetUp(link); err != nil {
			t.Error(err)
		}
		l, err := net.Listen("tcp4", netip.AddrPortFrom(peer, 80).String())
		if err != nil {
			t.Error(err)
			return
		}
		listening <- l
	}()
	h, ok := <-ns
	if !ok {
		t.FailNow()
	}
	defer h.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	link := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(h))}
	if err := netlink.LinkAdd(link); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = netlink.LinkDel(link) })
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: host.AsSlice(), Mask: net.CIDRMask(30, 32)}}); err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/conf/"+name+"/forwarding", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	close(wired)
	l, ok := <-listening
	if !ok {
		t.FailNow()
	}
	t.Cleanup(func() { l.Close() })
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			select {
			case seen <- c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr():
			default:
			}
			c.Close()
		}
	}()
	return netip.AddrPortFrom(peer, 80), host, seen
}

func TestInstancesReachTheOutsideAsTheHost(t *testing.T) {
	t.Parallel()
	opts := options(t) // skips without root
	to, host, from := outside(t)
	e := open(t, opts)
	inst := serve(t, e, spec("one", load(t, e, enginetest.Image(t, nil))))
	resp, err := (&http.Client{Timeout: 5 * time.Second}).Get("http://" + netip.AddrPortFrom(inst.Address, 8080).String() + "/connect?addr=" + to.String())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("an instance cannot connect to %s", to)
	}
	select {
	case got := <-from:
		if got != host {
			t.Errorf("the outside sees %s, want the host's address %s", got, host)
		}
	case <-time.After(patience):
		t.Error("the outside saw nobody")
	}
}
