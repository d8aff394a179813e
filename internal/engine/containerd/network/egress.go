package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/engine"
)

// egressMap leads from the address of a limited endpoint to the chain with its rules. Looking it up
// takes the same time however many there are.
func (c Config) egressMap(table *nftables.Table) *nftables.Set {
	return &nftables.Set{Table: table, Name: "egress", IsMap: true, KeyType: nftables.TypeIPAddr, DataType: nftables.TypeVerdict}
}

// asLimited sends packets of a limited endpoint to its chain, which decides. Those of others go on.
func asLimited(limits *nftables.Set) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: sourceOffset, Len: 4},
		&expr.Lookup{SourceRegister: 1, SetName: limits.Name, SetID: limits.ID, IsDestRegSet: true},
	}
}

func egressChain(address netip.Addr) string {
	return "egress_" + strings.ReplaceAll(address.String(), ".", "_")
}

// limit is the entry of an address in the map.
func limit(address netip.Addr) []nftables.SetElement {
	return []nftables.SetElement{{
		Key: address.AsSlice(), VerdictData: &expr.Verdict{Kind: expr.VerdictJump, Chain: egressChain(address)},
	}}
}

// addEgress adds the rules of one address. To do it twice replaces them.
func (c Config) addEgress(conn *nftables.Conn, limits *nftables.Set, address netip.Addr, egress engine.Egress) error {
	chain := conn.AddChain(&nftables.Chain{Name: egressChain(address), Table: limits.Table})
	conn.FlushChain(chain)
	for _, allowed := range egress.Allow {
		rules, err := allow(allowed)
		if err != nil {
			return err
		}
		for _, r := range rules {
			conn.AddRule(&nftables.Rule{Table: limits.Table, Chain: chain, Exprs: r})
		}
	}
	conn.AddRule(&nftables.Rule{Table: limits.Table, Chain: chain, Exprs: drop()})
	return conn.SetAddElements(limits, limit(address))
}

var protocols = map[string][]byte{
	"tcp": {unix.IPPROTO_TCP}, "udp": {unix.IPPROTO_UDP}, "icmp": {unix.IPPROTO_ICMP},
}

// allow renders a rule: one for each protocol and range of ports.
func allow(r engine.EgressRule) ([][]expr.Any, error) {
	if !r.To.IsValid() || !r.To.Addr().Is4() {
		return nil, fmt.Errorf("allow connections to %q: it is no prefix of IP version 4", r.To)
	}
	used, known := protocols[r.Protocol]
	if r.Protocol != "" && !known {
		return nil, fmt.Errorf("allow connections to %s: protocol %q is not tcp, udp or icmp", r.To, r.Protocol)
	}
	if !known && len(r.Ports) == 0 {
		return [][]expr.Any{rule(to(r.To), accept())}, nil
	}
	if !known {
		used = []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP}
	}
	var rules [][]expr.Any
	for _, proto := range used {
		match := rule(to(r.To), ofProtocol(proto))
		if len(r.Ports) == 0 || proto == unix.IPPROTO_ICMP {
			rules = append(rules, rule(match, accept()))
			continue
		}
		for _, ports := range r.Ports {
			rules = append(rules, rule(match, portsBetween(ports), accept()))
		}
	}
	return rules, nil
}

func ofProtocol(proto byte) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, equal([]byte{proto})}
}

func portsBetween(p engine.PortRange) []expr.Any {
	bytes := func(port int) []byte { return binaryutil.BigEndian.PutUint16(uint16(port)) }
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpGte, Register: 1, Data: bytes(p.First)},
		&expr.Cmp{Op: expr.CmpOpLte, Register: 1, Data: bytes(p.Last)},
	}
}

// Restrict limits what an endpoint may connect to, until Release. The rules live in the kernel: they
// hold also when this process has ended.
func (n *Network) Restrict(address netip.Addr, egress engine.Egress) error {
	n.mu.Lock()
	n.restricted[address] = true
	n.mu.Unlock()
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	limits := n.cfg.egressMap(&nftables.Table{Family: nftables.TableFamilyINet, Name: n.cfg.table()})
	if err := n.cfg.addEgress(conn, limits, address, egress); err != nil {
		return err
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("limit what %s may connect to: %w", address, err)
	}
	return nil
}

// unrestrict removes the rules of an address that Restrict was called for. Without any it does
// nothing.
func (n *Network) unrestrict(address netip.Addr) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.restricted[address] {
		return nil
	}
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: n.cfg.table()}
	chain := &nftables.Chain{Name: egressChain(address), Table: table}
	if err := conn.SetDeleteElements(n.cfg.egressMap(table), limit(address)); err != nil {
		return fmt.Errorf("remove the limits of %s: %w", address, err)
	}
	conn.FlushChain(chain)
	conn.DelChain(chain)
	if err := conn.Flush(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the limits of %s: %w", address, err)
	}
	delete(n.restricted, address)
	return nil
}

// Listen listens on a TCP port of an endpoint's own loopback address.
func (n *Network) Listen(address netip.Addr, port int) (*net.TCPListener, error) {
	type result struct {
		listener *net.TCPListener
		err      error
	}
	done := make(chan result, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine. The socket stays in the namespace that
		// the thread is in while it is made.
		runtime.LockOSThread()
		l, err := listenIn(n.path(address), port)
		done <- result{l, err}
	}()
	r := <-done
	if r.err != nil {
		return nil, fmt.Errorf("listen on port %d inside of %s: %w", port, address, r.err)
	}
	return r.listener, nil
}

func listenIn(path string, port int) (*net.TCPListener, error) {
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	if err := netns.Set(ns); err != nil {
		return nil, err
	}
	return net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
}
