package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"

	"github.com/google/nftables"
	"github.com/vishvananda/netns"
)

// The secluded endpoint reaches the outside as instances do, but nothing of the host beside its name
// servers: not even the router. There is one, for builds. It is a gateway itself: what runs there makes
// networks of its own behind a bridge.

// secludedIndex is the place of its address in the subnet: the first after the gateway's.
const secludedIndex = 2

// InnerBridge is the name of the bridge in the secluded endpoint, and InnerSubnet its range: one for
// measurements of networks (RFC 2544), which is no network that a build may want to reach.
const InnerBridge = "inner"

// InnerSubnet is the range of InnerBridge.
var InnerSubnet = netip.MustParsePrefix("198.19.0.0/20")

// Secluded is the address of the secluded endpoint.
func (n *Network) Secluded() netip.Addr { return secludedOf(n.subnet) }

func secludedOf(subnet netip.Prefix) netip.Addr {
	return fromUint(toUint(subnet.Addr()) + secludedIndex)
}

// MTU is that of all cables.
func (n *Network) MTU() int { return n.mtu }

// Seclude makes the secluded endpoint anew. Whoever had it must have ended.
func (n *Network) Seclude() (Endpoint, error) {
	e := Endpoint{Address: n.Secluded(), Path: n.path(n.Secluded())}
	veth := n.cfg.veth(secludedIndex)
	if err := n.cfg.remove(veth, e.Path); err != nil {
		return Endpoint{}, err
	}
	f, err := os.OpenFile(e.Path, os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o600)
	if err != nil {
		return Endpoint{}, fmt.Errorf("claim an address: %w", err)
	}
	err = errors.Join(f.Close(), n.wire(e, veth))
	if err == nil {
		err = makeGateway(e.Path)
	}
	if err != nil {
		return Endpoint{}, errors.Join(err, n.cfg.remove(veth, e.Path))
	}
	return e, nil
}

// Unseclude removes the secluded endpoint. One that is not there is no error.
func (n *Network) Unseclude() error {
	return n.cfg.remove(n.cfg.veth(secludedIndex), n.path(n.Secluded()))
}

// Enter moves the calling thread into the namespace of an endpoint, for good: the goroutine must be
// locked to it, and end.
func (e Endpoint) Enter() error {
	ns, err := netns.GetFromPath(e.Path)
	if err != nil {
		return fmt.Errorf("open network namespace %q: %w", e.Path, err)
	}
	defer ns.Close()
	if err := netns.Set(ns); err != nil {
		return fmt.Errorf("enter network namespace %q: %w", e.Path, err)
	}
	return nil
}

// makeGateway lets an endpoint pass on what comes from its inner bridge, and keeps the inner networks
// from each other and from what listens in the endpoint itself.
func makeGateway(path string) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := (Endpoint{Path: path}).Enter(); err != nil {
			done <- err
			return
		}
		if err := sysctl("net/ipv4/ip_forward", "1"); err != nil {
			done <- err
			return
		}
		done <- innerRules()
	}()
	return <-done
}

func innerRules() error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "slipway"})
	filter := func(name string, hook *nftables.ChainHook) *nftables.Chain {
		return conn.AddChain(&nftables.Chain{
			Name: name, Table: table, Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: nftables.ChainPriorityFilter,
		})
	}
	input := filter("input", nftables.ChainHookInput)
	conn.AddRule(&nftables.Rule{Table: table, Chain: input, Exprs: rule(in(InnerBridge), answers(), accept())})
	conn.AddRule(&nftables.Rule{Table: table, Chain: input, Exprs: rule(in(InnerBridge), drop())})
	forward := filter("forward", nftables.ChainHookForward)
	conn.AddRule(&nftables.Rule{Table: table, Chain: forward, Exprs: rule(in(InnerBridge), out(InnerBridge), drop())})
	nat := conn.AddChain(&nftables.Chain{
		Name: "postrouting", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	conn.AddRule(&nftables.Rule{Table: table, Chain: nat, Exprs: rule(from(InnerSubnet), not(out(InnerBridge)), masquerade())})
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("write rules of a secluded network: %w", err)
	}
	return nil
}
