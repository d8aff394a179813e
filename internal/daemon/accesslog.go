package daemon

import (
	"github.com/slipway-run/slipway/internal/router/accesslog"
	"github.com/slipway-run/slipway/internal/telemetry"
)

// requests keeps the access logs of services among their other logs.
type requests struct{ logs *telemetry.Log }

var _ accesslog.Sink = requests{}

// Keep implements accesslog.Sink.
func (r requests) Keep(serviceID, name string, lines []byte) error {
	return r.logs.Access(telemetry.Service{Name: name, ID: serviceID}, lines)
}

func (d *Daemon) openAccessLog() {
	c := d.config.AccessLog
	if c.Disabled {
		return
	}
	d.accessLog = accesslog.New(requests{d.logs}, accesslog.Options{Lines: c.Lines, Query: c.Query, Log: d.log.With("component", "access log")})
}
