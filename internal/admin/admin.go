// Package admin is Slipway's own API beside that of App Runner: logs and events as streams, and the
// logins of registries. Requests are signed as those to AWS are, for the service "slipway".
package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
)

// Prefix is where the API is mounted.
const Prefix = "/slipway/v1/"

// Service is the name that requests are signed for.
const Service = "slipway"

// maxBody is the size of the largest request, in bytes.
const maxBody = 64 << 10

// Verifier finds out who signed a request.
type Verifier interface {
	Verify(r *http.Request, body []byte) (sigv4.Identity, error)
}

// Authorizer decides whether an access key may do an action of Slipway's own, such as
// slipway:GetLogs, on a resource. The error is the answer when it may not.
type Authorizer interface {
	Authorize(ctx context.Context, who sigv4.Identity, action, resource string) error
}

// Services finds services.
type Services interface {
	Services(ctx context.Context, here apprunner.Place) ([]apprunner.Service, error)
	ServiceByID(ctx context.Context, here apprunner.Place, id string) (apprunner.Service, error)
	Operations(ctx context.Context, here apprunner.Place, arn string) ([]apprunner.Operation, error)
}

// Line is one line of a log.
type Line struct {
	Time   time.Time `json:"time"`
	Stream string    `json:"stream"` // instance/<id>, events, deployment/<operation id>
	Text   string    `json:"text"`
}

// Application is the stream of everything that the instances of a service wrote.
const Application = "application"

// Access is the stream of the requests to a service, lines of JSON.
const Access = "access"

// Logs reads the logs of a service.
type Logs interface {
	// Read returns the lines of a stream of a service since a time, oldest first, and goes on with
	// follow. Application stands for all instances, merged.
	Read(ctx context.Context, s apprunner.Service, stream string, since time.Time, follow bool) iter.Seq2[Line, error]
}

// Logins keeps the credentials of registries.
type Logins interface {
	SetLogin(ctx context.Context, host, user, password string) error
	RemoveLogin(ctx context.Context, host string) (bool, error)
	Logins(ctx context.Context) ([]string, error)
}

// API answers requests under Prefix.
type API struct {
	Verifier    Verifier
	Authorizer  Authorizer
	Services    Services
	Deployments Deployments
	Running     Instances
	Logs        Logs
	Events      Events
	Scalings    Scalings
	Metrics     Metrics
	Logins      Logins
	Keys        Keys
	Connections Connections
	Backups     Backups
	Changes     Changes
	Detector    Detector
	Health      Health
	Uploads     Uploads // nil where requests are signed, which upload are not
	Account     string
	Log         *slog.Logger
}

// Handler returns the API as a handler.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+Prefix+"watch", a.signed(a.watch))
	mux.Handle("GET "+Prefix+"services/{name}/logs", a.signed(a.logs))
	mux.Handle("GET "+Prefix+"services/{name}/events", a.signed(a.events))
	mux.Handle("GET "+Prefix+"events", a.signed(a.events))
	mux.Handle("GET "+Prefix+"services/{name}/scaling", a.signed(a.scaling))
	mux.Handle("GET "+Prefix+"services/{name}/metrics", a.signed(a.metrics))
	mux.Handle("GET "+Prefix+"services/{name}/operations", a.signed(a.operations))
	mux.Handle("GET "+Prefix+"services/{name}/revisions", a.signed(a.revisions))
	mux.Handle("GET "+Prefix+"services/{name}/instances", a.signed(a.instances))
	mux.Handle("POST "+Prefix+"services/{name}/rollback", a.signed(a.rollback))
	mux.Handle("POST "+Prefix+"services/{name}/cancel", a.signed(a.cancel))
	mux.Handle("POST "+Prefix+"services/{name}/deploy-commit", a.signed(a.deployCommit))
	mux.Handle("GET "+Prefix+"registries", a.signed(a.listLogins))
	mux.Handle("PUT "+Prefix+"registries/{host}", a.signed(a.setLogin))
	mux.Handle("DELETE "+Prefix+"registries/{host}", a.signed(a.removeLogin))
	mux.Handle("GET "+Prefix+"connections", a.signed(a.listConnections))
	mux.Handle("POST "+Prefix+"connections", a.signed(a.createConnection))
	mux.Handle("DELETE "+Prefix+"connections/{name}", a.signed(a.deleteConnection))
	mux.Handle("POST "+Prefix+"connections/{name}/authorize", a.signed(a.authorizeConnection))
	mux.Handle("GET "+Prefix+"connections/{name}/repositories", a.signed(a.listRepositories))
	mux.Handle("GET "+Prefix+"connections/{name}/branches", a.signed(a.listBranches))
	mux.Handle("POST "+Prefix+"detect", a.signed(a.detect))
	mux.Handle("GET "+Prefix+"settings", a.signed(a.settings))
	if a.Uploads != nil {
		mux.Handle("POST "+Prefix+"services/{name}/source", http.HandlerFunc(a.upload))
	}
	mux.Handle("GET "+Prefix+"backup", a.signed(a.backup))
	mux.Handle("GET "+Prefix+"keys", a.signed(a.listKeys))
	mux.Handle("POST "+Prefix+"keys", a.signed(a.createKey))
	mux.Handle("DELETE "+Prefix+"keys/{id}", a.signed(a.deleteKey))
	return mux
}

// call is one verified request.
type call struct {
	w    http.ResponseWriter
	r    *http.Request
	body []byte
	here apprunner.Place
	who  sigv4.Identity
}

// signed runs f for requests with a valid signature and answers its error.
func (a *API) signed(f func(call) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			fail(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "The request is too large or was cut off.")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		who, err := a.Verifier.Verify(r, body)
		if err == nil && who.Service != Service {
			err = sigv4.WrongService(Service)
		}
		if err == nil {
			err = f(call{w: w, r: r, body: body, here: apprunner.Place{Account: a.Account, Region: who.Region}, who: who})
		}
		if err != nil && r.Context().Err() == nil {
			a.refuse(w, r, err)
		}
	})
}

// may refuses a call whose key may not do an action on a resource: "*", or what an ARN names.
func (a *API) may(c call, action, resource string) error {
	return a.Authorizer.Authorize(c.r.Context(), c.who, Service+":"+action, resource)
}

// arn names one of Slipway's own resources, such as registry/docker.io.
func (c call) arn(resource string) string {
	return "arn:aws:" + Service + ":" + c.here.Region + ":" + c.here.Account + ":" + resource
}

// coded is an error that brings its own place on the wire.
type coded interface {
	error
	Exception() (code string, status int)
}

// refuse answers an error: one of the caller's with what it says, one of ours without.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if e, ok := errors.AsType[coded](err); ok {
		code, status := e.Exception()
		fail(w, status, code, e.Error())
		return
	}
	if e, ok := errors.AsType[*apprunner.Error](err); ok && e.Code != apprunner.Internal {
		status := http.StatusBadRequest
		if e.Code == apprunner.ResourceNotFound {
			status = http.StatusNotFound
		}
		fail(w, status, string(e.Code)+"Exception", e.Message)
		return
	}
	a.Log.Error("a request of the admin API failed", "path", r.URL.Path, "error", err)
	fail(w, http.StatusInternalServerError, "InternalFailure", "An internal error occurred. Slipway's log has the details.")
}

// Failure is the body of an answer that is not 200.
type Failure struct {
	Code    string
	Message string
}

func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Failure{Code: code, Message: message})
}

func answer(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

// find returns the service with a name, an ARN or an id, for a key that may do an action on it. By
// its ARN or id also one that was deleted not long ago is found: whoever deletes a service wants to
// see how that ends. A key that may not is not told whether there is such a service.
func (a *API) find(c call, action string) (apprunner.Service, error) {
	s, err := a.lookUp(c)
	if apprunner.CodeOf(err) == apprunner.ResourceNotFound {
		name := c.r.PathValue("name")
		if denied := a.may(c, action, "arn:aws:apprunner:"+c.here.Region+":"+c.here.Account+":service/"+name+"/*"); denied != nil {
			return s, denied
		}
	}
	if err != nil {
		return s, err
	}
	return s, a.may(c, action, s.ARN)
}

func (a *API) lookUp(c call) (apprunner.Service, error) {
	name := c.r.PathValue("name")
	all, err := a.Services.Services(c.r.Context(), c.here)
	if err != nil {
		return apprunner.Service{}, err
	}
	for _, s := range all {
		if s.Name == name || s.ID == name {
			return s, nil
		}
	}
	s, err := a.Services.ServiceByID(c.r.Context(), c.here, name[strings.LastIndexByte(name, '/')+1:])
	if apprunner.CodeOf(err) == apprunner.ResourceNotFound {
		return s, apprunner.Errorf(apprunner.ResourceNotFound, "There is no service %q in Region %s.", name, c.here.Region)
	}
	return s, err
}
