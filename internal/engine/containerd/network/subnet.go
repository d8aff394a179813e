package network

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
)

// pool is where subnets come from: 4096 of 1024 addresses each. It is private, and neither where
// Docker (172.16.0.0/12, 192.168.0.0/16) nor where most home and office networks take theirs.
var pool = netip.MustParsePrefix("10.64.0.0/10")

const subnetBits = 22

// lockMachine lets one process of this machine at a time look for a free subnet. An abstract
// socket is a lock that lasts no longer than its process and leaves no file.
func lockMachine(ctx context.Context) (unlock func(), err error) {
	var lc net.ListenConfig
	for {
		l, err := lc.Listen(ctx, "unix", "@slipway-network")
		if err == nil {
			return func() { l.Close() }, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("lock the machine's network: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another Slipway is setting up its network and does not finish: %w", context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// chooseSubnet returns the subnet of this data directory: the one it had, unless that has come to
// overlap with another network and no instance is left in it.
func (c Config) chooseSubnet(inUse bool) (netip.Prefix, error) {
	taken, err := c.takenPrefixes()
	if err != nil {
		return netip.Prefix{}, err
	}
	file := filepath.Join(c.Dir, "subnet")
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return netip.Prefix{}, fmt.Errorf("read subnet: %w", err)
	}
	old, err := netip.ParsePrefix(strings.TrimSpace(string(b)))
	if err == nil && old.Bits() == subnetBits && (inUse || !overlaps(old, taken)) {
		return old, nil
	}
	for p := range candidates(c.Key) {
		if overlaps(p, taken) {
			continue
		}
		if err := writeFile(file, p.String()+"\n"); err != nil {
			return netip.Prefix{}, fmt.Errorf("keep subnet: %w", err)
		}
		return p, nil
	}
	return netip.Prefix{}, fmt.Errorf("no free network for instances: every part of %s overlaps with an address or route of this host", pool)
}

// candidates yields every subnet of the pool once, from a place that depends on the key, so that
// two data directories seldom want the same.
func candidates(key string) func(yield func(netip.Prefix) bool) {
	h := fnv.New32a()
	h.Write([]byte(key))
	count := uint32(1) << (subnetBits - pool.Bits())
	start := h.Sum32()
	return func(yield func(netip.Prefix) bool) {
		for i := range count {
			offset := (start + i) % count << (32 - subnetBits)
			if !yield(netip.PrefixFrom(fromUint(toUint(pool.Addr())+offset), subnetBits)) {
				return
			}
		}
	}
}

func overlaps(p netip.Prefix, taken []netip.Prefix) bool {
	return slices.ContainsFunc(taken, p.Overlaps)
}

// takenPrefixes lists what the host has addresses in, routes to, or needs for names.
func (c Config) takenPrefixes() ([]netip.Prefix, error) {
	own := -1
	if link, err := netlink.LinkByName(c.bridge()); err == nil {
		own = link.Attrs().Index
	}
	var taken []netip.Prefix
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range addrs {
		if a.LinkIndex != own {
			taken = append(taken, prefixOf(a.IPNet))
		}
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	for _, r := range routes {
		if r.LinkIndex != own && !isDefault(r) {
			taken = append(taken, prefixOf(r.Dst))
		}
	}
	for _, a := range c.DNS {
		taken = append(taken, netip.PrefixFrom(a, a.BitLen()))
	}
	return taken, nil
}

func prefixOf(n *net.IPNet) netip.Prefix {
	addr, _ := netip.AddrFromSlice(n.IP)
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), ones).Masked()
}

// writeFile replaces a file at once or not at all.
func writeFile(path, text string) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
