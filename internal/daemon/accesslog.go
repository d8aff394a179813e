package daemon

import (
	"bytes"
	"fmt"
	"iter"

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

// requests keeps the access logs of services among their other logs. A daemon that was replaced has the
// one that replaced it do so: a file that two write has lines out of order, and one of them would not see when
// the other begins the next.
type requests struct {
	logs       *telemetry.Log
	succession *succession
}

var _ accesslog.Sink = requests{}

// Keep implements accesslog.Sink.
func (r requests) Keep(serviceID, name string, lines []byte) error {
	for part := range parts(lines, linesAtOnce) {
		if r.succession.keep(serviceID, name, part) {
			continue
		}
		if err := r.logs.Access(telemetry.Service{Name: name, ID: serviceID}, part); err != nil {
			return err
		}
	}
	return nil
}

// linesAtOnce is how many bytes of lines are passed on in a message. It is more than a line has.
const linesAtOnce = 64 << 10

// parts splits lines into parts that are not longer than most, unless a line is.
func parts(lines []byte, most int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(lines) > 0 {
			end := len(lines)
			if end > most {
				end = bytes.LastIndexByte(lines[:most], '\n') + 1
			}
			if end == 0 {
				end = bytes.IndexByte(lines, '\n') + 1
			}
			if end == 0 || !yield(lines[:end]) {
				return
			}
			lines = lines[end:]
		}
	}
}

func (d *Daemon) openAccessLog() {
	c := d.config.AccessLog
	if c.Disabled {
		return
	}
	d.accessLog = accesslog.New(requests{d.logs, d.succession}, accesslog.Options{Lines: c.Lines, Query: c.Query, Log: d.log.With("component", "access log")})
}
