package access

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/slipway-run/slipway/internal/audit"
	"github.com/slipway-run/slipway/internal/source/remote"
)

// trail is what becomes known of a request on its way to an answer.
type trail struct {
	entry  audit.Entry
	secure bool // it came by TLS
}

type trailKey struct{}

// trailOf returns the trail of a request. Outside of one nobody reads it.
func trailOf(ctx context.Context) *trail {
	if t, ok := ctx.Value(trailKey{}).(*trail); ok {
		return t
	}
	return &trail{}
}

// Recorder records requests in the audit log.
type Recorder struct {
	Write func(audit.Entry) error
	Log   *slog.Logger
}

// requestID is the header that names a request in answers and in the audit log.
const requestID = "X-Amzn-Requestid"

// statusClientGone is recorded for a caller that left before the answer.
const statusClientGone = 499

// Record records what next answers, before the caller hears of it. Action names a request that ends
// before anything knows better; one without any action is not recorded.
func (r Recorder) Record(action func(*http.Request) string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		t := &trail{secure: req.TLS != nil}
		t.entry = audit.Entry{Time: time.Now().UTC(), Action: action(req), Source: req.RemoteAddr}
		if host, _, err := net.SplitHostPort(req.RemoteAddr); err == nil {
			t.entry.Source = host
		}
		w.Header().Set(requestID, uuid.NewString())
		answer := &answer{ResponseWriter: w, recorder: r, trail: t, request: req}
		returned := false
		defer func() {
			switch {
			case !returned:
				answer.record(http.StatusInternalServerError) // it panicked, and net/http cuts the connection
			case req.Context().Err() != nil:
				answer.record(statusClientGone)
			default:
				answer.record(http.StatusOK)
			}
		}()
		next.ServeHTTP(answer, req.WithContext(context.WithValue(req.Context(), trailKey{}, t)))
		returned = true
	})
}

// answer records its request when the status is known.
type answer struct {
	http.ResponseWriter
	recorder Recorder
	trail    *trail
	request  *http.Request
	recorded bool
}

func (a *answer) record(status int) {
	if a.recorded {
		return
	}
	a.recorded = true
	e := a.trail.entry
	e.Status, e.RequestID = status, a.Header().Get(requestID)
	if e.Action == "" || quiet(a.request) && status != http.StatusUnauthorized && status != http.StatusForbidden {
		return
	}
	if status >= http.StatusBadRequest {
		e.ErrorCode = cmp.Or(a.Header().Get("X-Amzn-Errortype"), statusCode(status))
	}
	if err := a.recorder.Write(e); err != nil {
		a.recorder.Log.Error("a call was not recorded", "request_id", e.RequestID, "action", e.Action, "error", err)
	}
}

func statusCode(status int) string {
	if status == statusClientGone {
		return "ClientLeft"
	}
	return strings.ReplaceAll(http.StatusText(status), " ", "")
}

// quiet reports whether a request reads from the registry or what Prometheus reads, or begins to speak
// with a repository of source code: of those only refusals are recorded.
func quiet(r *http.Request) bool {
	return (strings.HasPrefix(r.URL.Path, "/v2/") || strings.HasPrefix(r.URL.Path, remote.Prefix) || r.URL.Path == "/metrics") && (r.Method == http.MethodGet || r.Method == http.MethodHead)
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if status >= http.StatusOK {
		a.record(status)
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(data []byte) (int, error) {
	a.record(http.StatusOK)
	return a.ResponseWriter.Write(data)
}

// ReadFrom implements io.ReaderFrom, so that layers still go from file to connection in the kernel.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	a.record(http.StatusOK)
	return io.Copy(a.ResponseWriter, r)
}

// Flush implements http.Flusher.
func (a *answer) Flush() {
	a.record(http.StatusOK)
	_ = http.NewResponseController(a.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// APIAction names a call of the AWS APIs by its target.
func APIAction(r *http.Request) string {
	if operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AppRunner."); ok {
		return "apprunner:" + operation
	}
	return cmp.Or(r.Header.Get("X-Amz-Target"), r.Method+" "+r.URL.Path)
}

// AdminAction names a request of Slipway's own API by its path.
func AdminAction(r *http.Request) string { return r.Method + " " + r.URL.Path }

// NoAction records only what the guard was asked about.
func NoAction(*http.Request) string { return "" }
