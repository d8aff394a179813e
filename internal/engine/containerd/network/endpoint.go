package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// index is the place of an address in the subnet.
func (n *Network) index(address netip.Addr) (int, error) {
	if !n.subnet.Contains(address) {
		return 0, fmt.Errorf("address %s is not in the subnet %s of this engine", address, n.subnet)
	}
	return int(toUint(address) - toUint(n.subnet.Addr())), nil
}

func toUint(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func fromUint(v uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return netip.AddrFrom4(b)
}

// create makes an endpoint: first the file that claims the address, then all else.
func (n *Network) create() (Endpoint, error) {
	i, err := n.claim()
	if err != nil {
		return Endpoint{}, err
	}
	address := fromUint(toUint(n.subnet.Addr()) + uint32(i))
	e := Endpoint{Address: address, Path: n.path(address)}
	if err := n.wire(e, n.cfg.veth(i)); err != nil {
		return Endpoint{}, errors.Join(err, n.cfg.remove(n.cfg.veth(i), e.Path))
	}
	return e, nil
}

// claim takes the next free address. Addresses go round, so that one that was just given back is
// the last to be used again: someone may still hold connections to it.
func (n *Network) claim() (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	size := 1 << (32 - n.subnet.Bits())
	for range size {
		n.last++
		// The network, the gateway, the secluded endpoint; the broadcast address.
		if n.last <= secludedIndex || n.last >= size-1 {
			n.last = secludedIndex + 1
		}
		path := n.path(fromUint(toUint(n.subnet.Addr()) + uint32(n.last)))
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o600)
		if err == nil {
			return n.last, f.Close()
		}
		if !errors.Is(err, os.ErrExist) {
			return 0, fmt.Errorf("claim an address: %w", err)
		}
	}
	return 0, fmt.Errorf("all %d addresses of subnet %s are in use", size-4, n.subnet)
}

func (n *Network) wire(e Endpoint, veth string) error {
	if err := makeNamespace(e.Path); err != nil {
		return err
	}
	ns, err := netns.GetFromPath(e.Path)
	if err != nil {
		return fmt.Errorf("open network namespace %q: %w", e.Path, err)
	}
	defer ns.Close()
	if err := n.wireHost(e.Address, veth, ns); err != nil {
		return err
	}
	return n.wireInside(e.Address, ns)
}

func (n *Network) wireHost(address netip.Addr, veth string, ns netns.NsHandle) error {
	// A cable of the same name can only be left over from an endpoint whose file is gone.
	if err := deleteLink(veth); err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.MasterIndex = veth, n.mtu, n.bridge.Attrs().Index
	link := &netlink.Veth{
		LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(ns)),
		PeerHardwareAddr: hardwareAddr(address),
	}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("create network cable %q: %w", veth, err)
	}
	// Before it is up: isolated ports do not see each other, only the bridge itself.
	if err := netlink.LinkSetIsolated(link, true); err != nil {
		return fmt.Errorf("isolate network cable %q: %w", veth, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring up network cable %q: %w", veth, err)
	}
	return nil
}

// hardwareAddr belongs to an address for good. The host remembers the pair for half a minute, and
// would otherwise not find the next instance that has the address.
func hardwareAddr(a netip.Addr) net.HardwareAddr {
	b := a.As4()
	return append(net.HardwareAddr{0x02, 0x53}, b[:]...) // 02: locally administered
}

func (n *Network) wireInside(address netip.Addr, ns netns.NsHandle) error {
	h, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("reach into network namespace: %w", err)
	}
	defer h.Close()
	link, err := h.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("find eth0 of %s: %w", address, err)
	}
	prefix := netip.PrefixFrom(address, n.subnet.Bits())
	if err := h.AddrAdd(link, &netlink.Addr{IPNet: ipNet(prefix)}); err != nil {
		return fmt.Errorf("give address %s to an instance: %w", prefix, err)
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring up eth0 of %s: %w", address, err)
	}
	gateway := net.IP(n.Gateway().AsSlice())
	if err := h.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: gateway}); err != nil {
		return fmt.Errorf("set default route of %s: %w", address, err)
	}
	return nil
}

// makeNamespace creates a network namespace and keeps it alive by mounting it on the file path.
func makeNamespace(path string) error {
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine, so that no other goroutine can
		// find itself in a foreign namespace.
		runtime.LockOSThread()
		done <- newNamespace(path)
	}()
	return <-done
}

func newNamespace(path string) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("create network namespace: %w", err)
	}
	if err := inside(); err != nil {
		return err
	}
	if err := unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("keep network namespace %q: %w", path, err)
	}
	return nil
}

// inside sets up what is the same in every namespace.
func inside() error {
	for _, s := range []struct{ name, value string }{
		{"net/ipv6/conf/all/disable_ipv6", "1"},
		{"net/ipv6/conf/default/disable_ipv6", "1"},
		// An application may listen on port 80 and send pings without any capability.
		{"net/ipv4/ip_unprivileged_port_start", "0"},
		{"net/ipv4/ping_group_range", "0 2147483647"},
	} {
		err := sysctl(s.name, s.value)
		if err != nil && !(errors.Is(err, os.ErrNotExist) && strings.HasPrefix(s.name, "net/ipv6/")) {
			return err
		}
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find loopback interface: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bring up loopback interface: %w", err)
	}
	return nil
}

// remove undoes create, also when create did not finish. The file goes last, it is the claim.
func (c Config) remove(veth, path string) error {
	if veth != "" {
		if err := deleteLink(veth); err != nil {
			return err
		}
	}
	for {
		err := unix.Unmount(path, unix.MNT_DETACH)
		if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOENT) {
			break // not mounted, or not any more
		}
		if err != nil {
			return fmt.Errorf("unmount network namespace %q: %w", path, err)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove network namespace: %w", err)
	}
	return nil
}

func missingLink(err error) bool {
	_, ok := errors.AsType[netlink.LinkNotFoundError](err)
	return ok || errors.Is(err, syscall.ENODEV)
}
