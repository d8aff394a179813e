package network

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inNamespace runs a test in a network of its own, so that it neither sees nor changes the host's.
func inNamespace(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" || os.Getenv("SLIPWAY_TEST_REQUIRE") == "1" {
			t.Fatal("needs root to make network namespaces")
		}
		t.Skip("needs root to make network namespaces")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Errorf("create network namespace: %v", err)
			return
		}
		f(t)
	}()
	<-done
}

func config(t *testing.T) Config {
	return Config{Key: "0123abcd", Dir: t.TempDir(), HostPorts: []int{80}, Logger: slog.New(slog.DiscardHandler)}
}

// addNetwork gives the host another address.
func addNetwork(t *testing.T, name, prefix string) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	link := &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(link); err != nil {
		t.Errorf("add interface: %v", err)
		return
	}
	p := netip.MustParsePrefix(prefix)
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: ipNet(p)}); err != nil {
		t.Errorf("add address: %v", err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		t.Errorf("bring up interface: %v", err)
	}
}

func TestEndpointLifecycle(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	inNamespace(t, func(t *testing.T) {
		n, err := Open(t.Context(), cfg, nil)
		if err != nil {
			t.Errorf("Open: %v", err)
			return
		}
		defer n.Close()
		first, err1 := n.Acquire(t.Context())
		second, err2 := n.Acquire(t.Context())
		if err1 != nil || err2 != nil || first.Address == second.Address {
			t.Errorf("Acquire: %v and %v, %v, %v, want two addresses", first, second, err1, err2)
			return
		}
		for _, e := range []Endpoint{first, second} {
			if !n.Subnet().Contains(e.Address) || e.Address == n.Gateway() {
				t.Errorf("address %s is not one of %s", e.Address, n.Subnet())
			}
		}
		// Another process that knows of the first only removes the second.
		again, err := Open(t.Context(), cfg, []netip.Addr{first.Address})
		if err != nil {
			t.Errorf("Open again: %v", err)
			return
		}
		if again.Subnet() != n.Subnet() {
			t.Errorf("subnet was %s and is %s", n.Subnet(), again.Subnet())
		}
		wantFiles(t, cfg.Dir, first.Address.String(), "subnet")
		for range 2 {
			if err := again.Release(first.Address); err != nil {
				t.Errorf("Release: %v", err)
			}
		}
		wantFiles(t, cfg.Dir, "subnet")
		for range 2 {
			if err := Destroy(cfg); err != nil {
				t.Errorf("Destroy: %v", err)
			}
		}
		links, err := netlink.LinkList()
		if err != nil || len(links) != 1 { // lo
			t.Errorf("interfaces after Destroy: %v, %v", links, err)
		}
		conn, err := nftables.New()
		if err != nil {
			t.Error(err)
			return
		}
		if tables, err := conn.ListTables(); err != nil || len(tables) != 0 {
			t.Errorf("tables after Destroy: %v, %v", tables, err)
		}
	})
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("files are %v, want %v", got, want)
	}
}

func TestSubnetAvoidsOtherNetworks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		inUse bool
		moves bool
	}{
		{"without instances it moves away", false, true},
		{"with instances it stays, whatever comes", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			inNamespace(t, func(t *testing.T) {
				first, err := cfg.chooseSubnet(false)
				if err != nil {
					t.Error(err)
					return
				}
				if again, err := cfg.chooseSubnet(false); err != nil || again != first {
					t.Errorf("chose %s, then %s, %v", first, again, err)
				}
				addNetwork(t, "other", first.Addr().Next().String()+"/24")
				then, err := cfg.chooseSubnet(c.inUse)
				if err != nil || (then != first) != c.moves {
					t.Errorf("chose %s, then %s, %v", first, then, err)
				}
			})
		})
	}
}

func TestNoFreeSubnet(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	inNamespace(t, func(t *testing.T) {
		addNetwork(t, "wide", "10.64.0.1/10")
		if _, err := cfg.chooseSubnet(false); err == nil || !strings.Contains(err.Error(), "no free network") {
			t.Errorf("chooseSubnet: %v, want no free network", err)
		}
	})
}

func TestCandidatesAreAllDistinct(t *testing.T) {
	t.Parallel()
	seen := map[netip.Prefix]bool{}
	for p := range candidates("0123abcd") {
		if seen[p] || !pool.Contains(p.Addr()) || p != p.Masked() {
			t.Fatalf("%s comes twice or is outside of %s", p, pool)
		}
		seen[p] = true
	}
	if len(seen) != 4096 {
		t.Errorf("got %d candidates, want 4096", len(seen))
	}
}

func TestNamesFit(t *testing.T) {
	t.Parallel()
	c := Config{Key: "0123abcd"}
	for _, name := range []string{c.bridge(), c.veth(1), c.veth(1<<(32-subnetBits) - 1)} {
		if len(name) >= unix.IFNAMSIZ || !c.owns(name) {
			t.Errorf("interface name %q is too long or not recognised as ours", name)
		}
	}
	if c.owns("v0123abcde-1") || c.owns("sw0123abc") {
		t.Error("owns interfaces of others")
	}
}

func TestFirewallThatDrops(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	inNamespace(t, func(t *testing.T) {
		conn, err := nftables.New()
		if err != nil {
			t.Error(err)
			return
		}
		policy := nftables.ChainPolicyDrop
		table := conn.AddTable(&nftables.Table{Name: "filter", Family: nftables.TableFamilyIPv4})
		chain := conn.AddChain(&nftables.Chain{
			Name: "FORWARD", Table: table, Type: nftables.ChainTypeFilter, Policy: &policy,
			Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
		})
		if err := conn.Flush(); err != nil {
			t.Error(err)
			return
		}
		count := func(want int) {
			t.Helper()
			rules, err := conn.GetRules(table, chain)
			if err != nil || len(rules) != want {
				t.Errorf("firewall has %d rules, %v, want %d", len(rules), err, want)
			}
		}
		for range 2 { // the second replaces the first
			if err := cfg.passFirewall(); err != nil {
				t.Error(err)
			}
			count(2)
		}
		other := cfg
		other.Key = "other"
		if err := other.passFirewall(); err != nil {
			t.Error(err)
		}
		count(4)
		if err := cfg.unpassFirewall(); err != nil {
			t.Error(err)
		}
		count(2)
	})
}

func TestCheckFindsNothingWrongHere(t *testing.T) {
	t.Parallel()
	inNamespace(t, func(t *testing.T) {
		for _, p := range Check() {
			if p.Fatal {
				t.Errorf("%s %s", p.What, p.Fix)
			}
		}
	})
}

func TestClaimOfAKilledProcessIsCleared(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	inNamespace(t, func(t *testing.T) {
		n, err := Open(t.Context(), cfg, nil)
		if err != nil {
			t.Error(err)
			return
		}
		// Killed right after it claimed an address, and once in the middle of wiring.
		i, err := n.claim()
		if err != nil {
			t.Error(err)
		}
		e, err := n.Acquire(t.Context())
		if err != nil {
			t.Error(err)
		}
		j, _ := n.index(e.Address)
		if err := deleteLink(cfg.veth(j)); err != nil {
			t.Error(err)
		}
		if n, err = Open(t.Context(), cfg, nil); err != nil {
			t.Error(err)
			return
		}
		wantFiles(t, cfg.Dir, "subnet")
		if _, err := os.Stat(filepath.Join(cfg.Dir, fromUint(toUint(n.subnet.Addr())+uint32(i)).String())); err == nil {
			t.Error("claim is left")
		}
		if err := Destroy(cfg); err != nil {
			t.Error(err)
		}
	})
}
