package daemon

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/ship"
	"github.com/slipway-run/slipway/internal/telemetry"
)

// ShipConfig is a target of logs.
type ShipConfig struct {
	Name     string   `yaml:"name"`
	To       string   `yaml:"to"`       // loki, syslog or file
	What     []string `yaml:"what"`     // application, events, deployment, access, scaling; empty for all
	Services []string `yaml:"services"` // names, with "*" for any characters; empty for all

	URL        string            `yaml:"url"` // of Loki; or udp://, tcp:// or tls:// of a syslog server
	Headers    map[string]string `yaml:"headers"`
	User       string            `yaml:"user"`
	SecretFile string            `yaml:"secret-file"` // has the password of the user or, without one, a bearer token
	CAFile     string            `yaml:"ca-file"`     // verifies the target's certificate

	Path    string `yaml:"path"`     // of the file
	MaxSize Size   `yaml:"max-size"` // of it, before the next one is begun; 100MiB
	Keep    *int   `yaml:"keep"`     // full files; 5
}

var shipKinds = []string{ship.Application, ship.Events, ship.Deployment, ship.Access, ship.Scaling}

// wrongTargets says what is wrong with the targets of logs.
func (c LogsConfig) wrongTargets() (errs []error) {
	names := targetNames{}
	for _, s := range c.Ship {
		errs = append(errs, names.check("logs.ship", s.Name, s.Services)...)
		if err := s.wrong(); err != nil {
			errs = append(errs, fmt.Errorf("logs.ship %q: %w", s.Name, err))
		}
	}
	return errs
}

// wrong says what is wrong with the settings of a target.
func (c ShipConfig) wrong() error {
	for _, kind := range c.What {
		if !slices.Contains(shipKinds, kind) {
			return fmt.Errorf("what: %q is not one of %s", kind, strings.Join(shipKinds, ", "))
		}
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return errors.New("its url cannot be read")
	}
	switch {
	case c.To == "loki" && (u.Host == "" || !slices.Contains([]string{"http", "https"}, u.Scheme)):
		return errors.New("its url is not an http or https URL, such as http://localhost:3100")
	case c.To == "syslog" && (u.Port() == "" || !slices.Contains([]string{"udp", "tcp", "tls"}, u.Scheme)):
		return errors.New("its url is not that of a syslog server, such as udp://localhost:514, tcp://… or tls://localhost:6514")
	case c.To == "file" && !filepath.IsAbs(c.Path):
		return fmt.Errorf("path %q is not an absolute path", c.Path)
	case c.To == "file" && c.Keep != nil && *c.Keep < 0:
		return fmt.Errorf("keep is %d: it must be at least 0", *c.Keep)
	case c.To != "loki" && c.To != "syslog" && c.To != "file":
		return fmt.Errorf("to: %q is not loki, syslog or file", c.To)
	}
	return nil
}

// sink makes what takes the lines.
func (c ShipConfig) sink() (ship.Sink, error) {
	if c.To == "file" {
		keep := 5
		if c.Keep != nil {
			keep = *c.Keep
		}
		return &ship.File{Path: c.Path, Size: int64(cmp.Or(c.MaxSize, 100<<20)), Keep: keep}, nil
	}
	secrets, err := c.secrets()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, errors.New("its url cannot be read")
	}
	if c.To == "syslog" {
		host, err := os.Hostname()
		return &ship.Syslog{Network: u.Scheme, Address: u.Host, TLS: secrets.tls, Host: host}, err
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = ship.LokiPath
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = secrets.tls
	return &ship.Loki{URL: u.String(), Headers: c.Headers, User: c.User, Secret: secrets.secret, Client: &http.Client{Transport: transport}}, nil
}

// shipSecrets are what files of the configuration say.
type shipSecrets struct {
	secret string
	tls    *tls.Config
}

func (c ShipConfig) secrets() (s shipSecrets, err error) {
	s.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if c.SecretFile != "" {
		text, err := os.ReadFile(c.SecretFile)
		if err != nil {
			return s, fmt.Errorf("secret-file: %w", err)
		}
		s.secret = strings.TrimSpace(string(text))
	}
	if c.CAFile == "" {
		return s, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return s, fmt.Errorf("ca-file: %w", err)
	}
	s.tls.RootCAs = x509.NewCertPool()
	if !s.tls.RootCAs.AppendCertsFromPEM(pem) {
		return s, fmt.Errorf("ca-file %q has no certificate", c.CAFile)
	}
	return s, nil
}

// wants reports whether the target takes a stream.
func (c ShipConfig) wants(s ship.Stream) bool {
	named := func(pattern string) bool { ok, _ := path.Match(pattern, s.Service); return ok }
	return (len(c.What) == 0 || slices.Contains(c.What, s.Kind)) && (len(c.Services) == 0 || slices.ContainsFunc(c.Services, named))
}

// openShipping makes what ships logs.
func (d *Daemon) openShipping() error {
	for _, c := range d.config.Logs.Ship {
		sink, err := c.sink()
		if err != nil {
			return fmt.Errorf("logs.ship %q: %w", c.Name, err)
		}
		s, err := ship.New(shippable{d}, ship.Options{
			Name: c.Name, File: filepath.Join(d.config.DataDir, "ship", c.Name+".json"), Wants: c.wants, Sink: sink, Log: d.log.With("component", "logs"),
		})
		if err != nil {
			return fmt.Errorf("logs.ship %q: %w", c.Name, err)
		}
		d.shippers = append(d.shippers, s)
	}
	return nil
}

// shippable is the logs of all services, for shipping.
type shippable struct{ d *Daemon }

// Streams implements ship.Logs.
func (l shippable) Streams(ctx context.Context) (all []ship.Stream, err error) {
	services, err := l.d.store.Services(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, s := range services {
		for _, group := range []string{logged(s).ServiceGroup(), logged(s).ApplicationGroup(), logged(s).AccessGroup()} {
			streams, err := l.d.logs.Streams(group)
			if errors.Is(err, telemetry.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			for _, st := range streams {
				all = append(all, shipped(s, group, st))
			}
		}
	}
	return all, nil
}

func shipped(s apprunner.Service, group string, st telemetry.StreamInfo) ship.Stream {
	out := ship.Stream{Region: s.Region, Service: s.Name, ServiceID: s.ID, Kind: path.Base(group), Name: st.Name}
	switch {
	case st.Name == telemetry.EventStream:
		out.Kind = ship.Events
	case st.Name == telemetry.ScalingStream:
		out.Kind = ship.Scaling
	case strings.HasPrefix(st.Name, telemetry.DeploymentStream):
		out.Kind, out.Written = ship.Deployment, st.Written
	}
	return out
}

// Read implements ship.Logs. The output of an instance comes from the engine, which tells when it ends.
func (l shippable) Read(ctx context.Context, s ship.Stream, since time.Time) iter.Seq2[ship.Line, error] {
	if id, ok := strings.CutPrefix(s.Name, telemetry.InstanceStream); ok {
		return l.output(ctx, s, id, since)
	}
	service := telemetry.Service{Name: s.Service, ID: s.ServiceID}
	query := telemetry.Query{Group: service.ServiceGroup(), Stream: s.Name, Since: since, Follow: s.Written.IsZero()}
	if s.Kind == ship.Access {
		query.Group = service.AccessGroup()
	}
	return func(yield func(ship.Line, error) bool) {
		for line, err := range l.d.logs.Read(ctx, query) {
			if !yield(ship.Line{Stream: s, Time: line.Time, Text: line.Text}, err) {
				return
			}
		}
	}
}

func (l shippable) output(ctx context.Context, s ship.Stream, id string, since time.Time) iter.Seq2[ship.Line, error] {
	return func(yield func(ship.Line, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		lines, err := l.d.engine.Logs(ctx, id, since, true)
		if engine.Is(err, engine.NotFound) {
			return
		}
		if err != nil {
			yield(ship.Line{}, err)
			return
		}
		for line := range lines {
			if !yield(ship.Line{Stream: s, Time: line.Time, Text: line.Text}, nil) {
				return
			}
		}
		if _, err := l.d.engine.Inspect(ctx, id); err == nil {
			yield(ship.Line{}, errors.New("the output of the instance broke off while it runs"))
		}
	}
}
