package daemon

import (
	"net/http"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/handlers"
	"github.com/slipway-run/slipway/internal/console"
	"github.com/slipway-run/slipway/internal/daemon/access"
	"github.com/slipway-run/slipway/web"
)

// awsAPI answers calls of AWS's protocols, from callers that a verifier knows.
func (d *Daemon) awsAPI(verifier awsapi.Authenticator) http.Handler {
	metrics := d.metricsAPI()
	server := awsapi.NewServer(awsapi.Config{Authenticator: verifier, Authorizer: d.guard, Logger: d.log}, apprunnerapi.API(&handlers.Handlers{
		Control: d.control, Account: d.config.Account, TokenKey: []byte(d.key.Secret), URL: d.url, Domain: d.config.Domain,
		Host: func(s apprunner.Service) string { return s.Host(d.config.Domain) },
	}), d.ecrAPI(), d.ecrPublicAPI(), d.secretsAPI(), d.parametersAPI(), d.logsAPI(), metrics)
	server.AddQuery(handlers.STS(d.caller), awsapi.Query(metrics, handlers.MetricsVersion, handlers.MetricsNamespace))
	return server
}

// ownAPI answers requests of Slipway's own API, from callers that a verifier knows. Folders are taken only
// where uploads is not nil.
func (d *Daemon) ownAPI(verifier admin.Verifier, uploads admin.Uploads) http.Handler {
	own := &admin.API{
		Verifier: verifier, Authorizer: access.Admin{Guard: d.guard}, Keys: access.Keys{Ring: d.guard.Keys}, Connections: d.connect,
		Services: d.control, Deployments: d.control, Running: instances{d}, Logs: reader{d}, Metrics: d.metrics, Events: happened{d}, Scalings: reader{d}, Logins: d.store, Backups: d, Changes: d.store, Detector: detector{d}, Health: health{d}, Uploads: uploads, Account: d.config.Account, Log: d.log,
	}
	return own.Handler()
}

// console serves the console. What its pages call is recorded as signed calls are.
func (d *Daemon) console(trail access.Recorder) http.Handler {
	session := access.Session{Guard: d.guard}
	api := http.NewServeMux()
	api.Handle(admin.Prefix, trail.Record(access.AdminAction, d.ownAPI(session, uploads{d})))
	api.Handle("/", trail.Record(access.APIAction, d.awsAPI(session)))
	pages := &console.Console{
		Keys: access.Console{Guard: d.guard}, API: api, Files: web.Files(), Log: d.log, Secret: console.NewSecret(d.key.Secret),
		About: console.About{Account: d.config.Account, Region: d.config.Region, Scheme: d.scheme(), Version: d.config.Version},
	}
	return pages.Handler()
}
