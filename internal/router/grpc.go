package router

import (
	"net/http"
	"strings"
)

// isGRPC tells by its content type whether a request is a call of gRPC.
func isGRPC(kind string) bool {
	rest, ok := strings.CutPrefix(kind, "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// writeGRPC answers a call with a status of gRPC, which its client shows; of a page of HTTP it would make
// "unexpected HTTP status code".
func (p page) writeGRPC(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", p.grpcStatus())
	h.Set("Grpc-Message", percentEncoded(p.Title+": "+p.Text))
	w.WriteHeader(http.StatusOK)
}

// grpcStatus is the status that stands for that of HTTP (gRPC's "HTTP to gRPC Status Code Mapping"), and
// for time limits the one that calls have themselves.
func (p page) grpcStatus() string {
	switch p.Status {
	case http.StatusBadRequest:
		return "13" // INTERNAL
	case http.StatusForbidden:
		return "7" // PERMISSION_DENIED
	case http.StatusNotFound, http.StatusNotImplemented:
		return "12" // UNIMPLEMENTED
	case http.StatusGatewayTimeout:
		return "4" // DEADLINE_EXCEEDED
	default:
		return "14" // UNAVAILABLE: may be tried again
	}
}

// percentEncoded writes a text as grpc-message has it.
func percentEncoded(text string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + string(digits[c>>4]) + string(digits[c&15]))
		}
	}
	return b.String()
}
