// Package network gives each instance a network of its own: a namespace with one address, wired to
// a bridge that belongs to one data directory.
//
// What an instance may reach is decided here. It reaches the outside through the host's address,
// and the host's ports that it was given (the router). It reaches neither other instances, nor
// anything else that listens on the host, nor link-local addresses (where clouds serve their
// credentials). Nobody but the host itself can open a connection to an instance.
//
// Names carry the key of the data directory, so that several engines share one machine. Everything
// can be found again from the names alone, so a killed process leaves nothing that the next one
// would not find.
package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"github.com/vishvananda/netlink"

	"github.com/slipway-run/slipway/internal/engine"
)

// Config of a Network.
type Config struct {
	Key       string       // of the data directory; eight characters, part of every name
	Dir       string       // where the namespaces are kept
	HostPorts []int        // TCP ports of the host that instances may reach
	DNS       []netip.Addr // name servers of instances; one that is the host's own address is let through
	Pool      int          // namespaces made ahead; 0 for none
	// Egress limits endpoints of an earlier process, as Restrict did.
	Egress map[netip.Addr]engine.Egress
	Logger *slog.Logger
}

func (c Config) bridge() string { return "sw" + c.Key }
func (c Config) table() string  { return "slipway_" + c.Key }

// Endpoint is a network made for one instance.
type Endpoint struct {
	Address netip.Addr
	Path    string // of the namespace
}

// Network makes endpoints.
type Network struct {
	cfg    Config
	subnet netip.Prefix
	bridge netlink.Link
	mtu    int

	mu         sync.Mutex
	last       int                 // index of the address given last
	restricted map[netip.Addr]bool // addresses with rules of their own

	pool   chan Endpoint
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Open makes the bridge and the rules, or adopts those of an earlier process. Endpoints whose
// address is not in claimed are left over from a process that died, and are removed.
func Open(ctx context.Context, cfg Config, claimed []netip.Addr) (*Network, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create network directory: %w", err)
	}
	n := &Network{cfg: cfg, pool: make(chan Endpoint, max(cfg.Pool, 0)), restricted: map[netip.Addr]bool{}}
	for address := range cfg.Egress {
		n.restricted[address] = true
	}
	// Not where the last process began: its addresses are the ones that others still remember.
	n.last = rand.IntN(1 << (32 - subnetBits))
	unlock, err := lockMachine(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := n.setUp(claimed); err != nil {
		return nil, err
	}
	if err := n.dropUnclaimed(claimed); err != nil {
		return nil, err
	}
	if cfg.Pool > 0 {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		n.cancel = cancel
		n.wg.Go(func() { n.fill(ctx) })
	}
	return n, nil
}

func (n *Network) setUp(claimed []netip.Addr) error {
	up, err := findUplink()
	if err != nil {
		return err
	}
	n.mtu = up.mtu
	if n.subnet, err = n.cfg.chooseSubnet(len(claimed) > 0); err != nil {
		return err
	}
	if n.bridge, err = n.cfg.ensureBridge(n.subnet, n.mtu); err != nil {
		return err
	}
	if err := enableForwarding(append(up.names, n.cfg.bridge())); err != nil {
		return err
	}
	if err := n.cfg.writeRules(n.subnet); err != nil {
		return err
	}
	return n.cfg.passFirewall()
}

// Gateway is the host's address on the bridge.
func (n *Network) Gateway() netip.Addr { return n.subnet.Addr().Next() }

// Subnet is the range that endpoints have addresses from.
func (n *Network) Subnet() netip.Prefix { return n.subnet }

// Acquire returns an endpoint made ahead, or makes one.
func (n *Network) Acquire(ctx context.Context) (Endpoint, error) {
	select {
	case e := <-n.pool:
		return e, nil
	default:
	}
	if err := ctx.Err(); err != nil {
		return Endpoint{}, err
	}
	return n.create()
}

// Release removes an endpoint. An endpoint that is gone is no error.
func (n *Network) Release(address netip.Addr) error {
	i, err := n.index(address)
	if err != nil {
		return err
	}
	// The cable first: there must be no moment at which the instance may do more.
	if err := deleteLink(n.cfg.veth(i)); err != nil {
		return err
	}
	if err := n.unrestrict(address); err != nil {
		return err
	}
	return n.cfg.remove("", n.path(address))
}

// Path is where the namespace of an address is kept.
func (n *Network) Path(address netip.Addr) string { return n.path(address) }

func (n *Network) path(address netip.Addr) string {
	return filepath.Join(n.cfg.Dir, address.String())
}

// Close stops making endpoints ahead. Those that exist stay.
func (n *Network) Close() {
	if n.cancel != nil {
		n.cancel()
	}
	n.wg.Wait()
}

// fill keeps the pool full until ctx ends.
func (n *Network) fill(ctx context.Context) {
	for ctx.Err() == nil {
		e, err := n.create()
		if err != nil {
			n.cfg.Logger.Warn("cannot make a network ahead", "error", err)
			if !pause(ctx) {
				return
			}
			continue
		}
		select {
		case n.pool <- e:
		case <-ctx.Done():
		}
	}
}

// dropUnclaimed removes what no instance uses, such as the pool of an earlier process.
func (n *Network) dropUnclaimed(claimed []netip.Addr) error {
	keep := map[string]bool{}
	for _, a := range claimed {
		keep[a.String()] = true
	}
	entries, err := os.ReadDir(n.cfg.Dir)
	if err != nil {
		return fmt.Errorf("list networks: %w", err)
	}
	var errs []error
	for _, e := range entries {
		address, err := netip.ParseAddr(e.Name())
		if err != nil || keep[e.Name()] {
			continue
		}
		veth := ""
		if i, err := n.index(address); err == nil {
			veth = n.cfg.veth(i)
		}
		errs = append(errs, n.cfg.remove(veth, n.path(address)))
	}
	return errors.Join(errs...)
}

// Destroy removes every trace of the network. Instances must have ended.
func Destroy(cfg Config) error {
	var errs []error
	entries, err := os.ReadDir(cfg.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, fmt.Errorf("list networks: %w", err))
	}
	for _, e := range entries {
		if _, err := netip.ParseAddr(e.Name()); err == nil {
			errs = append(errs, cfg.remove("", filepath.Join(cfg.Dir, e.Name())))
		}
	}
	errs = append(errs, cfg.unpassFirewall(), cfg.removeLinks(), cfg.removeRules())
	return errors.Join(errs...)
}

// removeLinks deletes the bridge and all that is named after the key.
func (c Config) removeLinks() error {
	links, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("list network interfaces: %w", err)
	}
	var errs []error
	for _, l := range links {
		if c.owns(l.Name) {
			errs = append(errs, deleteLink(l.Name))
		}
	}
	return errors.Join(errs...)
}
