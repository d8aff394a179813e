package buildkit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinesAreAsATerminalShowsThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		pieces []string
		want   []string
	}{
		{"pieces are put together", []string{"he", "llo\nwor", "ld\n"}, []string{"hello", "world"}},
		{"a progress bar is what it was at last", []string{" 1%\r 50%\r", "100%\n"}, []string{"100%"}},
		{"line ends of Windows", []string{"one\r\ntwo\r", "\n"}, []string{"one", "two"}},
		{"colours are left out", []string{"\x1b[31mred\x1b[0m and \x1b]0;title\x07plain\n"}, []string{"red and plain"}},
		{"what steers a terminal is left out", []string{"a\x08\x07b\x1bMc\n"}, []string{"abc"}},
		{"no text", []string{"\xff\xfe\n"}, []string{"\uFFFD\uFFFD"}},
	} {
		l := &line{}
		var got []string
		for _, p := range c.pieces {
			got = append(got, l.add(p)...)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", c.reason, diff)
		}
	}
	l := &line{}
	if got := l.add(strings.Repeat("x", 10*maxLine) + "\n"); len(got) != 1 || len(got[0]) > maxLine {
		t.Errorf("a line of %d bytes was kept", len(got[0]))
	}
}
