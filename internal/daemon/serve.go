package daemon

import (
	"net/http"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/console"
	"github.com/slipway-run/slipway/internal/daemon/access"
	"github.com/slipway-run/slipway/internal/source/remote"
)

// apiHandler serves everything on the API's address: the registry, Slipway's own API, that of App
// Runner, and the console.
func (d *Daemon) apiHandler() http.Handler {
	signature := &sigv4.Verifier{Keys: d.guard, Services: []string{"apprunner", "sts", "ecr", "ecr-public", "secretsmanager", "ssm", "logs", "monitoring", admin.Service}, Now: time.Now}
	verifier := access.Verifier{Guard: d.guard, Signature: signature}
	trail := access.Recorder{Write: d.audit.Write, Log: d.log}
	mux := http.NewServeMux()
	mux.Handle("/v2/", trail.Record(access.NoAction, d.registry))
	mux.Handle(remote.Prefix, trail.Record(access.NoAction, d.remote))
	d.unsigned(mux, func(next http.Handler) http.Handler { return trail.Record(access.AdminAction, next) })
	mux.Handle("GET "+metricsPath, trail.Record(access.NoAction, d.guard.Basic(admin.Service+":GetMetrics", d.exposed)))
	mux.Handle(admin.Prefix, trail.Record(access.AdminAction, d.ownAPI(verifier, nil)))
	pages := trail.Record(access.NoAction, d.console(trail))
	mux.Handle(console.Prefix, pages)
	d.endpoint.API = trail.Record(access.APIAction, d.awsAPI(verifier))
	mux.Handle("/", withAWS(d.endpoint.API, pages))
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
