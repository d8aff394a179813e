package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/autoscale"
)

func TestPrintScaling(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.Local)
	in := autoscale.Inputs{Requests: 450, Waiting: 250, Ready: 2, MaxConcurrency: 100, MinSize: 1, MaxSize: 4}
	out := &bytes.Buffer{}
	err := printScaling(out, admin.Scaling{
		Now:       &autoscale.Record{To: 4, Reason: "The last minute needed 4 instances.", Inputs: autoscale.Inputs{Requests: 3, Ready: 4, MinSize: 1, MaxSize: 4}},
		Decisions: []autoscale.Record{{Time: at, From: 2, To: 4, Need: 5, Reason: "250 waiting, 100 per instance.", Inputs: in}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `TIME                 INSTANCES     REQUESTS          REASON
2026-11-23 12:00:00  2 → 4 (of 5)  450, 250 waiting  250 waiting, 100 per instance.
Now: 4 wanted of 1 to 4, 4 ready; 3 requests at a time. The last minute needed 4 instances.
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out, want)
	}
	for want, in := range map[string]autoscale.Inputs{
		"; 1 request at a time. ":                         {Requests: 1},
		"; 0 requests at a time. ":                        {},
		"; 450 requests at a time, 250 of them waiting. ": {Requests: 450, Waiting: 250},
	} {
		out.Reset()
		if err := printScaling(out, admin.Scaling{Now: &autoscale.Record{Inputs: in}}); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("it prints %q, %v; want %q", out, err, want)
		}
	}
	out.Reset()
	if err := printScaling(out, admin.Scaling{}); err != nil || !strings.Contains(out.String(), "serves nothing now") {
		t.Errorf("of a paused service it prints %q, %v", out, err)
	}
}
