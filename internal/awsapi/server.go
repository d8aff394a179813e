package awsapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
)

// MaxBody is the size of the largest request, in bytes.
const MaxBody = 1 << 20

// Authenticator finds out who signed a request. A *sigv4.Error is answered as it is.
type Authenticator interface {
	Verify(r *http.Request, body []byte) (sigv4.Identity, error)
}

// Authorizer decides whether a call is allowed. The error is the answer when it is not; in is the
// input of the operation, not validated yet.
type Authorizer interface {
	Authorize(ctx context.Context, call Call, in Message) error
}

// AuthorizerFunc is an Authorizer of one function.
type AuthorizerFunc func(ctx context.Context, call Call, in Message) error

// Authorize implements Authorizer.
func (f AuthorizerFunc) Authorize(ctx context.Context, call Call, in Message) error {
	return f(ctx, call, in)
}

// Config is what a Server needs. All fields but CheckAnswers must be set.
type Config struct {
	Authenticator Authenticator
	Authorizer    Authorizer
	Logger        *slog.Logger
	// CheckAnswers turns an answer that breaks the model into an internal error. Tests set it.
	CheckAnswers bool
}

// Server answers requests of the AWS JSON protocol, of the same in CBOR, and of the query protocol. It is
// an http.Handler for POST / and for the paths of CBOR.
type Server struct {
	config Config
	apis   map[string]API // by target prefix

	queries []QueryAPI
}

// NewServer returns a server of the given APIs.
func NewServer(config Config, apis ...API) *Server {
	s := &Server{config: config, apis: map[string]API{}}
	for _, api := range apis {
		s.apis[api.TargetPrefix] = api
	}
	return s
}

// AddQuery adds APIs of the query protocol. Call it before the server serves.
func (s *Server) AddQuery(apis ...QueryAPI) { s.queries = append(s.queries, apis...) }

// ServeHTTP answers one call and logs it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{server: s, r: r, start: time.Now(), call: Call{RequestID: uuid.NewString()}}
	body, mediaType := x.answer(w)
	if r.Context().Err() != nil && x.err != nil {
		x.status = statusClientGone
	}
	x.log()
	if x.status == statusClientGone {
		return
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("X-Amzn-Requestid", x.call.RequestID)
	h.Set("Cache-Control", "no-store")
	if mediaType == cborType {
		h.Set(smithyHeader, smithyCBOR)
	}
	if x.code != "" {
		h.Set("X-Amzn-Errortype", x.code)
		x.queryError(h)
	}
	w.WriteHeader(x.status)
	_, _ = w.Write(body) // a caller that has left cannot be told
}

// statusClientGone is what the log has for a caller that left before its answer.
const statusClientGone = 499

// exchange is one request on its way to an answer.
type exchange struct {
	server *Server
	r      *http.Request
	start  time.Time
	call   Call
	api    API
	query  QueryAPI
	status int
	code   string // of the exception
	err    error
	panic  string // the stack of a handler that panicked

	protocol protocol // unless it is the query protocol
}

// answer returns the body of the answer and its type.
func (x *exchange) answer(w http.ResponseWriter) (body []byte, mediaType string) {
	if isQuery(x.r) {
		return x.answerQuery(w), xmlType
	}
	var err error
	if x.protocol, err = protocolOf(x.r); err == nil {
		body, err = x.safely(func() ([]byte, error) { return x.run(w) })
	}
	if err == nil {
		x.status = http.StatusOK
		return body, x.protocol.mediaType
	}
	return x.fail(err), x.protocol.mediaType
}

// safely turns a panic into an error.
func (x *exchange) safely(f func() ([]byte, error)) (body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			x.panic = fmt.Sprintf("%v\n%s", p, debug.Stack())
			err = Errorf(http.StatusInternalServerError, "InternalFailure", "The request failed because of an internal failure. The log of Slipway has the details under this request id.")
		}
	}()
	return f()
}

// run takes the request through every stage and returns the encoded answer.
func (x *exchange) run(w http.ResponseWriter) ([]byte, error) {
	body, err := readBody(w, x.r)
	if err != nil {
		return nil, err
	}
	if x.call.Identity, err = x.server.config.Authenticator.Verify(x.r, body); err != nil {
		return nil, err
	}
	op, err := x.route()
	if err != nil {
		return nil, err
	}
	in := op.newInput()
	if err := x.protocol.unmarshal(body, in); err != nil {
		return nil, Errorf(http.StatusBadRequest, "SerializationException", "%s", sentence(err))
	}
	ctx := WithCall(x.r.Context(), x.call)
	if err := x.server.config.Authorizer.Authorize(ctx, x.call, in); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	out, err := op.call(ctx, in)
	if err != nil {
		return nil, err
	}
	if x.server.config.CheckAnswers {
		if err := out.Validate(); err != nil {
			return nil, fmt.Errorf("the answer breaks the model: %s", err) //nolint:errorlint // wrapped, it would be taken for the caller's mistake
		}
	}
	return x.marshal(out)
}

// route finds the operation that the request names.
func (x *exchange) route() (Operation, error) {
	target, err := x.protocol.target(x.r)
	if err != nil {
		return Operation{}, err
	}
	prefix, name, _ := strings.Cut(target, ".")
	api, ok := x.server.apis[prefix]
	if !ok {
		return Operation{}, UnknownOperation(target)
	}
	op, ok := api.Operations[name]
	if !ok {
		return Operation{}, UnknownOperation(target)
	}
	x.api, x.call.Service, x.call.Operation = api, api.SigningName, name
	if x.call.Identity.Service != api.SigningName {
		return Operation{}, sigv4.WrongService(api.SigningName)
	}
	return op, nil
}

// bodyTime is how long a body may take to arrive. Who sends it is not known before its end.
const bodyTime = 30 * time.Second

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTime)) // where there is no connection, nothing takes time
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err == nil {
		_ = control.SetReadDeadline(time.Time{})
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, Errorf(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "The request body is larger than %d bytes.", MaxBody)
	}
	if err != nil {
		return nil, Errorf(http.StatusBadRequest, "SerializationException", "The request body could not be read to its end.")
	}
	return body, nil
}

// sentence makes a message for the caller of an error's text.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
