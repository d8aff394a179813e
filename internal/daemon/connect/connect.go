// Package connect connects services with the hosts of their source code: it takes connections through
// their handshakes, reads repositories with what those brought, hears of pushes, and reports back how a
// commit is deployed.
package connect

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/control"
	"github.com/slipway-run/slipway/internal/keyed"
	"github.com/slipway-run/slipway/internal/source"
	"github.com/slipway-run/slipway/internal/source/git"
	"github.com/slipway-run/slipway/internal/source/provider"
)

// Store has what is connected.
type Store interface {
	Services(ctx context.Context, region string) ([]apprunner.Service, error)
	Service(ctx context.Context, id string) (apprunner.Service, error)
	Revision(ctx context.Context, id string) (apprunner.Revision, error)
	Operations(ctx context.Context, serviceID string) ([]apprunner.Operation, error)
	Resources(ctx context.Context, here apprunner.Place) (apprunner.Resources, error)
}

// Config configures a Connector.
type Config struct {
	Store   Store
	Control *control.Control
	Git     *git.Git
	Place   func(region string) apprunner.Place
	// PublicURL is where hosts and browsers reach the API from outside; "" when they do not.
	PublicURL string
	// LocalURL is where a browser on this machine reaches it.
	LocalURL string
	// PollInterval is how often a branch is looked at.
	PollInterval time.Duration
	// Look has a service looked at for automatic deployment.
	Look func(serviceID string)
	// Own reports whether a repository is one of Slipway's own, which tells of pushes by itself.
	Own func(repository string) bool
	// ServiceURL is what is shown beside a commit.
	ServiceURL func(s apprunner.Service) string
	Now        func() time.Time
	Log        *slog.Logger
}

// Connector connects services with the hosts of their source code. It works while Run does.
type Connector struct {
	Config
	api      *provider.API
	poller   *source.Poller[branch]
	seen     seen
	renewing keyed.Mutex // by ARN: a refresh token is good once
	wake     chan struct{}

	mu       sync.Mutex
	reports  map[string]apprunner.Operation // by id, to be told
	reported map[string]provider.State      // by id of operations
	report   chan struct{}
	hookless map[string]bool // ARN and repository: what is wrong was logged
}

// New makes a Connector.
func New(c Config) *Connector {
	n := &Connector{
		Config: c, api: &provider.API{Transport: c.Git.Transport(), Now: c.Now}, wake: make(chan struct{}, 1), report: make(chan struct{}, 1),
		reports: map[string]apprunner.Operation{}, reported: map[string]provider.State{}, hookless: map[string]bool{},
	}
	n.poller = source.NewPoller(source.PollerConfig[branch]{Interval: c.PollInterval, Look: n.lookAt, Failed: n.lookFailed})
	return n
}

// Run works until ctx ends.
func (n *Connector) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { n.poller.Run(ctx) })
	wg.Go(func() { n.runHooks(ctx) })
	wg.Go(func() { n.runReports(ctx) })
}

// Check refuses a repository that can never be read. It asks nobody.
func (n *Connector) Check(spec apprunner.Spec) error { return n.Git.Check(spec.Code.URL) }

// Commit returns what to build of a service: the commit with an id, or with "" the newest of its branch.
func (n *Connector) Commit(ctx context.Context, s apprunner.Service, id string) (apprunner.Commit, error) {
	var commit apprunner.Commit
	code := s.Spec.Code
	if id == "" {
		id = code.Branch
	}
	err := n.with(ctx, s.Region, s.Spec.Connection, code.URL, func(r git.Remote) (err error) {
		commit, err = n.Git.Look(ctx, r, id, code.Directory)
		return err
	})
	return commit, err
}

// Fetch writes the files of a commit of a service into dir, which must not exist or be empty.
func (n *Connector) Fetch(ctx context.Context, s apprunner.Service, id, dir string) (apprunner.Commit, error) {
	var commit apprunner.Commit
	code := s.Spec.Code
	err := n.with(ctx, s.Region, s.Spec.Connection, code.URL, func(r git.Remote) (err error) {
		commit, err = n.Git.Fetch(ctx, r, id, dir, code.Directory)
		return err
	})
	return commit, err
}

// with reads a repository with the credential of a connection. When that is refused, the host is asked
// whether the credential is good at all.
func (n *Connector) with(ctx context.Context, region, arn, repository string, read func(git.Remote) error) error {
	if arn == "" {
		return read(git.Remote{URL: repository})
	}
	c, credential, err := n.open(ctx, region, arn)
	if err != nil {
		return err
	}
	err = read(remote(c.Provider, credential, repository))
	if git.Denied(err) {
		if revoked := n.ask(ctx, c, credential); revoked != nil {
			return revoked
		}
	}
	return err
}

// remote gives a repository the credential that is for its host. Another host gets none.
func remote(name string, c provider.Credential, repository string) git.Remote {
	r := git.Remote{URL: repository}
	base, err := url.Parse(c.BaseURL)
	if err != nil {
		return r
	}
	u, err := url.Parse(repository)
	if err != nil || u.Host == "" { // user@host:path
		host, _, _ := strings.Cut(repository[strings.IndexByte(repository, '@')+1:], ":")
		u = &url.URL{Scheme: "ssh", Host: host}
	}
	if !strings.EqualFold(u.Scheme, base.Scheme) || !strings.EqualFold(u.Host, base.Host) {
		return r
	}
	if c.Kind == provider.ByDeployKey {
		r.Credential = git.Credential{Key: c.Key, KnownHosts: c.KnownHosts}
	} else if c.Token != "" {
		r.Credential = git.Credential{Username: provider.GitUser(name, c), Token: c.Token}
	}
	return r
}

// find returns the connection with an ARN, and its Region's place.
func (n *Connector) find(ctx context.Context, region, arn string) (apprunner.Connection, apprunner.Place, error) {
	here := n.Place(region)
	all, err := n.Store.Resources(ctx, here)
	if err != nil {
		return apprunner.Connection{}, here, err
	}
	c, err := all.Connection(arn, here)
	return c, here, err
}

// open returns a connection with a credential that is good now.
func (n *Connector) open(ctx context.Context, region, arn string) (apprunner.Connection, provider.Credential, error) {
	defer n.renewing.Lock(arn)()
	c, here, err := n.find(ctx, region, arn)
	if err != nil {
		return c, provider.Credential{}, err
	}
	if c.Status != apprunner.ConnectionAvailable {
		reason := cmp.Or(c.Reason, "Complete its handshake with \"slipway connections authorize "+c.Name+"\".")
		return c, provider.Credential{}, apprunner.Errorf(apprunner.InvalidRequest, "Connection %s is %s: %s", c.Name, c.Status, reason)
	}
	credential, err := provider.Parse(c.Credential)
	if err != nil || !credential.Stale(n.Now()) {
		return c, credential, err
	}
	credential, err = n.api.Renew(ctx, c.Provider, credential)
	if err != nil {
		return c, credential, n.judge(ctx, c, err)
	}
	_, err = n.Control.ChangeConnection(ctx, here, arn, func(c apprunner.Connection) (apprunner.Connection, error) {
		c.Credential = credential.Encode()
		return c, nil
	})
	return c, credential, err
}

// ask asks a host whether a credential is good at all. It returns why not, nil if it is.
func (n *Connector) ask(ctx context.Context, c apprunner.Connection, credential provider.Credential) error {
	host := n.api.Open(c.Provider, credential)
	if host == nil {
		return nil
	}
	_, err := host.Account(ctx)
	if _, revoked := errors.AsType[*provider.Revoked](err); revoked {
		return n.judge(ctx, c, err)
	}
	return nil
}

// judge turns an error of a host into a reason. A credential that was taken back turns the connection to
// ERROR, which its services hear of.
func (n *Connector) judge(ctx context.Context, c apprunner.Connection, err error) error {
	if away, ok := errors.AsType[*provider.Away](err); ok {
		return apprunner.Errorf(apprunner.InvalidRequest, "%s", away.Reason)
	}
	revoked, ok := errors.AsType[*provider.Revoked](err)
	if !ok {
		return err
	}
	n.fail(ctx, c, revoked.Reason)
	return apprunner.Errorf(apprunner.InvalidRequest, "Connection %s: %s", c.Name, revoked.Reason)
}

// fail turns a connection to ERROR, unless it got another credential meanwhile.
func (n *Connector) fail(ctx context.Context, c apprunner.Connection, reason string) {
	a, err := apprunner.ParseARN(c.ARN)
	if err != nil {
		return
	}
	now, here, err := n.find(ctx, a.Region, c.ARN)
	if err != nil || now.Status != apprunner.ConnectionAvailable || string(now.Credential) != string(c.Credential) {
		return
	}
	if _, err := n.Control.CompleteHandshake(ctx, here, c.ARN, apprunner.Handshake{Failure: reason}); err != nil && ctx.Err() == nil {
		n.Log.Error("a connection was not turned to ERROR", "connection", c.Name, "error", err)
	}
}
