package router

import (
	"net/http"
	"strconv"
	"strings"
	"time"
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

// overdue reports whether a call of gRPC has had as long as it asked for. The application ends it then, and
// so does the client, whoever is first.
func overdue(r *http.Request, began time.Time) bool {
	if !isGRPC(r.Header.Get("Content-Type")) {
		return false
	}
	limit, ok := grpcTimeout(r.Header.Get("Grpc-Timeout"))
	return ok && time.Since(began) >= limit
}

// grpcTimeout reads a number of at most eight digits and a unit, as "100m" for 100 ms.
func grpcTimeout(text string) (time.Duration, bool) {
	if len(text) < 2 || len(text) > 9 {
		return 0, false
	}
	units := map[byte]time.Duration{
		'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
	}
	unit, known := units[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	if err != nil || !known {
		return 0, false
	}
	const most = 24 * time.Hour // the longest limit that a service can have: beyond it nothing is overdue
	if time.Duration(n) > most/unit {
		return most, true
	}
	return time.Duration(n) * unit, true
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
