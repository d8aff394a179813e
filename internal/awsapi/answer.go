package awsapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

func (x *exchange) marshal(out Message) ([]byte, error) {
	body, err := x.protocol.marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return body, nil
}

// errorBody is an exception in the body of an answer. App Runner's model spells the message with a
// capital, other services do not, and clients look for one of them.
type errorBody struct {
	Type    string `json:"__type"`
	Message string `json:"Message"`
	Lower   string `json:"message"`
}

// fail notes err and returns the body that tells the caller.
func (x *exchange) fail(err error) []byte {
	wire, known := toWire(err, x.api.Invalid)
	x.status, x.code, x.err = wire.Status, wire.Code, wire
	if !known {
		x.err = err
		if x.api.Fault != "" {
			wire.Code, x.code = x.api.Fault, x.api.Fault
		}
	}
	body, err := x.protocol.marshal(errorBody{Type: wire.Code, Message: wire.Message, Lower: wire.Message})
	if err != nil {
		panic(err) // three strings always encode
	}
	return body
}

// log writes the one line of a call. It never has a body in it. The audit log has every call; here a
// call is of interest when it failed by our fault, or to whoever debugs.
func (x *exchange) log() {
	attrs := []slog.Attr{
		slog.String("request_id", x.call.RequestID),
		slog.String("access_key", x.call.Identity.AccessKeyID),
		slog.String("service", x.call.Service),
		slog.String("operation", x.call.Operation),
		slog.Int("status", x.status),
		slog.Duration("duration", time.Since(x.start)),
		slog.String("remote", x.r.RemoteAddr),
	}
	level := slog.LevelDebug
	if x.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if x.err != nil {
		attrs = append(attrs, slog.String("code", x.code), slog.Any("error", x.err))
	}
	if x.panic != "" {
		attrs = append(attrs, slog.String("panic", x.panic))
	}
	x.server.config.Logger.LogAttrs(x.r.Context(), level, "api call", attrs...)
}
