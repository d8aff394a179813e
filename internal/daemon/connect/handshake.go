package connect

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/source/git"
	"github.com/slipway-run/slipway/internal/source/provider"
)

var _ admin.Connections = (*Connector)(nil)

// patience is how long somebody may take to complete a handshake in a browser.
const patience = time.Hour

// draft is what is known of a handshake under way.
type draft struct {
	Credential         provider.Credential
	Verifier, Redirect string
	Organization       string
	Stage              string // path of the page that completes it, below CallbackPath
}

func credentialOf(c apprunner.Connection) provider.Credential {
	credential, _ := provider.Parse(c.Credential)
	return credential
}

// shown is a connection without its secrets.
func (n *Connector) shown(c apprunner.Connection) admin.Connection {
	credential := credentialOf(c)
	return admin.Connection{
		Name: c.Name, ARN: c.ARN, Provider: c.Provider, Status: c.Status, Reason: c.Reason, CreatedAt: c.CreatedAt,
		BaseURL: cmp.Or(credential.BaseURL, c.BaseURL), Method: string(credential.Kind), Account: credential.Account,
		PublicKey: credential.PublicKey, HookURL: n.hookURL(c),
	}
}

// Connections implements admin.Connections.
func (n *Connector) Connections(ctx context.Context, here apprunner.Place) ([]admin.Connection, error) {
	all, err := n.Store.Resources(ctx, here)
	var list []admin.Connection
	for _, c := range apprunner.Living(all.Connections) {
		list = append(list, n.shown(c))
	}
	slices.SortFunc(list, func(a, b admin.Connection) int { return cmp.Compare(a.Name, b.Name) })
	return list, err
}

// nameForm is how App Runner wants connections to be named.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{3,31}$`)

// CreateConnection implements admin.Connections.
func (n *Connector) CreateConnection(ctx context.Context, here apprunner.Place, in admin.NewConnection) (admin.Connection, error) {
	providers := []string{provider.GitHub, provider.Bitbucket, provider.GitLab, provider.Gitea, provider.Git}
	if !nameForm.MatchString(in.Name) {
		return admin.Connection{}, apprunner.Errorf(apprunner.InvalidRequest, "%q cannot be the name of a connection: it needs 4 to 32 letters, digits, dashes and underscores, and begins with a letter or a digit.", in.Name)
	}
	if !slices.Contains(providers, in.Provider) {
		return admin.Connection{}, apprunner.Errorf(apprunner.InvalidRequest, "There is no provider %q. Use one of %s.", in.Provider, strings.Join(providers, ", "))
	}
	if _, err := provider.BaseURL(in.Provider, in.BaseURL); err != nil {
		return admin.Connection{}, err
	}
	c, err := n.Control.CreateConnection(ctx, here, in.Name, in.Provider, nil)
	if err == nil && in.BaseURL != "" {
		c, err = n.Control.ChangeConnection(ctx, here, c.ARN, func(c apprunner.Connection) (apprunner.Connection, error) {
			c.BaseURL = in.BaseURL
			return c, nil
		})
	}
	return n.shown(c), err
}

// DeleteConnection implements admin.Connections.
func (n *Connector) DeleteConnection(ctx context.Context, here apprunner.Place, arn string) error {
	_, err := n.Control.DeleteConnection(ctx, here, arn)
	return err
}

// Authorize implements admin.Connections.
func (n *Connector) Authorize(ctx context.Context, here apprunner.Place, arn string, in admin.Authorization) (admin.Authorized, error) {
	c, err := n.prepare(ctx, here, arn, in.BaseURL)
	if err != nil {
		return admin.Authorized{}, err
	}
	base, err := provider.BaseURL(c.Provider, c.BaseURL)
	if err != nil {
		return admin.Authorized{}, err
	}
	credential := provider.Credential{BaseURL: base, Username: in.Username, Token: in.Token, ClientID: in.ClientID, ClientSecret: in.ClientSecret}
	var done admin.Authorized
	switch in.Method {
	case admin.MethodToken:
		credential.Kind = provider.ByToken
		err = n.byToken(ctx, here, &c, credential, in.Repository)
	case admin.MethodPublic:
		credential.Kind = provider.Public
		err = n.public(ctx, here, &c, credential)
	case admin.MethodDeployKey:
		done.HostKeys, err = n.byKey(ctx, here, &c, credential, in.Repository)
	case admin.MethodOAuth:
		done.OpenURL, err = n.byOAuth(ctx, here, c, credential)
	case admin.MethodApp:
		done.OpenURL, err = n.byApp(ctx, here, c, credential, in.Organization)
	default:
		err = apprunner.Errorf(apprunner.InvalidRequest, "There is no way %q to authorize a connection. Use one of token, oauth, app, deploy-key and public.", in.Method)
	}
	if err != nil {
		return admin.Authorized{}, err
	}
	done.Connection = n.shown(c)
	if c.Provider == provider.Git {
		done.HookSecret = c.Secret
	}
	n.wakeHooks()
	return done, nil
}

// prepare sets what a handshake needs of a connection.
func (n *Connector) prepare(ctx context.Context, here apprunner.Place, arn, base string) (apprunner.Connection, error) {
	return n.Control.ChangeConnection(ctx, here, arn, func(c apprunner.Connection) (apprunner.Connection, error) {
		if c.Secret == "" {
			c.Secret = rand.Text() + rand.Text()
		}
		if base != "" {
			if _, err := provider.BaseURL(c.Provider, base); err != nil {
				return c, err
			}
			c.BaseURL = base
		}
		return c, nil
	})
}

// complete makes a connection AVAILABLE, and has its services looked at, which may have waited for it.
func (n *Connector) complete(ctx context.Context, here apprunner.Place, c *apprunner.Connection, credential provider.Credential) (err error) {
	*c, err = n.Control.CompleteHandshake(ctx, here, c.ARN, apprunner.Handshake{Credential: credential.Encode()})
	if err == nil {
		n.LookAll(ctx)
		n.wakeHooks()
	}
	return err
}

// byToken tries a token before it is stored.
func (n *Connector) byToken(ctx context.Context, here apprunner.Place, c *apprunner.Connection, credential provider.Credential, repository string) (err error) {
	switch {
	case credential.Token == "":
		return apprunner.Errorf(apprunner.InvalidRequest, "The token is empty. Give it on the standard input: --token -.")
	case strings.ContainsFunc(credential.Token+credential.Username, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return apprunner.Errorf(apprunner.InvalidRequest, "The token or the user name has a space or a control character. Give it as the host showed it.")
	case credential.BaseURL == "":
		return apprunner.Errorf(apprunner.InvalidRequest, "Which host is the token for? Give --base-url, such as https://git.example.com: no other host is told the token.")
	}
	if host := n.api.Open(c.Provider, credential); host != nil {
		if credential.Account, err = host.Account(ctx); err != nil {
			return refused(err)
		}
	} else if repository != "" {
		if _, err := n.Git.Branches(ctx, remote(c.Provider, credential, repository)); err != nil {
			return err
		}
	}
	return n.complete(ctx, here, c, credential)
}

// refused is a credential that is not stored, as the host refuses it.
func refused(err error) error {
	if revoked, ok := errors.AsType[*provider.Revoked](err); ok {
		return apprunner.Errorf(apprunner.InvalidRequest, "%s", revoked.Reason)
	}
	if away, ok := errors.AsType[*provider.Away](err); ok {
		return apprunner.Errorf(apprunner.InvalidRequest, "%s", away.Reason)
	}
	return err
}

func (n *Connector) public(ctx context.Context, here apprunner.Place, c *apprunner.Connection, credential provider.Credential) error {
	if c.Provider != provider.Git {
		return apprunner.Errorf(apprunner.InvalidRequest, "Only a connection of provider GIT can do without a credential. A public repository needs no connection at all.")
	}
	return n.complete(ctx, here, c, credential)
}

// byKey makes a deploy key. The keys of the server are recorded now, and any other is refused later.
func (n *Connector) byKey(ctx context.Context, here apprunner.Place, c *apprunner.Connection, credential provider.Credential, repository string) ([]string, error) {
	if c.Provider != provider.Git {
		return nil, apprunner.Errorf(apprunner.InvalidRequest, "A deploy key is for connections of provider GIT, by ssh. Use --token for %s.", c.Provider)
	}
	server := repository
	if server == "" && credential.BaseURL != "" {
		server = credential.BaseURL + "/any"
	}
	var lines string
	var fingerprints []string
	var err error
	if server != "" {
		lines, fingerprints, err = n.Git.HostKeys(ctx, server)
	}
	if err != nil {
		return nil, err
	}
	if lines == "" {
		return nil, apprunner.Errorf(apprunner.InvalidRequest, "Which server is the deploy key for? Give --base-url ssh://git@git.example.com, or --repository with an ssh URL.")
	}
	credential.BaseURL, credential.KnownHosts, credential.Kind = git.Server(server), lines, provider.ByDeployKey
	if credential.Key, credential.PublicKey, err = git.NewKey("slipway-" + c.Name); err != nil {
		return nil, err
	}
	return fingerprints, n.complete(ctx, here, c, credential)
}

// origin is where a browser comes back to.
func (n *Connector) origin() string { return cmp.Or(n.PublicURL, n.LocalURL) }

// begin records a handshake that waits for somebody's browser, and returns its state.
func (n *Connector) begin(ctx context.Context, here apprunner.Place, arn string, d draft) (string, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	a := apprunner.Attempt{State: rand.Text(), Expires: n.Now().Add(patience), Draft: text}
	_, err = n.Control.ChangeConnection(ctx, here, arn, func(c apprunner.Connection) (apprunner.Connection, error) { return c.Begin(a), nil })
	return a.State, err
}

func (n *Connector) byOAuth(ctx context.Context, here apprunner.Place, c apprunner.Connection, credential provider.Credential) (string, error) {
	if !provider.HasOAuth(c.Provider) {
		return "", apprunner.Errorf(apprunner.InvalidRequest, "Provider %s cannot be authorized by OAuth. Use --token, or --app for GITHUB.", c.Provider)
	}
	redirect := n.origin() + CallbackPath + stageOAuth
	if credential.ClientID == "" || credential.ClientSecret == "" {
		return "", apprunner.Errorf(apprunner.InvalidRequest, "OAuth needs an application at %s: make one there with the redirect URL %s, and give its id and secret with --client-id and --client-secret.", credential.BaseURL, redirect)
	}
	d := draft{Credential: credential, Verifier: provider.NewVerifier(), Redirect: redirect, Stage: stageOAuth}
	state, err := n.begin(ctx, here, c.ARN, d)
	return provider.AuthorizeURL(c.Provider, credential, redirect, state, d.Verifier), err
}

func (n *Connector) byApp(ctx context.Context, here apprunner.Place, c apprunner.Connection, credential provider.Credential, organization string) (string, error) {
	if c.Provider != provider.GitHub {
		return "", apprunner.Errorf(apprunner.InvalidRequest, "Only GITHUB has Apps. Use --token or --oauth for %s.", c.Provider)
	}
	state, err := n.begin(ctx, here, c.ARN, draft{Credential: credential, Organization: organization, Stage: stageManifest})
	return n.origin() + CallbackPath + "app?state=" + state, err
}

// Repositories implements admin.Connections.
func (n *Connector) Repositories(ctx context.Context, here apprunner.Place, arn, words, page string) (found admin.Page[admin.Repository], err error) {
	c, host, err := n.host(ctx, here, arn)
	if err != nil {
		return found, err
	}
	if host == nil {
		return found, apprunner.Errorf(apprunner.InvalidRequest, "Provider GIT has no list of repositories. Give the URL of one.")
	}
	all, next, err := host.Repositories(ctx, words, page)
	for _, r := range all {
		found.Items = append(found.Items, admin.Repository{Name: r.Name, URL: r.URL, Branch: r.Branch, Private: r.Private})
	}
	found.Next = next
	return found, n.judge(ctx, c, err)
}

// Branches implements admin.Connections. Where there is no API, Git lists them.
func (n *Connector) Branches(ctx context.Context, here apprunner.Place, arn, repository, page string) (found admin.Page[string], err error) {
	c, host, err := n.host(ctx, here, arn)
	if err != nil {
		return found, err
	}
	if host != nil && !strings.Contains(repository, ":") {
		found.Items, found.Next, err = host.Branches(ctx, repository, page)
		return found, n.judge(ctx, c, err)
	}
	err = n.with(ctx, here.Region, arn, repository, func(r git.Remote) error {
		all, err := n.Git.Branches(ctx, r)
		for _, b := range all {
			found.Items = append(found.Items, b.Name)
		}
		return err
	})
	return found, err
}

func (n *Connector) host(ctx context.Context, here apprunner.Place, arn string) (apprunner.Connection, provider.Host, error) {
	c, credential, err := n.open(ctx, here.Region, arn)
	if err != nil {
		return c, nil, err
	}
	return c, n.api.Open(c.Provider, credential), nil
}
