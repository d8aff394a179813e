package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
)

// TestPrinterRepeatsNothing reads a log again that has grown meanwhile.
func TestPrinterRepeatsNothing(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	a, b := "instance/aaaaaaaaaa", "instance/bbbbbbbbbb"
	first := []admin.Line{{Time: at(1), Stream: a, Text: "a1"}, {Time: at(2), Stream: a, Text: "same"}, {Time: at(2), Stream: a, Text: "same"}, {Time: at(5), Stream: b, Text: "b5"}}
	second := append(first, admin.Line{Time: at(2), Stream: a, Text: "same"}, admin.Line{Time: at(4), Stream: a, Text: "late"}, admin.Line{Time: at(3), Stream: a, Text: "clock went back"})
	var out bytes.Buffer
	p := &logPrinter{out: &out, seen: map[string]place{}}
	for _, lines := range [][]admin.Line{first, second, second[:2]} {
		p.rewind()
		for _, line := range lines {
			if err := p.print(line); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		_, text, _ := strings.Cut(strings.TrimSpace(line), "] ")
		got = append(got, text)
	}
	want := "a1,same,same,b5,same,late,clock went back"
	if strings.Join(got, ",") != want {
		t.Errorf("printed %s, want %s", strings.Join(got, ","), want)
	}
}
