package daemon

import (
	"fmt"

	"github.com/slipway-run/slipway/internal/router/accesslog"
	"github.com/slipway-run/slipway/internal/telemetry"
)

// AccessLogConfig is what is kept of requests to applications.
type AccessLogConfig struct {
	Disabled bool `yaml:"disabled"`
	Lines    int  `yaml:"lines"` // of a service in a second; of more requests a share is logged
	Size     Size `yaml:"size"`  // of what is kept of a service
	Query    bool `yaml:"query"` // log the queries of URLs, which may have secrets in them
}

func (c AccessLogConfig) validate() []error {
	if c.Size < 1<<20 {
		return []error{fmt.Errorf("access-log.size is %d bytes: it must be at least 1MiB", c.Size)}
	}
	return nil
}

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
