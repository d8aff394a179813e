// Package provider speaks with the hosts of Git repositories by their own APIs: GitHub, GitLab,
// Bitbucket and Gitea, whose API Forgejo has too. It finds out whose a credential is, lists what that
// may read, reports how a commit is deployed, and has the host tell of pushes.
package provider

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// The names of providers, as connections have them.
const (
	GitHub    = "GITHUB"
	Bitbucket = "BITBUCKET"
	GitLab    = "GITLAB"
	Gitea     = "GITEA"
	Git       = "GIT" // any other: a server that speaks Git, and no API that Slipway knows
)

// Kind is how a credential was come by.
type Kind string

// The kinds of credentials.
const (
	ByToken     Kind = "token"
	ByOAuth     Kind = "oauth"
	ByApp       Kind = "app"        // of GitHub
	ByDeployKey Kind = "deploy-key" // over ssh
	Public      Kind = "public"     // none
)

// Credential is what a handshake brings. It is stored as JSON, sealed.
type Credential struct {
	Kind     Kind      `json:",omitempty"`
	BaseURL  string    // of the host's pages, without a slash at the end
	Account  string    `json:",omitempty"` // whose it is
	Username string    `json:",omitempty"` // for Git, and where an API asks for one
	Token    string    `json:",omitempty"`
	Expires  time.Time `json:",omitzero"` // of Token; zero for never

	// OAuth
	ClientID, ClientSecret string `json:",omitempty"`
	Refresh                string `json:",omitempty"`
	// A GitHub App
	AppID        int64  `json:",omitempty"`
	AppKey       string `json:",omitempty"` // PEM
	AppSlug      string `json:",omitempty"`
	Installation int64  `json:",omitempty"`
	HookSecret   string `json:",omitempty"` // of the App's own webhook
	// A deploy key
	Key        []byte `json:",omitempty"` // PEM
	PublicKey  string `json:",omitempty"`
	KnownHosts string `json:",omitempty"`
}

// Parse reads a credential as it is stored.
func Parse(stored []byte) (c Credential, err error) {
	err = json.Unmarshal(stored, &c)
	return c, err
}

// Encode is how a credential is stored.
func (c Credential) Encode() []byte {
	stored, _ := json.Marshal(c) // strings, numbers and times alone
	return stored
}

// Stale reports whether the token needs to be renewed before it is used.
func (c Credential) Stale(now time.Time) bool {
	return !c.Expires.IsZero() && now.Add(time.Minute).After(c.Expires)
}

// Repository is a repository that can be deployed.
type Repository struct {
	Name    string // owner/name
	URL     string // that Git clones from
	Branch  string // the default one
	Private bool
}

// State is how far the deployment of a commit is.
type State string

// The states that are reported.
const (
	Pending State = "pending"
	Success State = "success"
	Failure State = "failure"
)

// Status is what is shown beside a commit.
type Status struct {
	State       State
	Context     string // tells reports apart, such as "slipway/web"
	Description string
	TargetURL   string
}

// Host is a host of repositories, with a credential.
type Host interface {
	// Account returns whose the credential is.
	Account(ctx context.Context) (string, error)
	// Repositories lists what the credential reads, with words in its name. Next is the page that
	// follows, "" after the last.
	Repositories(ctx context.Context, words, page string) (all []Repository, next string, err error)
	Branches(ctx context.Context, repository, page string) (all []string, next string, err error)
	SetStatus(ctx context.Context, repository, commit string, s Status) error
	// PutHook has the host tell of pushes to a repository at a URL. It may be called again.
	PutHook(ctx context.Context, repository, url, secret string) error
	DeleteHook(ctx context.Context, repository, url string) error
}

// API reaches hosts.
type API struct {
	// Transport decides which addresses may be reached, and which without TLS.
	Transport http.RoundTripper
	Now       func() time.Time
}

// publicURL is where a provider is unless a connection says otherwise.
var publicURL = map[string]string{
	GitHub: "https://github.com", Bitbucket: "https://bitbucket.org", GitLab: "https://gitlab.com", Gitea: "https://codeberg.org",
}

// BaseURL checks the base URL of a connection, and returns that of the provider when there is none.
func BaseURL(provider, base string) (string, error) {
	if base == "" {
		return publicURL[provider], nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh") || (u.Scheme == "ssh" && provider != Git) {
		return "", apprunner.Errorf(apprunner.InvalidRequest, "The base URL %q of the connection is not the address of a host, such as https://git.example.com.", base)
	}
	return strings.TrimSuffix(u.Scheme+"://"+strings.ToLower(u.Host)+u.Path, "/"), nil
}

// Open returns a host, nil for one whose API is not known. The credential must not be stale.
func (a *API) Open(provider string, c Credential) Host {
	s := &session{api: a, provider: provider, credential: c}
	switch provider {
	case GitHub:
		s.root = "https://api.github.com"
		if c.BaseURL != publicURL[GitHub] {
			s.root = c.BaseURL + "/api/v3"
		}
		return github{s}
	case GitLab:
		s.root = c.BaseURL + "/api/v4"
		return gitlab{s}
	case Gitea:
		s.root = c.BaseURL + "/api/v1"
		return gitea{s}
	case Bitbucket:
		s.root = "https://api.bitbucket.org/2.0"
		if c.BaseURL != publicURL[Bitbucket] {
			s.root = c.BaseURL + "/2.0"
		}
		return bitbucket{s}
	default:
		return nil
	}
}

// GitUser is who Git says that it is, with the token as password.
func GitUser(provider string, c Credential) string {
	switch {
	case provider == GitHub:
		return "x-access-token"
	case provider == GitLab:
		return "oauth2"
	case provider == Bitbucket && c.Kind == ByToken && c.Username != "":
		return "x-bitbucket-api-token-auth"
	case provider == Bitbucket:
		return "x-token-auth"
	case c.Username != "":
		return c.Username
	case c.Account != "":
		return c.Account
	default:
		return "git"
	}
}

// Name is the owner/name of a repository's URL.
func Name(raw string) string {
	path := raw
	if u, err := url.Parse(raw); err == nil && u.Scheme != "" && u.Host != "" {
		path = u.Path
	} else if _, after, ok := strings.Cut(raw, ":"); ok { // user@host:path
		path = after
	}
	return strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}
