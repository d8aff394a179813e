package apprunner

import "time"

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
	c.Status, c.DeletedAt, c.Credential = ConnectionDeleted, now, nil
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
		c.Status, c.Reason, c.Credential = ConnectionAvailable, "", result.Credential
	}
	return c, nil
}
