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
	"time"

	"golang.org/x/sync/errgroup"

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
	events     bell
	inside     *role.Listener // connections from inside of instances
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

	// ctx is the life of everything that works in the background; stop ends it.
	ctx  context.Context
	stop context.CancelFunc
}

// Open takes the data directory, opens the listeners, so that a taken port is found out at once,
// and starts the engine or finds the one that runs. Close it also when Run was not called.
func Open(ctx context.Context, config Config, log *slog.Logger) (_ *Daemon, err error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	d := &Daemon{config: config, log: log, inside: role.NewListener()}
	d.ctx, d.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, step := range []func() error{d.openData, d.listen, d.openEngine, d.openParts} {
		if err := step(); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return d, nil
}

// openData takes the data directory and opens what is kept in it.
func (d *Daemon) openData() (err error) {
	dir := d.config.DataDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if d.lock, err = lock(dir); err != nil {
		return err
	}
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

func (d *Daemon) listen() (err error) {
	if d.api, err = net.Listen("tcp", d.config.APIListen); err != nil {
		return fmt.Errorf("listen for the API: %w. Choose another address with --api-listen", err)
	}
	if d.http, err = net.Listen("tcp", d.config.HTTPListen); err != nil {
		return fmt.Errorf("listen for applications: %w. Choose another address with --http-listen", err)
	}
	if d.config.HTTPSListen != "" {
		if d.https, err = net.Listen("tcp", d.config.HTTPSListen); err != nil {
			return fmt.Errorf("listen for applications over TLS: %w. Choose another address with --https-listen", err)
		}
	}
	if d.config.MetricsListen != "" {
		if d.scrapes, err = net.Listen("tcp", d.config.MetricsListen); err != nil {
			return fmt.Errorf("listen for Prometheus: %w. Choose another address with metrics-listen", err)
		}
	}
	if d.config.PrivateListen == "" {
		return nil
	}
	if d.private, err = net.Listen("tcp", d.config.PrivateListen); err != nil {
		return fmt.Errorf("listen for private applications: %w. Choose another address with private-listen", err)
	}
	return nil
}

// place is where the resources of a Region are.
func (d *Daemon) place(region string) apprunner.Place {
	return apprunner.Place{Account: d.config.Account, Region: region}
}

// Run serves until ctx ends or something breaks. Instances go on when it returns.
func (d *Daemon) Run(ctx context.Context) error {
	if err := d.adopt(ctx); err != nil {
		return err
	}
	if err := d.ingress.Settle(ctx); err != nil {
		return err
	}
	// Before anybody can ask for an operation, or that would be run twice.
	if err := d.runner.Start(d.ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	d.serve(group, ctx)
	group.Go(func() error { d.fleet.Run(); return nil })
	group.Go(func() error { d.deployer.Run(d.ctx); return nil })
	group.Go(func() error { d.redeployer.Run(d.ctx); return nil })
	group.Go(func() error { d.watcher.Run(d.ctx); return nil })
	group.Go(func() error { d.connect.Run(d.ctx); return nil })
	group.Go(func() error { d.ingress.Run(d.ctx); return nil })
	group.Go(func() error { d.tidy(d.ctx); return nil })
	group.Go(func() error { d.metrics.Run(d.ctx); return nil })
	group.Go(func() error { d.domains.Run(d.ctx); return nil })
	group.Go(func() error { d.courier.Run(d.ctx); return nil })
	group.Go(func() error { d.watchFiles(d.ctx); return nil })
	for _, s := range d.shippers {
		group.Go(func() error { s.Run(d.ctx); return nil })
	}
	group.Go(func() error {
		<-ctx.Done()
		d.stop()
		d.runner.Wait()
		return nil
	})
	d.watch()
	d.eachTag(func(s apprunner.Service, _ source.Reference) { d.deployer.Look(s.ID) })
	d.secretsChanged()
	d.connect.LookAll(d.ctx)
	d.connect.ReportRecent(d.ctx)
	group.Go(d.publish)
	err := group.Wait()
	d.metrics.Finish(context.WithoutCancel(ctx))
	return err
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
	d.stop()
	var errs []error
	for _, l := range []net.Listener{d.api, d.http, d.https, d.private, d.scrapes} {
		if l != nil {
			if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	if d.certificates != nil {
		d.certificates.Close()
	}
	d.closeOTLP()
	if d.builder != nil {
		errs = append(errs, d.builder.Close(context.WithoutCancel(d.ctx)))
	}
	if d.registry != nil {
		errs = append(errs, d.registry.Close())
	}
	if d.engine != nil {
		errs = append(errs, d.engine.Close())
	}
	if d.sources != nil {
		d.sources.Close()
	}
	if d.accessLog != nil {
		errs = append(errs, d.accessLog.Close())
	}
	if d.audit != nil {
		errs = append(errs, d.audit.Close())
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}

// drainTime is how long requests under way may take when the daemon ends.
const drainTime = 10 * time.Second
