package apprunner

import (
	"crypto/subtle"
	"time"
)

// ConnectionStatus is how far the handshake with a provider is.
type ConnectionStatus string

// The statuses of a connection.
const (
	ConnectionPending   ConnectionStatus = "PENDING_HANDSHAKE"
	ConnectionAvailable ConnectionStatus = "AVAILABLE"
	ConnectionError     ConnectionStatus = "ERROR"
	ConnectionDeleted   ConnectionStatus = "DELETED"
)

// Connection is the right to read the repositories of an account at a provider of source code.
type Connection struct {
	ARN       string
	Name      string
	Provider  string // GITHUB, BITBUCKET, GITLAB, GITEA or GIT
	Status    ConnectionStatus
	CreatedAt time.Time
	DeletedAt time.Time `json:",omitzero"`

	// Credential is what the handshake brought; only the provider's adapter understands it.
	Credential []byte `json:",omitempty"`
	Reason     string `json:",omitempty"` // why the status is ERROR

	BaseURL string `json:",omitempty"` // of the provider, when it is not the public one
	Secret  string `json:",omitempty"` // that the provider signs webhooks with; it outlives credentials
	// Hooks are the repositories that have a webhook of ours; false while it may be there or not.
	Hooks map[string]bool `json:",omitempty"`
	// Attempt is a handshake that waits for somebody's browser.
	Attempt *Attempt `json:",omitempty"`
}

// Attempt is a handshake under way.
type Attempt struct {
	State   string // that the provider sends back: whoever has it may complete the handshake, once
	Expires time.Time
	Draft   []byte `json:",omitempty"` // what is known so far; only the provider's adapter understands it
}

// Begin notes a handshake under way. It takes the place of one that was.
func (c Connection) Begin(a Attempt) Connection {
	c.Attempt = &a
	return c
}

// Claim takes the handshake that a state stands for, so that nobody can take it again.
func (c Connection) Claim(state string, now time.Time) (Connection, Attempt, error) {
	a := c.Attempt
	if a == nil || state == "" || subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) != 1 {
		return c, Attempt{}, Errorf(InvalidRequest, "No handshake waits for this answer. It may have been completed already: begin it again with \"slipway connections authorize\".")
	}
	c.Attempt = nil
	if now.After(a.Expires) {
		return c, Attempt{}, Errorf(InvalidRequest, "The handshake of connection %s took too long and has expired. Begin it again with \"slipway connections authorize\".", c.Name)
	}
	return c, *a, nil
}

// Handshake is the result of a handshake with a provider: a credential, or why there is none.
type Handshake struct {
	Credential []byte
	Failure    string
}

func (c Connection) identity() identity { return identity{c.ARN, c.Name, c.DeletedAt} }

// AddConnection makes a connection whose handshake has yet to be done.
func (r Resources) AddConnection(here Place, name, provider, id string, quota int, now time.Time) (Connection, error) {
	if _, taken := Named(r.Connections, name); taken {
		return Connection{}, Errorf(InvalidRequest, "Connection with the provided name already exists: %s.", name)
	}
	if n := len(Living(r.Connections)); n >= quota {
		return Connection{}, Errorf(ServiceQuotaExceeded, "There are %d connections in Region %s, the most allowed. Delete one first.", n, here.Region)
	}
	arn := ARN{Place: here, Type: TypeConnection, Name: name, ID: id}
	return Connection{ARN: arn.String(), Name: name, Provider: provider, Status: ConnectionPending, CreatedAt: now}, nil
}

// Connection returns the connection with an ARN. A deleted one is not found.
func (r Resources) Connection(arn string, here Place) (Connection, error) {
	return byARN(Living(r.Connections), arn, TypeConnection, here)
}

// DeleteConnection ends a connection that no service uses.
func (r Resources) DeleteConnection(arn string, here Place, users Users, now time.Time) (Connection, error) {
	c, err := r.Connection(arn, here)
	if err != nil {
		return c, err
	}
	if users.use(c.ARN) {
		return c, Errorf(InvalidRequest, "Connection %s is in use by a service. Change or delete the service first.", c.ARN)
	}
	c.Status, c.DeletedAt, c.Credential, c.Secret, c.Attempt = ConnectionDeleted, now, nil, "", nil
	return c, nil
}

// Shake records the result of a handshake. A connection may be shaken again: to renew a credential,
// or when the provider has taken it back.
func (c Connection) Shake(result Handshake) (Connection, error) {
	switch {
	case result.Failure != "":
		c.Status, c.Reason, c.Credential = ConnectionError, result.Failure, nil
	case len(result.Credential) == 0:
		return c, Errorf(Internal, "The handshake of connection %s brought neither a credential nor a failure.", c.ARN)
	default:
		c.Status, c.Reason, c.Credential, c.Attempt = ConnectionAvailable, "", result.Credential, nil
	}
	return c, nil
}
