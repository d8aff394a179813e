package network

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/engine"
)

// Problem is something that networks need and this machine lacks.
type Problem struct {
	What, Fix string
	Fatal     bool
}

// Check tries all that a Network does in a namespace that goes away with it.
func Check() []Problem {
	done := make(chan []Problem, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		done <- checkInside()
	}()
	found := <-done
	return append(found, checkForwardPolicy()...)
}

func checkInside() []Problem {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return []Problem{{fmt.Sprintf("A network namespace cannot be made: %v.", err),
			"Use a kernel with CONFIG_NET_NS. In a container, it needs CAP_SYS_ADMIN.", true}}
	}
	var found []Problem
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "check"
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
		found = append(found, Problem{fmt.Sprintf("A network bridge cannot be made, which instances are wired to: %v.", err),
			"modprobe bridge (CONFIG_BRIDGE)", true})
	}
	attrs.Name = "check0"
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "check1"}); err != nil {
		found = append(found, Problem{fmt.Sprintf("A virtual network cable cannot be made, which wires an instance: %v.", err),
			"modprobe veth (CONFIG_VETH)", true})
	}
	c := Config{Key: "check", HostPorts: []int{1}, Egress: map[netip.Addr]engine.Egress{pool.Addr(): {}}}
	if err := c.writeRules(netip.PrefixFrom(pool.Addr(), subnetBits)); err != nil {
		found = append(found, Problem{fmt.Sprintf("Packet rules cannot be set, which keep instances apart: %v.", err),
			"modprobe nf_tables nft_ct nft_masq (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET, CONFIG_NFT_CT, CONFIG_NFT_MASQ; Linux 5.2 or later)", true})
	}
	if err := sysctl("net/ipv4/conf/lo/forwarding", "1"); err != nil {
		found = append(found, Problem{fmt.Sprintf("Packets cannot be forwarded, so instances would not reach the network: %v.", err),
			"Let Slipway write to /proc/sys, or set net.ipv4.ip_forward=1 with sysctl.", true})
	}
	return found
}

// checkForwardPolicy looks for a firewall that drops what it does not know, as Docker sets up.
func checkForwardPolicy() []Problem {
	chains, err := droppingChains()
	if err != nil || len(chains) == 0 {
		return nil
	}
	var found []Problem
	for _, ch := range chains {
		if ch.adaptable() {
			continue
		}
		found = append(found, Problem{
			fmt.Sprintf("The host's firewall (nftables chain %q of table %q) drops what it does not know, so instances may not reach the network.", ch.Name, ch.Table.Name),
			"Let it accept packets that come in from or go out to interfaces named sw*.", false,
		})
	}
	return found
}

// foreign is a chain of someone else's.
type foreign struct{ *nftables.Chain }

// adaptable reports whether the chain is the one of iptables, where rules of several programs are
// expected to live together.
func (f foreign) adaptable() bool {
	return f.Table.Name == "filter" && f.Table.Family == nftables.TableFamilyIPv4 && f.Name == "FORWARD"
}

// droppingChains lists chains on the way of forwarded packets that drop by default.
func droppingChains() ([]foreign, error) {
	conn, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("open nftables: %w", err)
	}
	chains, err := conn.ListChains()
	if err != nil {
		return nil, fmt.Errorf("list nftables chains: %w", err)
	}
	var found []foreign
	for _, ch := range chains {
		if ch.Hooknum != nil && *ch.Hooknum == *nftables.ChainHookForward &&
			ch.Type == nftables.ChainTypeFilter && ch.Policy != nil && *ch.Policy == nftables.ChainPolicyDrop {
			found = append(found, foreign{ch})
		}
	}
	return found, nil
}

// passFirewall has iptables' own chain accept our packets where it would drop them. To accept a
// packet in one chain of a hook does not keep another from dropping it, so this is needed beside
// our table, and takes nothing away from it.
func (c Config) passFirewall() error {
	if err := c.unpassFirewall(); err != nil {
		return err
	}
	chains, err := droppingChains()
	if err != nil {
		return err
	}
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	for _, ch := range chains {
		if !ch.adaptable() {
			continue
		}
		// Only what the iptables program can read too, or it refuses the whole table. What goes
		// to instances has passed, or is yet to pass, our own table.
		for _, match := range [][]expr.Any{in(c.bridge()), out(c.bridge())} {
			conn.InsertRule(&nftables.Rule{Table: ch.Table, Chain: ch.Chain, Exprs: rule(match, accept()), UserData: c.mark()})
		}
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("let instances through the host's firewall: %w", err)
	}
	return nil
}

// mark is a comment on rules that are ours in a table that is not.
func (c Config) mark() []byte {
	return userdata.AppendString(nil, userdata.TypeComment, c.table())
}

// unpassFirewall removes what passFirewall added, which it finds by its mark.
func (c Config) unpassFirewall() error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	table := &nftables.Table{Name: "filter", Family: nftables.TableFamilyIPv4}
	rules, err := conn.GetRules(table, &nftables.Chain{Name: "FORWARD", Table: table})
	if err != nil { // there is no such table
		return nil
	}
	for _, r := range rules {
		if bytes.Equal(r.UserData, c.mark()) {
			if err := conn.DelRule(r); err != nil {
				return fmt.Errorf("remove rule from the host's firewall: %w", err)
			}
		}
	}
	if err := conn.Flush(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove rules from the host's firewall: %w", err)
	}
	return nil
}
