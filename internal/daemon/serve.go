package daemon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/handlers"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/console"
	"github.com/slipway-run/slipway/internal/daemon/access"
	"github.com/slipway-run/slipway/internal/router"
	"github.com/slipway-run/slipway/internal/source/remote"
)

// serve answers on all listeners until ctx ends.
func (d *Daemon) serve(group *errgroup.Group, ctx context.Context) {
	// No limit on reading a whole request: an image layer is one.
	api := &http.Server{Handler: d.apiHandler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	api.BaseContext = func(net.Listener) context.Context { return d.ctx } // ends followed logs
	unused := &unusedConns{}
	api.ConnState = unused.track
	d.run(group, ctx, api, d.api, unused.close)
	inside := d.insideServer()
	inside.BaseContext = api.BaseContext
	d.run(group, ctx, inside, d.inside, func() {})
	if d.scrapes != nil {
		mux := http.NewServeMux()
		mux.Handle(metricsPath, d.exposed)
		d.run(group, ctx, &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}, d.scrapes, func() {})
	}
	for server, listener := range d.applications() {
		d.run(group, ctx, server, listener, func() {})
	}
}

// applications are the servers of applications and their listeners.
func (d *Daemon) applications() map[server]net.Listener {
	log := d.log.With("component", "router")
	plain := router.ServerOptions{Log: log}
	if d.https != nil {
		plain.Handler, plain.Divert = d.plain(d.router), d.secured
	}
	servers := map[server]net.Listener{router.NewServer(d.router, plain): d.http}
	if d.private != nil {
		servers[router.NewServer(d.router, router.ServerOptions{Log: log, Private: true})] = d.private
	}
	if d.https != nil {
		servers[router.NewServer(d.router, router.ServerOptions{Log: log, TLS: d.certificates.TLS()})] = d.https
	}
	return servers
}

// server is what serves a listener.
type server interface {
	Serve(l net.Listener) error
	Shutdown(ctx context.Context) error
	Close() error
}

// run serves a listener until ctx ends. Late calls what ends connections that never had a request.
func (d *Daemon) run(group *errgroup.Group, ctx context.Context, s server, l net.Listener, late func()) {
	group.Go(func() error {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		defer time.AfterFunc(unusedTime, late).Stop()
		if s.Shutdown(grace) != nil {
			_ = s.Close() // those that are left are cut off
		}
		return nil
	})
}

// apiHandler serves everything on the API's address: the registry, Slipway's own API, that of App
// Runner, and the console.
func (d *Daemon) apiHandler() http.Handler {
	signature := &sigv4.Verifier{Keys: d.guard, Services: []string{"apprunner", "sts", "ecr", "ecr-public", "secretsmanager", "ssm", "logs", "monitoring", admin.Service}, Now: time.Now}
	verifier := access.Verifier{Guard: d.guard, Signature: signature}
	trail := access.Recorder{Write: d.audit.Write, Log: d.log}
	aws := awsapi.NewServer(awsapi.Config{Authenticator: verifier, Authorizer: d.guard, Logger: d.log}, apprunnerapi.API(&handlers.Handlers{
		Control: d.control, Account: d.config.Account, TokenKey: []byte(d.key.Secret), URL: d.url, Domain: d.config.Domain,
		Host: func(s apprunner.Service) string { return s.Host(d.config.Domain) },
	}), d.ecrAPI(), d.ecrPublicAPI(), d.secretsAPI(), d.parametersAPI(), d.logsAPI())
	aws.AddQuery(handlers.STS(d.caller))
	own := &admin.API{
		Verifier: verifier, Authorizer: access.Admin{Guard: d.guard}, Keys: access.Keys{Ring: d.guard.Keys}, Connections: d.connect,
		Services: d.control, Deployments: d.control, Logs: reader{d}, Metrics: d.metrics, Events: happened{d}, Logins: d.store, Backups: d, Account: d.config.Account, Log: d.log,
	}
	pages := &console.Console{
		Services: d.control, Keys: access.Console{Guard: d.guard}, Place: d.place(d.config.Region), Log: d.log, Secret: console.NewSecret(),
		URL: func(s apprunner.Service) string {
			if s.Spec.Network.Private {
				return ""
			}
			return d.scheme() + "://" + d.url(s)
		},
	}
	d.endpoint.API = trail.Record(access.APIAction, aws)
	mux := http.NewServeMux()
	mux.Handle("/v2/", trail.Record(access.NoAction, d.registry))
	mux.Handle(remote.Prefix, trail.Record(access.NoAction, d.remote))
	d.unsigned(mux, func(next http.Handler) http.Handler { return trail.Record(access.AdminAction, next) })
	mux.Handle("GET "+metricsPath, trail.Record(access.NoAction, d.guard.Basic(admin.Service+":GetMetrics", d.exposed)))
	mux.Handle(admin.Prefix, trail.Record(access.AdminAction, own.Handler()))
	mux.Handle("/", withAWS(trail.Record(access.APIAction, aws), trail.Record(access.NoAction, pages.Handler())))
	return mux
}

// metricsPath is where Prometheus looks unless it is told otherwise.
const metricsPath = "/metrics"

// withAWS sends calls of the AWS API to aws and everything else to pages.
func withAWS(aws, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := r.Header.Get("X-Amz-Target") != "" || strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-") || r.URL.Query().Has("X-Amz-Algorithm") || r.URL.Query().Has("Action")
		if call || (r.Method == http.MethodPost && r.URL.Path == "/") {
			aws.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// url is the name and port that a service answers at, without scheme.
func (d *Daemon) url(s apprunner.Service) string {
	host := s.Host(d.config.Domain)
	if d.scheme() == "https" {
		return withPort(host, d.https, "443")
	}
	return withPort(host, d.http, "80")
}
