package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/vishvananda/netlink"
)

// linkLocal is where clouds serve the credentials of the machine.
var linkLocal = netip.MustParsePrefix("169.254.0.0/16")

// numbering guards the counter that the nftables module numbers the sets of all connections with.
var numbering sync.Mutex

// writeRules replaces the table of this data directory in one transaction: there is no moment
// without rules.
func (c Config) writeRules(subnet netip.Prefix) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: c.table()}
	conn.AddTable(table) // so that there is one to delete
	conn.DelTable(table)
	conn.AddTable(table)
	hostDNS, err := c.hostDNS()
	if err != nil {
		return err
	}
	limits := c.egressMap(table)
	numbering.Lock()
	err = conn.AddSet(limits, nil)
	numbering.Unlock()
	if err != nil {
		return fmt.Errorf("write nftables table %q: %w", table.Name, err)
	}
	chain := func(name string, typ nftables.ChainType, hook *nftables.ChainHook, prio *nftables.ChainPriority, rules ...[]expr.Any) {
		ch := conn.AddChain(&nftables.Chain{Name: name, Table: table, Type: typ, Hooknum: hook, Priority: prio})
		for _, r := range rules {
			conn.AddRule(&nftables.Rule{Table: table, Chain: ch, Exprs: r})
		}
	}
	chain("input", nftables.ChainTypeFilter, nftables.ChainHookInput, nftables.ChainPriorityFilter,
		c.inputRules(subnet, hostDNS, limits)...)
	chain("forward", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPriorityFilter,
		c.forwardRules(subnet, limits)...)
	chain("postrouting", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource,
		rule(from(subnet), not(out(c.bridge())), masquerade()))
	for address, egress := range c.Egress {
		if err := c.addEgress(conn, limits, address, egress); err != nil {
			return err
		}
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("write nftables table %q: %w", table.Name, err)
	}
	return nil
}

// inputRules say what of the host an instance reaches.
func (c Config) inputRules(subnet netip.Prefix, dns []netip.Addr, limits *nftables.Set) [][]expr.Any {
	br := c.bridge()
	rules := [][]expr.Any{rule(in(br), answers(), accept())}
	secluded := netip.PrefixFrom(secludedOf(subnet), 32)
	for _, port := range c.HostPorts {
		given := rule(in(br), from(subnet), not(from(secluded)), toPort(unix.IPPROTO_TCP, port))
		rules = append(rules, rule(given, asLimited(limits)), rule(given, accept()))
	}
	for _, a := range dns {
		for _, proto := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
			rules = append(rules, rule(in(br), from(subnet), to(netip.PrefixFrom(a, a.BitLen())), toPort(proto, 53), accept()))
		}
	}
	return append(rules, rule(in(br), drop()))
}

// forwardRules say what beyond the host an instance reaches, and who reaches it.
func (c Config) forwardRules(subnet netip.Prefix, limits *nftables.Set) [][]expr.Any {
	br := c.bridge()
	rules := [][]expr.Any{
		rule(in(br), out(br), drop()),
		rule(in(br), to(linkLocal), drop()),
	}
	for _, a := range c.DNS {
		for _, proto := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
			rules = append(rules, rule(in(br), from(subnet), to(netip.PrefixFrom(a, a.BitLen())), toPort(proto, 53), accept()))
		}
	}
	return append(rules,
		rule(in(br), from(subnet), asLimited(limits)),
		rule(in(br), from(subnet), accept()),
		rule(in(br), drop()),
		rule(out(br), answers(), accept()),
		rule(out(br), drop()),
	)
}

// removeRules deletes the table. A table that is gone is no error.
func (c Config) removeRules() error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	conn.DelTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: c.table()})
	if err := conn.Flush(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("delete nftables table %q: %w", c.table(), err)
	}
	return nil
}

// hostDNS returns the name servers that run on the host itself.
func (c Config) hostDNS() ([]netip.Addr, error) {
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	var own []netip.Addr
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP); ok && slices.Contains(c.DNS, ip.Unmap()) {
			own = append(own, ip.Unmap())
		}
	}
	return own, nil
}

// What follows spells single matches in the kernel's small language: load into register 1, compare.

func rule(parts ...[]expr.Any) []expr.Any { return slices.Concat(parts...) }

func equal(b []byte) expr.Any { return &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: b} }

func in(name string) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1}, equal(ifname(name))}
}

func out(name string) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1}, equal(ifname(name))}
}

// not turns the comparison at the end of a match round.
func not(match []expr.Any) []expr.Any {
	match[len(match)-1].(*expr.Cmp).Op = expr.CmpOpNeq
	return match
}

// answers matches packets of connections that the other side was allowed to open.
func answers() []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{
			SourceRegister: 1, DestRegister: 1, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED),
			Xor:  make([]byte, 4),
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

// The places of the addresses in a packet of IP version 4.
const (
	sourceOffset      = 12
	destinationOffset = 16
)

func from(p netip.Prefix) []expr.Any { return address(p, sourceOffset) }
func to(p netip.Prefix) []expr.Any   { return address(p, destinationOffset) }

func address(p netip.Prefix, offset uint32) []expr.Any {
	mask := ipNet(p).Mask
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		equal([]byte{unix.NFPROTO_IPV4}),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		equal(p.Masked().Addr().AsSlice()),
	}
}

func toPort(proto byte, port int) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		equal([]byte{proto}),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		equal(binaryutil.BigEndian.PutUint16(uint16(port))),
	}
}

func accept() []expr.Any     { return []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}} }
func drop() []expr.Any       { return []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}} }
func masquerade() []expr.Any { return []expr.Any{&expr.Masq{}} }

func ifname(name string) []byte {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b, name)
	return b
}
