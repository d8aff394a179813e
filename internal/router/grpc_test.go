package router

import (
	"net/http"
	"testing"
	"time"
)

func TestOverdue(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind, timeout string
		ago           time.Duration
		want          bool
		reason        string
	}{
		{"application/grpc", "100m", 200 * time.Millisecond, true, "its time is over"},
		{"application/grpc+proto", "1S", 2 * time.Second, true, "a unit of its own"},
		{"application/grpc", "1M", 2 * time.Second, false, "it has time left"},
		{"application/grpc", "99999999H", time.Hour, false, "more hours than a duration has"},
		{"application/grpc", "0n", 0, true, "it had no time at all"},
		{"application/grpc", "", time.Hour, false, "it asked for no limit"},
		{"application/grpc", "m", time.Hour, false, "no number"},
		{"application/grpc", "-1S", time.Hour, false, "a number that is none"},
		{"application/grpc", "10s", time.Hour, false, "an unknown unit"},
		{"application/grpc", "100000000n", time.Hour, false, "more than eight digits"},
		{"text/plain", "1n", time.Hour, false, "no call of gRPC"},
	} {
		r := &http.Request{Header: http.Header{"Content-Type": {tc.kind}, "Grpc-Timeout": {tc.timeout}}}
		if got := overdue(r, time.Now().Add(-tc.ago)); got != tc.want {
			t.Errorf("%s: overdue is %v", tc.reason, got)
		}
	}
}
