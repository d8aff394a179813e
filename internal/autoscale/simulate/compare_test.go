package simulate

import (
	"flag"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/scaling.md and docs/scaling.svg again")

const (
	page    = "../../../docs/scaling.md"
	picture = "../../../docs/scaling.svg"
)

var compared = sync.OnceValue(compare)

// What docs/scaling.md claims.
func TestClaims(t *testing.T) {
	t.Parallel()
	var knative, slipway float64
	for _, c := range compared() {
		k, s := c.knative, c.slipway
		if s.refused > k.refused {
			t.Errorf("%s: %d requests were refused, with Knative's policy %d", c.trace.name, s.refused, k.refused)
		}
		for _, share := range []float64{0.5, 0.9, 0.99, 0.999} {
			if s.wait(share) > k.wait(share) {
				t.Errorf("%s: %g of requests wait up to %s, with Knative's policy %s", c.trace.name, share, s.wait(share), k.wait(share))
			}
		}
		if s.instanceSeconds > 1.2*k.instanceSeconds {
			t.Errorf("%s: %.0f instance-seconds, more than a fifth beyond the %.0f of Knative's policy", c.trace.name, s.instanceSeconds, k.instanceSeconds)
		}
		knative, slipway = knative+k.instanceSeconds, slipway+s.instanceSeconds
	}
	if slipway > knative {
		t.Errorf("on all traces together %.0f instance-seconds, with Knative's policy %.0f", slipway, knative)
	}
}

// The same trace with the same seed comes out the same.
func TestRunsRepeat(t *testing.T) {
	t.Parallel()
	a, b := run(traces()[0], newSlipway(), 5), run(traces()[0], newSlipway(), 5)
	if a.requests != b.requests || a.instanceSeconds != b.instanceSeconds || a.wait(0.999) != b.wait(0.999) {
		t.Error("two runs of the same differ")
	}
}

// No request is lost or made in a run.
func TestRunsCountEveryRequest(t *testing.T) {
	t.Parallel()
	for _, c := range compared() {
		for _, r := range []result{c.knative, c.slipway} {
			if left := r.requests - len(r.waits) - r.refused; left < 0 || left > rounds*maxSize*maxConcurrency {
				t.Errorf("%s: of %d requests %d were served and %d refused", c.trace.name, r.requests, len(r.waits), r.refused)
			}
		}
	}
}

func TestDocs(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	begin, rest, ok := strings.Cut(string(data), "<!-- simulations -->\n")
	old, end, closed := strings.Cut(rest, "<!-- end of simulations -->")
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", page)
	}
	drawn, err := os.ReadFile(picture)
	if *update {
		err = os.WriteFile(picture, []byte(draw(compared())), 0o644)
		if err == nil {
			err = os.WriteFile(page, []byte(begin+"<!-- simulations -->\n"+table(compared())+"<!-- end of simulations -->"+end), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if err != nil || !close(old, table(compared())) || !close(string(drawn), draw(compared())) {
		t.Errorf("the simulations come out otherwise than docs/scaling.md says (%v). Run: go test ./internal/autoscale/simulate -update", err)
	}
}

// close reports whether two texts are the same, but for numbers that are a little apart: processors
// round differently.
func close(a, b string) bool {
	as, bs := strings.FieldsFunc(a, separates), strings.FieldsFunc(b, separates)
	if len(as) != len(bs) {
		return false
	}
	for i := range as {
		x, errX := strconv.ParseFloat(as[i], 64)
		y, errY := strconv.ParseFloat(bs[i], 64)
		if as[i] != bs[i] && (errX != nil || errY != nil || math.Abs(x-y) > 3+0.05*math.Abs(x)) {
			return false
		}
	}
	return true
}

func separates(r rune) bool { return strings.ContainsRune(" ,|\n\"", r) }
