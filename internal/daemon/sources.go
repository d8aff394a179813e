package daemon

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/daemon/connect"
	"github.com/slipway-run/slipway/internal/source/git"
)

// SourceConfig is how source code is taken, and how Git hosts are reached.
type SourceConfig struct {
	// MaxPush is how large what is sent at once may be, by git push or slipway deploy.
	MaxPush Size `yaml:"max-push"`
	// PublicURL is where Git hosts and browsers reach the API from outside; empty when they do not.
	PublicURL string `yaml:"public-url"`
	// PollInterval is how often a branch is looked at for automatic deployment.
	PollInterval time.Duration `yaml:"poll-interval"`
	AllowHTTP    []string      `yaml:"allow-http"`  // hosts, or host:port, that may be reached without TLS
	AllowPaths   []string      `yaml:"allow-paths"` // directories of this machine that repositories may be in
	MaxSize      Size          `yaml:"max-size"`    // of a repository elsewhere, with all that belongs to it
	MaxFiles     int           `yaml:"max-files"`
	Timeout      time.Duration `yaml:"timeout"` // for reading a repository
}

func defaultSource() SourceConfig {
	return SourceConfig{MaxPush: 1 << 30, PollInterval: time.Minute, MaxSize: 2 << 30, MaxFiles: 200_000, Timeout: 10 * time.Minute}
}

func (c SourceConfig) validate() error {
	var errs []error
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.Fragment != "" {
			errs = append(errs, fmt.Errorf("source.public-url %q is not an https URL, such as https://slipway.example.com", c.PublicURL))
		}
	}
	for _, host := range c.AllowHTTP {
		if host == "" || strings.ContainsAny(host, "/@ *") {
			errs = append(errs, fmt.Errorf("source.allow-http: %q is not a host, such as git.example.com or git.example.com:3000", host))
		}
	}
	for _, dir := range c.AllowPaths {
		if !filepath.IsAbs(dir) {
			errs = append(errs, fmt.Errorf("source.allow-paths: %q is not an absolute path", dir))
		}
	}
	if c.MaxSize < 1<<20 || c.MaxFiles < 1 {
		errs = append(errs, fmt.Errorf("source.max-size is less than 1MiB, or source.max-files less than 1"))
	}
	if c.PollInterval <= 0 || c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("source.poll-interval and source.timeout are %v and %v: they must be longer than nothing", c.PollInterval, c.Timeout))
	}
	return errors.Join(errs...)
}

// openSources makes what connects services with the hosts of their source code.
func (d *Daemon) openSources() error {
	c := d.config.Source
	log := d.log.With("component", "sources")
	repositories, err := git.New(git.Config{
		Dir: filepath.Join(d.config.DataDir, "git"), AllowHTTP: c.AllowHTTP, AllowPaths: c.AllowPaths, Refuse: d.refuseOwn,
		MaxBytes: int64(c.MaxSize), MaxFiles: c.MaxFiles, Timeout: c.Timeout, Log: log,
	})
	if err != nil {
		return err
	}
	d.connect = connect.New(connect.Config{
		Store: d.store, Control: d.control, Git: repositories, Place: d.place,
		PublicURL: strings.TrimSuffix(c.PublicURL, "/"), LocalURL: "http://" + reachable(d.api.Addr()),
		PollInterval: c.PollInterval, Look: d.deployer.Look, Own: func(u string) bool { _, _, own := d.remote.Own(u); return own }, Now: time.Now, Log: log,
		ServiceURL: func(s apprunner.Service) string { return d.scheme() + "://" + d.url(s) },
	})
	return nil
}

// refuseOwn keeps what a repository names from being Slipway itself.
func (d *Daemon) refuseOwn(_ string, at netip.AddrPort) error {
	for _, l := range []net.Listener{d.api, d.http, d.https, d.private} {
		if l == nil || int(at.Port()) != portOf(l) {
			continue
		}
		if isOurs(at.Addr()) {
			return errors.New("it is Slipway's own address")
		}
	}
	return nil
}

// isOurs reports whether an address is one of this machine's.
func isOurs(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return true // nothing is let through that cannot be told
	}
	for _, of := range addresses {
		if prefix, err := netip.ParsePrefix(of.String()); err == nil && prefix.Addr().Unmap() == a {
			return true
		}
	}
	return false
}

// recorded tells everybody of a step of an operation.
func (d *Daemon) recorded(o apprunner.Operation) {
	if stop := failpoint(""); stop != nil {
		stop(o)
	}
	d.connect.Report(o)
	if d.operations != nil {
		d.operations.Recorded(o)
	}
}

// unsigned serves what has proofs of its own instead of a signature: webhooks and browsers that come
// back from a provider.
func (d *Daemon) unsigned(mux *http.ServeMux, record func(http.Handler) http.Handler) {
	mux.Handle(connect.HooksPath, d.connect.Hooks())
	mux.Handle(connect.CallbackPath, record(d.connect.Callbacks()))
}
