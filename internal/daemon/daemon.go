// Package daemon puts Slipway together: it alone knows all the parts, and does nothing but make,
// run and end them.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/audit"
	"github.com/slipway-run/slipway/internal/backup"
	"github.com/slipway-run/slipway/internal/build/assemble"
	"github.com/slipway-run/slipway/internal/build/buildkit"
	"github.com/slipway-run/slipway/internal/certificate"
	"github.com/slipway-run/slipway/internal/control"
	"github.com/slipway-run/slipway/internal/daemon/access"
	"github.com/slipway-run/slipway/internal/daemon/connect"
	"github.com/slipway-run/slipway/internal/daemon/role"
	"github.com/slipway-run/slipway/internal/domain"
	"github.com/slipway-run/slipway/internal/ecr"
	"github.com/slipway-run/slipway/internal/engine/containerd"
	"github.com/slipway-run/slipway/internal/engine/containerd/images"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/iam"
	"github.com/slipway-run/slipway/internal/metrics"
	"github.com/slipway-run/slipway/internal/notify"
	"github.com/slipway-run/slipway/internal/operation"
	"github.com/slipway-run/slipway/internal/otlp"
	"github.com/slipway-run/slipway/internal/registry"
	"github.com/slipway-run/slipway/internal/router"
	"github.com/slipway-run/slipway/internal/router/accesslog"
	"github.com/slipway-run/slipway/internal/secret"
	"github.com/slipway-run/slipway/internal/ship"
	"github.com/slipway-run/slipway/internal/source"
	"github.com/slipway-run/slipway/internal/source/remote"
	"github.com/slipway-run/slipway/internal/sqlite"
	"github.com/slipway-run/slipway/internal/telemetry"
	"github.com/slipway-run/slipway/internal/vault"
)

// Daemon is a Slipway: one process that has a data directory.
type Daemon struct {
	config Config
	log    *slog.Logger

	lock     *os.File
	key      iam.Key
	guard    *access.Guard
	audit    *audit.Log
	store    *sqlite.Store
	logs     *telemetry.Log
	stored   *metrics.Store
	metrics  *metrics.Collector
	exposed  http.Handler // metrics for Prometheus
	engine   *containerd.Engine
	images   *images.Store // of the engine
	registry *registry.Registry
	router   *router.Router
	fleet    *fleet.Fleet
	sources  *source.Registries
	remote   *remote.Server
	watcher  *source.Watcher
	control  *control.Control
	runner   *operation.Runner

	builder   *buildkit.Builder
	assembler *assemble.Assembler

	deployer *control.AutoDeployer
	connect  *connect.Connector
	ingress  *control.Ingresses

	secrets    *secret.Secrets
	parameters *secret.Parameters
	resolver   *secret.Resolver
	redeployer *control.SecretDeployer
	rolePolicy map[string]*iam.Policy // by name or ARN
	courier    *notify.Courier
	shippers   []*ship.Shipper
	otlp       *otlp.Exporter   // nil unless configured
	operations *otlp.Operations // likewise
	inside     *role.Listener   // connections from inside of instances
	slim       slimmer
	endpoint   *role.Endpoint

	repositories *ecr.Registry
	tokens       *ecr.Tokens

	hosts        *hosts
	options      *options
	accessLog    *accesslog.Log // nil if it is disabled
	domains      *domain.Worker
	certificates *certificate.Manager // nil without HTTPS

	api, http net.Listener
	private   net.Listener // nil unless configured
	https     net.Listener // nil without HTTPS
	scrapes   net.Listener // of metrics without signing in; nil unless configured

	sweeping sync.RWMutex // held while something is deleted that nothing needs, and against that

	routes     routing
	handed     map[string]inherited // listeners of the last daemon, until listen
	entered    []containerd.Inside  // those that it had inside of instances, until openEngine
	left       []containerd.Inside  // those of this one, for the next
	fixed      map[string]bool      // doors whose address systemd decides
	front      *front
	last       *predecessor // nil unless one was replaced
	succession *succession
	grace      atomic.Int64            // nanoseconds that requests under way have when the daemon ends
	end        context.CancelCauseFunc // ends Run

	// ctx is the life of everything that works in the background, and back waits for it; stop ends it.
	ctx     context.Context
	stop    context.CancelFunc
	back    sync.WaitGroup
	counted sync.Once // by rest
	closed  sync.Once // by closeBack
}

// Open takes the data directory, from the daemon that has it if so configured, opens the listeners, so that
// a taken port is found out at once, and starts the engine or finds the one that runs. Close it also when
// Run was not called.
func Open(ctx context.Context, config Config, log *slog.Logger) (_ *Daemon, err error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	d := &Daemon{config: config, log: log, inside: role.NewListener(), succession: newSuccession()}
	d.grace.Store(int64(drainTime))
	d.ctx, d.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, step := range []func() error{d.enter, d.listen, d.take, d.openData, d.openEngine, d.openParts} {
		if err := step(); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return d, nil
}

// openData opens what is kept in the data directory.
func (d *Daemon) openData() (err error) {
	dir := d.config.DataDir
	if err := backup.Tidy(dir); err != nil {
		return fmt.Errorf("delete what an interrupted backup left: %w", err)
	}
	if d.key, err = iam.OpenRoot(dir); err != nil {
		return err
	}
	box, err := vault.Open(dir)
	if err != nil {
		return err
	}
	if d.store, err = sqlite.Open(d.ctx, filepath.Join(dir, "slipway.db"), box); err != nil {
		return err
	}
	if err := d.openEvents(); err != nil {
		return err
	}
	if d.audit, err = audit.Open(filepath.Join(dir, "audit")); err != nil {
		return err
	}
	if err := d.openSecrets(); err != nil {
		return err
	}
	return d.openAccess()
}

// place is where the resources of a Region are.
func (d *Daemon) place(region string) apprunner.Place {
	return apprunner.Place{Account: d.config.Account, Region: region}
}

// Run serves until ctx ends, something breaks, or another process has taken over and the last client is
// gone. Instances go on when it returns.
func (d *Daemon) Run(ctx context.Context) error {
	asked := ctx
	ctx, d.end = context.WithCancelCause(ctx)
	defer d.end(nil)
	err := d.begin(ctx)
	if err == nil {
		<-ctx.Done()
		if err = context.Cause(ctx); asked.Err() != nil || errors.Is(err, errReplaced) {
			err = nil
		}
	}
	d.end(err)
	d.finish(asked.Err() != nil)
	return err
}

// begin starts everything.
func (d *Daemon) begin(ctx context.Context) error {
	d.slim = newSlimmer(func(err error) { d.log.Debug("memory was not given back", "error", err) })
	d.front = d.newFront(d.end)
	if err := d.adopt(ctx); err != nil {
		return err
	}
	if d.last != nil { // what it says is about instances that are known now
		d.inBackground(func(context.Context) { d.last.listen() })
	}
	if err := d.ingress.Settle(ctx); err != nil {
		return err
	}
	// Before anybody can ask for an operation, or that would be run twice.
	if err := d.runner.Start(d.ctx); err != nil {
		return err
	}
	if err := errors.Join(d.front.openAPI(), d.front.openApplications()); err != nil {
		return err
	}
	d.inBackground(func(context.Context) { d.fleet.Run() })
	for _, run := range []func(context.Context){
		d.deployer.Run, d.redeployer.Run, d.watcher.Run, d.connect.Run, d.ingress.Run, d.tidy, d.domains.Run,
		d.courier.Run, d.watchFiles, d.metrics.Run, d.serveInside, d.serveScrapes,
	} {
		d.inBackground(run)
	}
	for _, s := range d.shippers {
		d.inBackground(s.Run)
	}
	d.watch()
	d.eachTag(func(s apprunner.Service, _ source.Reference) { d.deployer.Look(s.ID) })
	d.secretsChanged()
	d.connect.LookAll(d.ctx)
	d.connect.ReportRecent(d.ctx)
	if err := errors.Join(d.publish(), d.talk(ctx)); err != nil {
		return err
	}
	if d.last != nil {
		dieAt("TAKE_OVER:ready")
		d.last.tell(sayServing, serving{os.Getpid()})
		dieAt("TAKE_OVER:serving")
	}
	d.tellManager()
	return nil
}

// inBackground has work done for as long as this daemon drives services.
func (d *Daemon) inBackground(work func(context.Context)) {
	d.back.Go(func() { work(d.ctx) })
}

// errReplaced ends a daemon whose clients are all with another one.
var errReplaced = errors.New("another process has taken over")

// finish ends everything. A daemon that was asked to end takes along the one that it replaced.
func (d *Daemon) finish(asked bool) {
	grace, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), time.Duration(d.grace.Load()))
	defer cancel()
	d.holdInside()
	d.stop()
	d.front.shutdown(grace)
	if asked {
		d.endLast(grace)
	}
	if d.last != nil {
		_ = d.last.conn.Close()
	}
	d.rest()
}

// rest returns when nothing works in the background any more, and everything that was counted is stored.
func (d *Daemon) rest() {
	d.runner.Wait()
	d.slim.timer.Stop()
	d.back.Wait()
	d.counted.Do(func() { d.metrics.Finish(context.WithoutCancel(d.ctx)) })
}

// publish tells clients on this machine where the daemon is.
func (d *Daemon) publish() error {
	info := Info{
		PID: os.Getpid(), API: "http://" + reachable(d.api.Addr()), Scheme: d.scheme(), HTTP: d.http.Addr().String(),
		Region: d.config.Region, Account: d.config.Account, MaxPush: int64(d.config.Source.MaxPush),
	}
	if d.https != nil {
		info.HTTPS = d.https.Addr().String()
	}
	if err := iam.WriteAWSProfile(d.config.DataDir, info.API, d.config.Region, d.key); err != nil {
		return err
	}
	if err := info.write(d.config.DataDir); err != nil {
		return err
	}
	d.log.Info("Slipway is ready", "api", info.API, "applications", info.HTTP, "data", d.config.DataDir)
	return nil
}

// reachable is the address that a client on this machine uses for a listener.
func reachable(address net.Addr) string {
	tcp, ok := address.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return address.String()
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
}

// Close lets go of everything. What the engine runs goes on.
func (d *Daemon) Close() error {
	errs := []error{d.closeBack()}
	d.closeOTLP()
	if d.last != nil {
		_ = d.last.conn.Close()
	}
	for _, l := range []net.Listener{d.api, d.http, d.https, d.private, d.scrapes} {
		if l != nil {
			if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	for _, l := range d.handed {
		errs = append(errs, l.Close())
	}
	if d.registry != nil {
		errs = append(errs, d.registry.Close())
	}
	if d.accessLog != nil {
		errs = append(errs, d.accessLog.Close())
	}
	if d.audit != nil {
		errs = append(errs, d.audit.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}

// closeBack lets go of what only one process may have: the store, the engine, and what works with them.
func (d *Daemon) closeBack() (err error) {
	d.closed.Do(func() {
		d.stop()
		var errs []error
		d.restOTLP()
		if d.certificates != nil {
			d.certificates.Close()
		}
		if d.builder != nil {
			errs = append(errs, d.builder.Close(context.WithoutCancel(d.ctx)))
		}
		if d.engine != nil {
			errs = append(errs, d.engine.Close())
		}
		if d.images != nil {
			d.images.CloseIdle() // one to the registry here would be a client of this daemon
		}
		if d.sources != nil {
			d.sources.Close()
		}
		if d.store != nil {
			errs = append(errs, d.store.Close())
		}
		err = errors.Join(errs...)
	})
	return err
}

// drainTime is how long requests under way may take when the daemon ends.
const drainTime = 10 * time.Second
