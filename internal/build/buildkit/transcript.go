package buildkit

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/build/room"
)

const (
	maxLine  = 4 << 10 // bytes of a line; the rest is left out
	maxLines = 20_000  // of the output of commands
	maxBytes = 4 << 20 // of the output of commands
	lastKept = 50      // lines that a failure shows
)

// transcript turns BuildKit's progress into lines, and remembers what is needed to explain a failure.
type transcript struct {
	steps map[string]step // by the id of their progress; of a plan
	write func(plan.Phase, string)

	mu       sync.Mutex
	vertices map[digest.Digest]*vertex
	told     map[string]digest.Digest // step of a plan → the vertex that it was first seen as
	failed   *vertex
	current  *vertex // the command that began last
	lines    int
	bytes    int
	left     int       // lines left out
	first    *room.Use // at the begin
	free     int64     // the least
	kills    int64     // since the begin
}

// vertex is a step of BuildKit's.
type vertex struct {
	phase   plan.Phase
	command string // empty when it is no command
	told    bool
	done    bool
	again   bool // the same step, on the way to another target: it has been told
	err     string
	partial map[int]*line // by stream: what of a line has arrived
	last    []string
	logged  time.Time // of the newest piece of output
}

func newTranscript(write func(plan.Phase, string)) *transcript {
	if write == nil {
		write = func(plan.Phase, string) {}
	}
	return &transcript{steps: map[string]step{}, vertices: map[digest.Digest]*vertex{}, told: map[string]digest.Digest{}, write: write}
}

// follow reads the progress until it ends.
func (t *transcript) follow(status <-chan *client.SolveStatus) {
	for s := range status {
		t.take(s)
	}
}

func (t *transcript) take(s *client.SolveStatus) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// One message may have the last words of a step and the beginning of the next.
	rest := t.print(s.Logs, func(v *vertex) bool { return v.told || v.command == "" })
	for _, v := range s.Vertexes {
		t.begin(v)
	}
	t.print(rest, func(*vertex) bool { return true })
	for _, v := range s.Vertexes {
		t.end(v)
	}
}

// print writes the output of the steps that are due, and returns the rest.
func (t *transcript) print(logs []*client.VertexLog, due func(*vertex) bool) (rest []*client.VertexLog) {
	for _, l := range logs {
		switch v := t.vertices[l.Vertex]; {
		case v == nil || !due(v):
			rest = append(rest, l)
		case !v.again && v.fresh(l.Timestamp):
			t.output(v, l.Stream, string(l.Data))
		}
	}
	return rest
}

// fresh tells whether a piece of output is new: on the way to another target, the output of steps that
// were done before is told again.
func (v *vertex) fresh(at time.Time) bool {
	if at.Before(v.logged) || v.done && !at.After(v.logged) {
		return false
	}
	v.logged = at
	return true
}

// begin announces a command when it starts, or is found to be unchanged.
func (t *transcript) begin(v *client.Vertex) {
	known := t.vertices[v.Digest]
	if known == nil {
		known = &vertex{phase: plan.Build, partial: map[int]*line{}}
		known.phase, known.command = t.describe(v)
		known.again = t.seen(v)
		t.vertices[v.Digest] = known
	}
	if known.command == "" || known.told || known.again || v.Started == nil {
		return
	}
	known.told = true
	if v.Cached {
		known.done = true
		t.write(known.phase, firstLine(known.command)+" (unchanged since an earlier build)")
		return
	}
	t.current = known
	t.write(known.phase, "$ "+firstLine(known.command))
}

// seen tells whether a step of a plan has been told as another vertex.
func (t *transcript) seen(v *client.Vertex) bool {
	if v.ProgressGroup == nil {
		return false
	}
	first, ok := t.told[v.ProgressGroup.Id]
	if !ok {
		t.told[v.ProgressGroup.Id] = v.Digest
	}
	return ok && first != v.Digest
}

// runStep is how BuildKit's front end names the commands of a Dockerfile: "[stage 2/5] RUN make".
var runStep = regexp.MustCompile(`^\[[^\]]*\] (RUN|COPY|ADD) (.*)$`)

func (t *transcript) describe(v *client.Vertex) (plan.Phase, string) {
	if v.ProgressGroup != nil {
		if s, ok := t.steps[v.ProgressGroup.Id]; ok {
			return s.phase, s.script
		}
	}
	if m := runStep.FindStringSubmatch(v.Name); m != nil {
		return plan.Build, m[1] + " " + m[2]
	}
	return plan.Build, ""
}

func (t *transcript) end(v *client.Vertex) {
	known := t.vertices[v.Digest]
	if v.Completed == nil || known.done {
		return
	}
	known.done = true
	for stream, rest := range known.partial {
		if rest.text.Len() > 0 {
			t.output(known, stream, "\n")
		}
	}
	// A step that ends because another failed is not the one that failed.
	known.err = v.Error
	if v.Error != "" && t.failed == nil && !strings.Contains(v.Error, "context canceled") {
		t.failed = known
	}
}

// output takes a piece of what a command prints.
func (t *transcript) output(v *vertex, stream int, text string) {
	l := v.partial[stream]
	if l == nil {
		l = &line{}
		v.partial[stream] = l
	}
	for _, whole := range l.add(text) {
		if whole == javaNotice {
			continue
		}
		if v.last = append(v.last, whole); len(v.last) > lastKept {
			v.last = v.last[1:]
		}
		t.pass(v.phase, whole)
	}
}

// pass writes a line, unless the build has printed too much already.
func (t *transcript) pass(phase plan.Phase, text string) {
	t.lines++
	t.bytes += len(text)
	if t.lines > maxLines || t.bytes > maxBytes {
		if t.left++; t.left == 1 {
			t.write(phase, fmt.Sprintf("This build has printed %d lines; further ones are left out.", t.lines-1))
		}
		return
	}
	t.write(phase, text)
}

// say writes a line of our own.
func (t *transcript) say(phase plan.Phase, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.write(phase, text)
}

// flush tells how much was left out.
func (t *transcript) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left > 0 {
		t.write(plan.Build, fmt.Sprintf("%d lines of output were left out.", t.left))
		t.left = 0
	}
}

func (t *transcript) noteUse(use room.Use) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first == nil {
		t.first, t.free = &use, use.Free
	}
	t.free, t.kills = min(t.free, use.Free), use.MemoryHits-t.first.MemoryHits
}

// line puts lines together from pieces, as a terminal would show them at last: what a carriage return
// was written over is gone.
type line struct {
	text   strings.Builder
	hidden bool // a carriage return has come; the next character begins again
}

func (l *line) add(piece string) (whole []string) {
	for _, c := range piece {
		switch {
		case c == '\n':
			whole = append(whole, plain(l.text.String()))
			l.text.Reset()
			l.hidden = false
		case c == '\r':
			l.hidden = true
		default:
			if l.hidden {
				l.text.Reset()
				l.hidden = false
			}
			if l.text.Len() < maxLine {
				l.text.WriteRune(c)
			}
		}
	}
	return whole
}

// escapes are what terminals take as commands: a log must not steer the terminal of who reads it.
var escapes = regexp.MustCompile(`\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\^_])`)

func plain(text string) string {
	text = escapes.ReplaceAllString(text, "")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
