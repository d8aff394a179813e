package buildkit

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/slipway-run/slipway/internal/build/plan"
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

// A message of BuildKit may have the last words of a step beside the beginning of the next, and what that
// has printed already: they are told in the order in which they happened.
func TestStepsAreToldOneAfterAnother(t *testing.T) {
	t.Parallel()
	var lines []string
	tr := newTranscript(func(phase plan.Phase, line string) { lines = append(lines, "["+string(phase)+"] "+line) })
	tr.steps["1"], tr.steps["2"] = step{plan.PreBuild, "first"}, step{plan.Build, "second"}
	now := time.Now()
	vertex := func(id string, completed *time.Time) *client.Vertex {
		return &client.Vertex{Digest: "sha256:" + digest.Digest(id), Started: &now, Completed: completed, ProgressGroup: &pb.ProgressGroup{Id: id}}
	}
	said := func(id, text string) *client.VertexLog {
		return &client.VertexLog{Vertex: "sha256:" + digest.Digest(id), Stream: 1, Data: []byte(text), Timestamp: now}
	}
	tr.take(&client.SolveStatus{Vertexes: []*client.Vertex{vertex("1", nil)}})
	tr.take(&client.SolveStatus{
		Vertexes: []*client.Vertex{vertex("1", &now), vertex("2", nil)},
		Logs:     []*client.VertexLog{said("1", "done\n"), said("2", "at work\n")},
	})
	want := []string{"[PreBuild] $ first", "[PreBuild] done", "[Build] $ second", "[Build] at work"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
