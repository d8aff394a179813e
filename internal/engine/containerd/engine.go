package containerd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	client "github.com/containerd/containerd/v2/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd/cgroup"
	"github.com/slipway-run/slipway/internal/engine/containerd/network"
	"github.com/slipway-run/slipway/internal/keyed"
)

// Options of an Engine.
type Options struct {
	DataDir string // everything is kept below its directory "engine"
	BinDir  string // has containerd, containerd-shim-runc-v2, runc, slipway-log and slipway-runc

	// HostPorts are the TCP ports of the host that instances may reach: the router's.
	HostPorts []int
	// Forward is what an instance finds at a port of its own loopback address, when its Spec names the port.
	Forward map[int]Offer
	// Inherited are the listeners that the process before had there, from LeaveInside. They stay the
	// caller's if Open fails.
	Inherited []Inside
	// Images makes the store of images on the connection to containerd; nil for none.
	Images func(*client.Client) engine.Images

	LogFileSize int64 // bytes of one file of an instance's output; 0 for 10 MiB
	LogFiles    int   // how many are kept of each instance; 0 for 3
	Pool        int   // networks made ahead; 0 for 4, negative for none

	Logger *slog.Logger // nil for none
}

func (o Options) withDefaults() Options {
	if o.LogFileSize == 0 {
		o.LogFileSize = 10 << 20
	}
	if o.LogFiles == 0 {
		o.LogFiles = 3
	}
	if o.Pool == 0 {
		o.Pool = 4
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Inherited = slices.Clone(o.Inherited)
	return o
}

// Engine runs instances with containerd. It implements engine.Engine.
type Engine struct {
	engine.Images

	opts      Options
	paths     paths
	client    *client.Client
	child     *child
	net       *network.Network
	groups    cgroup.Group // the parent of all instances' groups
	hierarchy cgroup.Hierarchy
	roomHits  atomic.Int64 // how often builds have reached their memory limit
	roomPID   atomic.Int64 // of the program in the room of builds
	dns       []netip.Addr
	images    imageCache
	disks     diskMaker
	locks     keyed.Mutex // held while an instance is made, started or removed
	settling  keyed.Mutex // held while the end of an instance is noted
	hub       hub
	insides   insides
	telling   keyed.Mutex // held while a state is found out and told
	nofile    uint64
	swap      bool // the kernel can limit swap
	log       *slog.Logger

	lock   *os.File
	life   context.Context // from Open to Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

var _ engine.Engine = (*Engine)(nil)

// Open starts the containerd of the data directory, or finds the one that an earlier process
// started together with its instances. One process at a time can have a data directory open.
func Open(ctx context.Context, opts Options) (_ *Engine, err error) {
	opts = opts.withDefaults()
	if opts.BinDir, err = filepath.Abs(opts.BinDir); err != nil {
		return nil, fmt.Errorf("find engine binaries: %w", err)
	}
	p, err := newPaths(opts.DataDir)
	if err != nil {
		return nil, err
	}
	if err := p.create(); err != nil {
		return nil, err
	}
	lock, err := lockFile(p.file("lock"))
	if err != nil {
		return nil, err
	}
	h, err := cgroup.Detect()
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	e := &Engine{
		opts: opts, paths: p, lock: lock, groups: h.Group(p.cgroup()), hierarchy: h, swap: canLimitSwap(h),
		dns: nameServers(), disks: diskMaker{dir: p.templates()}, log: opts.Logger,
	}
	e.life, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := e.open(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Engine) open(ctx context.Context) (err error) {
	if e.client, err = dial(e.paths.socket()); err != nil {
		return err
	}
	e.child = &child{paths: e.paths, bin: e.opts.BinDir, client: e.client, group: e.groups.Child(engineGroup), log: e.log}
	proc, err := e.child.ensure(ctx)
	if err != nil {
		return err
	}
	if e.nofile, err = fileLimit(proc.PID); err != nil {
		return err
	}
	if e.opts.Images != nil {
		e.Images = e.opts.Images(e.client)
	}
	found, err := e.recover(ctx)
	if err != nil {
		return err
	}
	// Builds are done again by whoever wanted them.
	if err := e.paths.emptyRoom(ctx, e.roomGroup()); err != nil {
		return err
	}
	if e.net, err = network.Open(ctx, e.networkConfig(found), slices.Collect(maps.Values(found))); err != nil {
		return err
	}
	e.resumeInside(found)
	e.wg.Go(func() { e.child.supervise(e.life, proc) })
	e.wg.Go(func() { e.watch(e.life) })
	return nil
}

// networkConfig is that of the network, with the limits of the instances found.
func (e *Engine) networkConfig(found map[string]netip.Addr) network.Config {
	limits := map[netip.Addr]engine.Egress{}
	for id, address := range found {
		if egress := e.wiring(id).Egress; egress != nil {
			limits[address] = *egress
		}
	}
	return network.Config{
		Key: e.paths.key, Dir: e.paths.netns(), HostPorts: e.opts.HostPorts,
		DNS: e.dns, Pool: e.opts.Pool, Egress: limits, Logger: e.log,
	}
}

// Close disconnects. Containerd and the instances go on.
func (e *Engine) Close() error {
	e.cancel()
	for _, l := range e.insides.leave() {
		_ = l.Close()
	}
	e.insides.taking.Wait()
	if e.net != nil {
		e.net.Close()
	}
	e.wg.Wait()
	var err error
	if e.client != nil {
		err = e.client.Close()
	}
	return errors.Join(err, e.lock.Close())
}

// Client is the connection to containerd, for what else works with its images.
func (e *Engine) Client() *client.Client { return e.client }

// Address is the path of containerd's socket.
func (e *Engine) Address() string { return e.paths.socket() }

// Gateway is the host's address as instances see it.
func (e *Engine) Gateway() netip.Addr { return e.net.Gateway() }

func dial(socket string) (*client.Client, error) {
	// Containerd is away for a moment when it is restarted; waiting longer than it takes to
	// start would only make that moment longer.
	fast := backoff.Config{BaseDelay: 5 * time.Millisecond, Multiplier: 1.5, Jitter: 0.2, MaxDelay: 100 * time.Millisecond}
	c, err := client.New(socket,
		client.WithDefaultNamespace(namespace),
		client.WithExtraDialOpts([]grpc.DialOption{
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: fast, MinConnectTimeout: time.Second}),
		}))
	if err != nil {
		return nil, fmt.Errorf("connect to containerd at %q: %w", socket, err)
	}
	return c, nil
}

// lockPatience is how long a lock may be held by what is no Slipway: a program that a process is just
// starting has its files until it executes.
const lockPatience = 2 * time.Second

// lockFile takes the lock of the data directory. The kernel releases it when the process ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(10 * time.Millisecond) {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Now().After(deadline) {
			break
		}
	}
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("data directory %q is in use by another Slipway", filepath.Dir(filepath.Dir(path)))
	}
	return nil, fmt.Errorf("lock data directory: %w", err)
}
