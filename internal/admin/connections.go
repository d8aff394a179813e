package admin

import (
	"context"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Connection is a connection with what App Runner's API does not tell. It has no secrets.
type Connection struct {
	Name      string
	ARN       string `json:"Arn"`
	Provider  string
	Status    apprunner.ConnectionStatus
	Reason    string `json:",omitempty"` // why the status is ERROR
	BaseURL   string `json:"BaseUrl,omitempty"`
	Method    string `json:",omitempty"` // how it was authorized
	Account   string `json:",omitempty"` // whose the credential is
	PublicKey string `json:",omitempty"` // the deploy key, to be added at the host
	HookURL   string `json:"HookUrl,omitempty"`
	CreatedAt time.Time
}

// NewConnection asks for a connection.
type NewConnection struct{ Name, Provider, BaseURL string }

// The ways to authorize a connection.
const (
	MethodToken     = "token"
	MethodOAuth     = "oauth"
	MethodApp       = "app"
	MethodDeployKey = "deploy-key"
	MethodPublic    = "public"
)

// Authorization asks for a handshake.
type Authorization struct {
	Method       string
	BaseURL      string `json:",omitempty"` // replaces that of the connection
	Username     string `json:",omitempty"`
	Token        string `json:",omitempty"`
	ClientID     string `json:",omitempty"`
	ClientSecret string `json:",omitempty"`
	Organization string `json:",omitempty"` // of GitHub, that the App is to belong to
	Repository   string `json:",omitempty"` // a URL to try the credential with, where there is no API
}

// Authorized is how far a handshake is.
type Authorized struct {
	Connection Connection
	OpenURL    string   `json:",omitempty"` // a page to open in a browser, which completes the handshake
	HostKeys   []string `json:",omitempty"` // fingerprints of the server's ssh keys, to be compared
	HookSecret string   `json:",omitempty"` // for webhooks that are made by hand
}

// Repository is a repository that a connection reads.
type Repository struct {
	Name    string
	URL     string `json:"Url"`
	Branch  string `json:"DefaultBranch,omitempty"`
	Private bool
}

// Page is a part of a list. Next is the page that follows, "" after the last.
type Page[T any] struct {
	Items []T
	Next  string `json:",omitempty"`
}

// Connections takes connections through their handshakes, and lists what they read.
type Connections interface {
	Connections(ctx context.Context, here apprunner.Place) ([]Connection, error)
	CreateConnection(ctx context.Context, here apprunner.Place, in NewConnection) (Connection, error)
	DeleteConnection(ctx context.Context, here apprunner.Place, arn string) error
	Authorize(ctx context.Context, here apprunner.Place, arn string, in Authorization) (Authorized, error)
	Repositories(ctx context.Context, here apprunner.Place, arn, words, page string) (Page[Repository], error)
	Branches(ctx context.Context, here apprunner.Place, arn, repository, page string) (Page[string], error)
}

func (a *API) listConnections(c call) error {
	if err := a.may(c, "ListConnections", "*"); err != nil {
		return err
	}
	all, err := a.Connections.Connections(c.r.Context(), c.here)
	if err != nil {
		return err
	}
	return answer(c.w, append([]Connection{}, all...))
}

func (a *API) createConnection(c call) error {
	var in NewConnection
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := a.may(c, "CreateConnection", c.connection(in.Name, "*")); err != nil {
		return err
	}
	made, err := a.Connections.CreateConnection(c.r.Context(), c.here, in)
	if err != nil {
		return err
	}
	return answer(c.w, made)
}

func (a *API) deleteConnection(c call) error {
	arn, err := a.connectionARN(c, "DeleteConnection")
	if err != nil {
		return err
	}
	if err := a.Connections.DeleteConnection(c.r.Context(), c.here, arn); err != nil {
		return err
	}
	return answer(c.w, struct{}{})
}

func (a *API) authorizeConnection(c call) error {
	arn, err := a.connectionARN(c, "AuthorizeConnection")
	if err != nil {
		return err
	}
	var in Authorization
	if err := c.decode(&in); err != nil {
		return err
	}
	done, err := a.Connections.Authorize(c.r.Context(), c.here, arn, in)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return answer(c.w, done)
}

func (a *API) listRepositories(c call) error {
	arn, err := a.connectionARN(c, "ListRepositories")
	if err != nil {
		return err
	}
	query := c.r.URL.Query()
	found, err := a.Connections.Repositories(c.r.Context(), c.here, arn, query.Get("words"), query.Get("page"))
	if err != nil {
		return err
	}
	found.Items = append([]Repository{}, found.Items...)
	return answer(c.w, found)
}

func (a *API) listBranches(c call) error {
	arn, err := a.connectionARN(c, "ListBranches")
	if err != nil {
		return err
	}
	query := c.r.URL.Query()
	found, err := a.Connections.Branches(c.r.Context(), c.here, arn, query.Get("repository"), query.Get("page"))
	if err != nil {
		return err
	}
	found.Items = append([]string{}, found.Items...)
	return answer(c.w, found)
}

// connection is the ARN of a connection.
func (c call) connection(name, id string) string {
	return apprunner.ARN{Place: c.here, Type: apprunner.TypeConnection, Name: name, ID: id}.String()
}

// connectionARN finds the connection of a name, for a key that may do an action on it. A key that may
// not is not told whether there is one.
func (a *API) connectionARN(c call, action string) (string, error) {
	name := c.r.PathValue("name")
	all, err := a.Connections.Connections(c.r.Context(), c.here)
	if err != nil {
		return "", err
	}
	arn := c.connection(name, "*")
	for _, found := range all {
		if found.Name == name {
			arn = found.ARN
		}
	}
	if err := a.may(c, action, arn); err != nil {
		return "", err
	}
	if arn == c.connection(name, "*") {
		return "", apprunner.Errorf(apprunner.ResourceNotFound, "There is no connection %q in Region %s. See them with \"slipway connections list\".", name, c.here.Region)
	}
	return arn, nil
}
