package role

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Path is where the credentials are.
const Path = "/v2/credentials"

// Endpoint is what an application finds on its own loopback address: the credentials of its role at Path,
// and the API that they are for everywhere else.
type Endpoint struct {
	Sessions *Sessions
	Real     func(role string) bool // whether AWS gives the credentials of a role
	AWS      *AWS
	API      http.Handler
	Log      *slog.Logger
}

// Credentials is the answer, in the form that the SDKs of AWS read.
type Credentials struct {
	RoleArn         string
	AccessKeyId     string
	SecretAccessKey string
	Token           string
	Expiration      time.Time // to the second
}

// failure is the answer when there are none. The SDKs show both members.
type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ServeHTTP implements http.Handler.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != Path {
		e.API.ServeHTTP(w, r)
		return
	}
	id := instanceOf(r.Context())
	switch {
	case r.Method != http.MethodGet:
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "Credentials are asked for with GET.")
	case !e.Sessions.Passes(id, r.Header.Get("Authorization")):
		refuse(w, http.StatusForbidden, "AccessDenied", "The Authorization header does not have the value of AWS_CONTAINER_AUTHORIZATION_TOKEN.")
	default:
		e.answer(w, r, id)
	}
}

func (e *Endpoint) answer(w http.ResponseWriter, r *http.Request, id string) {
	service, revision, ok := e.Sessions.Instances.Instance(id)
	if !ok || revision.Spec.Instance.Role == "" {
		refuse(w, http.StatusNotFound, "NoRole", "The service has no InstanceRoleArn, or this instance has ended.")
		return
	}
	found, err := e.credentials(r.Context(), id, service, revision.Spec.Instance.Role)
	if err != nil {
		e.Log.Warn("an application got no credentials", "service", service.Name, "instance", id, "error", err)
		refuse(w, http.StatusBadGateway, "RoleNotAssumed", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(found)
}

func (e *Endpoint) credentials(ctx context.Context, id string, service apprunner.Service, role string) (Credentials, error) {
	if e.Real(role) {
		return e.AWS.credentials(ctx, service.Region, role, id)
	}
	s, _ := e.Sessions.Issue(id)
	return Credentials{role, s.ID, s.Secret, s.Token, s.Expires}, nil
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(failure{code, message})
}
