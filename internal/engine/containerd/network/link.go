package network

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
)

// maxMTU is Ethernet's; more would only help traffic that never leaves the host.
const maxMTU = 1500

// uplink is the way out of the host.
type uplink struct {
	names []string // interfaces that carry a default route
	mtu   int      // the smallest of theirs
}

func findUplink() (uplink, error) {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return uplink{}, fmt.Errorf("list routes: %w", err)
	}
	up := uplink{mtu: maxMTU}
	for _, r := range routes {
		if !isDefault(r) {
			continue
		}
		link, err := netlink.LinkByIndex(r.LinkIndex)
		if err != nil {
			continue // went away meanwhile
		}
		up.names = append(up.names, link.Attrs().Name)
		up.mtu = min(up.mtu, link.Attrs().MTU)
	}
	return up, nil
}

func isDefault(r netlink.Route) bool {
	if r.Dst == nil {
		return true
	}
	ones, _ := r.Dst.Mask.Size()
	return ones == 0
}

// veth is the name of the host's end for the address with index i; at most 15 characters.
func (c Config) veth(i int) string { return fmt.Sprintf("v%s-%x", c.Key, i) }

// owns reports whether a network interface was made for this key.
func (c Config) owns(name string) bool {
	return name == c.bridge() || strings.HasPrefix(name, "v"+c.Key+"-")
}

func (c Config) ensureBridge(subnet netip.Prefix, mtu int) (netlink.Link, error) {
	name := c.bridge()
	link, err := netlink.LinkByName(name)
	if _, missing := errors.AsType[netlink.LinkNotFoundError](err); missing {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU, attrs.HardwareAddr = name, mtu, c.hardwareAddr()
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
			return nil, fmt.Errorf("create bridge %q: %w", name, err)
		}
		link, err = netlink.LinkByName(name)
	}
	if err != nil {
		return nil, fmt.Errorf("find bridge %q: %w", name, err)
	}
	// The bridge has no need of version 6, and an address of that kind would be one more way in.
	if err := sysctl("net/ipv6/conf/"+name+"/disable_ipv6", "1"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := c.setBridgeAddress(link, subnet); err != nil {
		return nil, err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return nil, fmt.Errorf("bring up bridge %q: %w", name, err)
	}
	return link, nil
}

func (c Config) setBridgeAddress(link netlink.Link, subnet netip.Prefix) error {
	gateway := netip.PrefixFrom(subnet.Addr().Next(), subnet.Bits())
	old, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("list addresses of %q: %w", c.bridge(), err)
	}
	for _, a := range old {
		if a.IPNet.String() == gateway.String() {
			return nil
		}
		if err := netlink.AddrDel(link, &a); err != nil {
			return fmt.Errorf("remove address %s from %q: %w", a.IPNet, c.bridge(), err)
		}
	}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: ipNet(gateway)}); err != nil {
		return fmt.Errorf("give address %s to %q: %w", gateway, c.bridge(), err)
	}
	return nil
}

// hardwareAddr is fixed, because a bridge otherwise changes its own with the ports that come and
// go, and instances would talk to an address that is gone.
func (c Config) hardwareAddr() net.HardwareAddr {
	sum := sha256.Sum256([]byte(c.bridge()))
	return append(net.HardwareAddr{0x02}, sum[:5]...) // 02: locally administered
}

// enableForwarding lets packets pass between the bridge and the way out. The kernel asks the
// interface that a packet came in on, so both need it; where forwarding is on for the whole host
// this changes nothing, and otherwise it leaves the other interfaces alone.
func enableForwarding(names []string) error {
	for _, name := range names {
		if err := sysctl("net/ipv4/conf/"+name+"/forwarding", "1"); err != nil {
			return err
		}
	}
	return nil
}

func sysctl(name, value string) error {
	path := filepath.Join("/proc/sys", name)
	if b, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(b)) == value {
		return nil
	}
	if err := os.WriteFile(path, []byte(value), 0); err != nil {
		return fmt.Errorf("set kernel parameter %s to %s: %w", name, value, err)
	}
	return nil
}

func deleteLink(name string) error {
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if err == nil || missingLink(err) {
		return nil
	}
	return fmt.Errorf("delete network interface %q: %w", name, err)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// pause waits before the next try of something that failed. It is false when ctx ended.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Second):
		return true
	}
}
