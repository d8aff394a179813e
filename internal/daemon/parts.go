package daemon

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	containerdclient "github.com/containerd/containerd/v2/client"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/control"
	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd"
	"github.com/slipway-run/slipway/internal/engine/containerd/images"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/operation"
	"github.com/slipway-run/slipway/internal/router"
	"github.com/slipway-run/slipway/internal/source"
	"github.com/slipway-run/slipway/internal/source/aws"
	"github.com/slipway-run/slipway/internal/telemetry"
)

// openEngine starts containerd, or finds the one that an earlier daemon started.
func (d *Daemon) openEngine() (err error) {
	log := d.log.With("component", "engine")
	ports := []int{portOf(d.http)}
	if d.https != nil {
		ports = append(ports, portOf(d.https))
	}
	d.engine, err = containerd.Open(d.ctx, containerd.Options{
		DataDir: d.config.DataDir, BinDir: d.config.EngineDir,
		HostPorts: ports, Forward: d.forwards(), Inherited: d.entered,
		Images: func(c *containerdclient.Client) engine.Images {
			d.images = images.New(c, log)
			return d.images
		},
		Logger: log,
	})
	if err != nil {
		closeInside(d.entered)
	}
	d.entered = nil
	return err
}

// openParts makes everything that has no state of its own beside the store and the engine.
func (d *Daemon) openParts() error {
	var err error
	d.logs, err = telemetry.Open(filepath.Join(d.config.DataDir, "logs"), d.engine, telemetry.Options{
		Log: d.log, Retention: d.config.Logs.Retention, MaxBytes: int64(d.config.Logs.MaxSize),
		AccessSize: int64(d.config.AccessLog.Size) / 4,
	})
	if err != nil {
		return err
	}
	if err := d.openShipping(); err != nil {
		return err
	}
	if err := d.openRegistry(); err != nil {
		return err
	}
	d.registry.OnPush(d.pushed)
	if err := d.openRemote(); err != nil {
		return err
	}
	d.sources, err = source.NewRegistries(source.Config{
		Mirrors: d.config.Registry.Mirrors, Credentials: logins{d}, AWS: &aws.Logins{Credentials: aws.FromMachine}, Embedded: d.registry, Log: d.log,
		EmbeddedEndpoint: engine.Endpoint{URL: "http://" + reachable(d.api.Addr()) + "/v2", Username: d.key.ID, Password: d.key.Secret},
	})
	if err != nil {
		return err
	}
	watcher := &observer{succession: d.succession}
	d.openAccessLog()
	d.router = router.New(router.Options{
		Observer: watcher, Log: d.log.With("component", "router"), QueueWait: d.config.Timeouts.QueueWait, Access: d.accessLog, Tracing: d.tracing(),
		Trusted: d.config.trusted(),
	})
	d.options = &options{ctx: d.ctx, tags: d.store, log: d.log, known: map[string]apprunner.Options{}}
	d.hosts = newHosts(d.router, d.config.Domain, d.options.of)
	d.routes = routing{router: d.router, hosts: d.hosts, options: d.options, log: d.log}
	d.fleet = fleet.New(d.ctx, d.engine, mirror{d.routes, d.last}, mirror{d.routes, d.last}, journal{d}, d.log.With("component", "fleet"), fleet.Options{
		StartTimeout: d.config.Timeouts.Start, DrainTimeout: d.config.Timeouts.Drain,
		StopGrace: d.config.Timeouts.Stop, IdleAfter: d.config.Timeouts.ScaleIn,
		Egress: func(n apprunner.Network) *engine.Egress { limits, _ := d.config.VPC.egress(n); return limits },
		Asked:  d.options.of, Worse: d.worse, Previous: d.previous, Role: d.lent, Did: d.did,
		Fetch: func(ctx context.Context, s apprunner.Service, r apprunner.Revision) error {
			return d.runner.Fetch(ctx, s, r)
		},
		ThrottleAfter: d.config.Idle.ThrottleAfter, FreezeAfter: d.config.Idle.FreezeAfter, Spares: d.config.Idle.Spares,
	})
	watcher.fleet = d.fleet
	d.openInside()
	if err := d.openMetrics(); err != nil {
		return err
	}
	if err := d.openBuilds(); err != nil {
		return err
	}
	d.runner = &operation.Runner{
		Store: d.store, Sources: d.sources, Builder: d.assembler, Images: d.engine, Secrets: d.resolver, Fleet: d.fleet, Journal: journal{d},
		Log: d.log.With("component", "operations"), Place: d.place, Reference: d.reference, Ended: d.ended, Warnings: d.warnings,
		Canary:    func(s apprunner.Service) apprunner.Canary { return d.options.of(s).Canary },
		Recording: failpoint("-"), Recorded: d.recorded,
	}
	if err := d.openDomains(); err != nil {
		return err
	}
	d.control = &control.Control{
		Domains: control.DomainRules{Our: d.config.Domain, Quota: d.config.Quotas.CustomDomains, Changed: d.domains.Look},
		Store:   d.store, Runner: d.runner, CheckImage: d.checkImage, CheckRoles: d.checkRoles, CheckCode: d.checkCode, CheckSecret: d.checkSecret, ServiceQuota: d.config.Quotas.Services,
		ScalingQuota: d.config.Quotas.AutoScalingConfigurations, ResourceQuotas: d.config.Quotas.resources(), Now: time.Now,
	}
	d.control.Tell = journal{d}.Event
	d.control.Retagged = d.retagged
	d.ingress = control.NewIngresses(d.store, d.hosts.open, d.place, time.Now, d.log)
	d.control.Ingress = d.ingress.Wake
	d.deployer = control.NewAutoDeployer(d.store, d.control, d.newest, d.place, d.log)
	d.redeployer = control.NewSecretDeployer(d.store, d.control, d.resolver.Versions, d.place, d.log)
	d.watcher = source.NewWatcher(source.WatcherConfig{
		Resolver: d.sources, Interval: d.config.Registry.PollInterval, OnDigest: d.moved, Log: d.log,
	})
	if err := d.openOTLP(); err != nil {
		return err
	}
	return d.openSources()
}

// checkImage refuses an identifier that can never be pulled.
func (d *Daemon) checkImage(image apprunner.Image, accessRole string, here apprunner.Place) error {
	ref, err := d.reference(apprunner.Spec{Image: image}, here.Region)
	switch {
	case err != nil:
		return err
	case ref.Public != (image.Type == apprunner.ECRPublic):
		return apprunner.Errorf(apprunner.InvalidRequest, "ImageIdentifier %q does not fit ImageRepositoryType %s: ECR_PUBLIC is for public.ecr.aws, ECR for every other registry.", image.Identifier, image.Type)
	case ref.ECR() && accessRole == "":
		return apprunner.Errorf(apprunner.InvalidRequest, "Invalid Access Role in AuthenticationConfiguration. An image in a private ECR repository needs an AccessRoleArn.")
	default:
		return nil
	}
}

// logins is what registries are told: the stored logins, and the root key for the registry here.
type logins struct{ d *Daemon }

func (l logins) For(ctx context.Context, host string) (user, password string, ok bool, err error) {
	if slices.Contains(l.d.ownHosts(), host) {
		return l.d.key.ID, l.d.key.Secret, true, nil
	}
	return l.d.store.For(ctx, host)
}

// adopt gives the fleet what the store has, so that it takes over what still runs.
func (d *Daemon) adopt(ctx context.Context) error {
	services, err := d.store.Services(ctx, "")
	if err != nil {
		return err
	}
	lost, err := d.store.Lost(ctx)
	if err != nil {
		return err
	}
	for _, why := range lost {
		d.log.Error("a service is not served", "error", why)
	}
	unfinished, err := d.store.Unfinished(ctx)
	if err != nil {
		return err
	}
	operations := map[string]apprunner.Operation{}
	for _, o := range unfinished {
		operations[o.ServiceID] = o
	}
	var known []fleet.Known
	for _, s := range services {
		k, err := d.known(ctx, s, operations[s.ID])
		if err != nil {
			return fmt.Errorf("adopt service %q: %w", s.Name, err)
		}
		known = append(known, k)
	}
	d.tidyLogs(ctx, services)
	return d.fleet.Adopt(ctx, known)
}

// tidyLogs notes which instances ended without anybody to see it, so that their output is not kept
// for ever. Nothing depends on it: the next start tries again.
func (d *Daemon) tidyLogs(ctx context.Context, services []apprunner.Service) {
	instances, err := d.engine.List(ctx)
	alive := map[string]bool{}
	for _, i := range instances {
		alive[i.ID] = true
	}
	for _, s := range services {
		if err == nil {
			err = d.logs.RemoveOthers(ctx, logged(s), func(id string) bool { return alive[id] }, time.Now())
		}
	}
	if err != nil {
		d.log.Warn("the output of instances that are gone was not tidied", "error", err)
	}
}

// known tells what should run of a service, given its operation that has not ended, if any.
func (d *Daemon) known(ctx context.Context, s apprunner.Service, o apprunner.Operation) (fleet.Known, error) {
	k := fleet.Known{Service: s, Hold: holdOf(s, o)}
	var err error
	if serves(s, o) {
		if k.Serving, err = d.revision(ctx, s.RevisionID); err != nil {
			return k, err
		}
		if k.Serving == nil { // not even a damaged store may keep the other services from serving
			d.log.Error("a service has lost its revision; update or delete it", "service", s.Name, "revision", s.RevisionID)
		}
	}
	if o.RevisionID != "" && (k.Serving == nil || o.RevisionID != k.Serving.ID) {
		k.Deploying, err = d.revision(ctx, o.RevisionID)
	}
	return k, err
}

// previous is the revision that a rollback of a service would go to, which is kept at hand.
func (d *Daemon) previous(s apprunner.Service, serving string) *apprunner.Revision {
	all, err := d.store.Revisions(d.ctx, s.ID)
	if err != nil {
		return nil
	}
	s.RevisionID = serving
	r, err := apprunner.Older(s, all, 0)
	if err != nil {
		return nil
	}
	return &r
}

// revision returns nil when there is no such revision.
func (d *Daemon) revision(ctx context.Context, id string) (*apprunner.Revision, error) {
	r, err := d.store.Revision(ctx, id)
	if apprunner.CodeOf(err) == apprunner.ResourceNotFound {
		return nil, nil
	}
	return &r, err
}

// serves reports whether a service has traffic, given its operation that has not ended, if any.
func serves(s apprunner.Service, o apprunner.Operation) bool {
	if s.Status != apprunner.ServiceInProgress {
		return s.Status == apprunner.ServiceRunning
	}
	switch {
	case o.Type == apprunner.PauseService, o.Type == apprunner.DeleteService:
		return false
	case o.Type == apprunner.ResumeService: // its revision is the one from before: only the step tells
		return o.Step == apprunner.StepDone
	case o.Type == apprunner.CreateService, o.Rebuild:
		return o.RevisionID != "" && o.RevisionID == s.RevisionID && o.Step != apprunner.StepRollback
	default: // an older revision serves until the new one does
		return s.RevisionID != ""
	}
}

func holdOf(s apprunner.Service, o apprunner.Operation) fleet.Hold {
	switch {
	case s.Status == apprunner.ServiceDeleted, s.Status == apprunner.ServiceDeleteFailed, o.Type == apprunner.DeleteService:
		return fleet.HoldDeleted
	case s.Status == apprunner.ServicePaused, o.Type == apprunner.PauseService, o.Type == apprunner.ResumeService:
		return fleet.HoldPaused
	case s.Status == apprunner.ServiceInProgress && !o.Rebuild:
		return fleet.HoldStarting
	default:
		return fleet.HoldFailed
	}
}
