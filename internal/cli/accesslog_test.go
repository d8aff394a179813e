package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
)

func TestRequestsAtATerminal(t *testing.T) {
	t.Parallel()
	const whole = `{"time":"2026-11-25T04:00:00.000Z","method":"GET","host":"a.example","path":"/x","status":200,"bytes":5,"duration_ms":1.26,"queue_ms":0.000,"instance":"0123456789","client_ip":"192.0.2.7"}`
	for line, want := range map[string]string{
		whole: "200 GET a.example/x 5 bytes in 1.3 ms for 192.0.2.7 by [01234567]",
		`{"method":"GET","host":"a","path":"/\u001b[2J","status":429,"queue_ms":20,"wake_ms":10,"client_ip":"::1","failure":"full","share":0.125,"lost":3}`: "429 GET a/[2J 0 bytes in 0.0 ms (waited 30.0 ms) for ::1: full, one of 8 such; 3 lines before it are lost",
		"{what is this": "{what is this",
	} {
		if got := requestText(line); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	for json, want := range map[bool]string{true: whole, false: "200 GET a.example/x"} {
		var out bytes.Buffer
		p := &logPrinter{out: &out, json: json, seen: map[string]place{}}
		if err := p.print(admin.Line{Time: time.Now(), Stream: requestStream, Text: whole}); err != nil || !strings.Contains(out.String(), want) || json && out.String() != whole+"\n" {
			t.Errorf("json %v: %q, %v", json, &out, err)
		}
	}
}
