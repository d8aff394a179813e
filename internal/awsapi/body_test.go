package awsapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// connection is a response writer that notes the deadlines of its connection.
type connection struct {
	http.ResponseWriter
	deadlines []time.Time
}

func (c *connection) SetReadDeadline(t time.Time) error {
	c.deadlines = append(c.deadlines, t)
	return nil
}

// A body has to arrive in time: its sender is not known before its end.
func TestBodyHasADeadline(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"a body": 10, "one that is too large": MaxBody + 1} {
		c := &connection{ResponseWriter: httptest.NewRecorder()}
		body, err := readBody(c, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", size))))
		if ok := size <= MaxBody; (err == nil) != ok || (ok && len(body) != size) {
			t.Errorf("%s: %d bytes, %v", name, len(body), err)
		}
		if len(c.deadlines) == 0 || time.Until(c.deadlines[0]) > bodyTime || time.Until(c.deadlines[0]) < bodyTime/2 {
			t.Errorf("%s: deadlines %v", name, c.deadlines)
		}
		// The connection is used again after a body that was read to its end, and closed after others.
		if again := len(c.deadlines) == 2 && c.deadlines[1].IsZero(); again != (size <= MaxBody) {
			t.Errorf("%s: deadlines %v", name, c.deadlines)
		}
	}
}
