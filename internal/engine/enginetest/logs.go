package enginetest

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/engine"
)

var logTests = []test{
	{"AnInstanceThatWasNeverStartedLeavesNoOutput", func(t *testing.T, s *suite) {
		spec := s.spec()
		s.prepare(t, spec)
		if err := s.Engine.Remove(t.Context(), spec.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Engine.Logs(t.Context(), spec.ID, time.Time{}, false); !engine.Is(err, engine.NotFound) {
			t.Errorf("Logs: %v, want NotFound", err)
		}
	}},
	{"OutputOfAQuickExitIsComplete", func(t *testing.T, s *suite) {
		for range 3 {
			spec := s.spec("-print", "20000", "-stderr", "the last words", "-exit", "1")
			s.start(t, spec)
			s.exited(t, spec.ID)
			lines := s.output(t, spec.ID)
			var out, err int
			for _, l := range lines {
				switch {
				case l.Stream == "stdout" && l.Text == "line":
					out++
				case l.Stream == "stderr" && l.Text == "the last words":
					err++
				default:
					t.Fatalf("unexpected line %+v", l)
				}
			}
			if out != 20000 || err != 1 {
				t.Fatalf("got %d lines of stdout and %d of stderr, want 20000 and 1", out, err)
			}
		}
	}},
	{"LongLinesAreCut", func(t *testing.T, s *suite) {
		const max = 16 << 10
		long := strings.Repeat("x", 2*max+10)
		spec := s.spec("-print", "1", "-line", long, "-exit", "0")
		s.start(t, spec)
		s.exited(t, spec.ID)
		var all strings.Builder
		for _, l := range s.output(t, spec.ID) {
			if len(l.Text) > max {
				t.Errorf("a line has %d bytes, want at most %d", len(l.Text), max)
			}
			all.WriteString(l.Text)
		}
		if all.String() != long {
			t.Errorf("pieces have %d bytes together, want the %d of the line", all.Len(), len(long))
		}
	}},
	{"LinesHaveTimes", func(t *testing.T, s *suite) {
		begin := time.Now().Add(-time.Second)
		spec := s.spec("-print", "3", "-exit", "0")
		s.start(t, spec)
		s.exited(t, spec.ID)
		for _, l := range s.output(t, spec.ID) {
			if l.Time.Before(begin) || l.Time.After(time.Now()) || !l.Time.Equal(l.Time.Truncate(time.Millisecond)) {
				t.Errorf("time of %+v is not now, to the millisecond", l)
			}
		}
	}},
	{"FollowAndSince", func(t *testing.T, s *suite) {
		spec := s.spec("-print", "1", "-line", "first")
		inst := s.serve(t, spec)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		lines, err := s.Engine.Logs(ctx, spec.ID, time.Time{}, true)
		if err != nil {
			t.Fatalf("Logs: %v", err)
		}
		first := wantLine(t, lines, "first")
		for i := range 5 {
			text := fmt.Sprintf("line %d", i)
			if _, err := get(t, inst, "/print", url.Values{"text": {text}}); err != nil {
				t.Fatal(err)
			}
			wantLine(t, lines, text)
		}
		later, err := s.Engine.Logs(t.Context(), spec.ID, first.Time, false)
		if err != nil {
			t.Fatalf("Logs: %v", err)
		}
		wantLine(t, later, "line 0")
		cancel()
		for range lines { // closes with its context
		}
	}},
	{"ScanFindsLines", func(t *testing.T, s *suite) {
		spec := s.spec("-print", "1", "-line", "first")
		inst := s.serve(t, spec)
		for _, text := range []string{"a needle", "hay", "another needle"} {
			if _, err := get(t, inst, "/print", url.Values{"text": {text}}); err != nil {
				t.Fatal(err)
			}
		}
		scan := func(r engine.LogRange) (texts []string, entries []engine.LogEntry) {
			t.Helper()
			err := s.Engine.ScanLogs(t.Context(), spec.ID, r, func(e engine.LogEntry) bool {
				texts, entries = append(texts, e.Text), append(entries, e)
				return true
			})
			if err != nil {
				t.Fatalf("ScanLogs: %v", err)
			}
			return texts, entries
		}
		var all []engine.LogEntry
		for deadline := time.Now().Add(10 * time.Second); len(all) < 4 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			_, all = scan(engine.LogRange{})
		}
		if len(all) != 4 {
			t.Fatalf("got %+v", all)
		}
		for i := range all[1:] {
			if all[i].Position >= all[i+1].Position {
				t.Errorf("positions %d and %d do not grow", all[i].Position, all[i+1].Position)
			}
		}
		for name, c := range map[string]struct {
			r    engine.LogRange
			want []string
		}{
			"a text, the newest first": {engine.LogRange{Contains: "needle", Newest: true}, []string{"another needle", "a needle"}},
			"before all":               {engine.LogRange{To: all[0].Time}, nil},
			"from the last on":         {engine.LogRange{From: all[3].Time, Contains: "another"}, []string{"another needle"}},
		} {
			if got, _ := scan(c.r); !slices.Equal(got, c.want) {
				t.Errorf("%s: got %q, want %q", name, got, c.want)
			}
		}
		parts, err := s.Engine.LogParts(t.Context(), spec.ID)
		if err != nil || len(parts) != 1 || parts[0].Bytes == 0 || !parts[0].First.Equal(all[0].Time) || parts[0].Last.Before(all[0].Time) {
			t.Errorf("LogParts: %+v, %v", parts, err)
		}
		if err := s.Engine.TrimLogs(t.Context(), spec.ID, all[0].Time); err != nil {
			t.Errorf("TrimLogs: %v", err)
		}
		if got, _ := scan(engine.LogRange{}); len(got) != 4 {
			t.Errorf("after nothing was trimmed: %q", got)
		}
		err = s.Engine.ScanLogs(t.Context(), strings.Repeat("0", 32), engine.LogRange{}, nil)
		if !engine.Is(err, engine.NotFound) {
			t.Errorf("ScanLogs of an instance that is not there: %v, want NotFound", err)
		}
	}},
	{"FollowEndsWhenTheInstanceIsRemoved", func(t *testing.T, s *suite) {
		spec := s.spec("-print", "2")
		s.serve(t, spec)
		lines, err := s.Engine.Logs(t.Context(), spec.ID, time.Time{}, true)
		if err != nil {
			t.Fatalf("Logs: %v", err)
		}
		if err := s.Engine.Remove(t.Context(), spec.ID); err != nil {
			t.Fatalf("Remove: %v", err)
		}
		n := 0
		for range lines {
			n++
		}
		if n != 2 {
			t.Errorf("got %d lines, want 2", n)
		}
	}},
	{"OutputOutlivesTheInstanceUntilForgotten", func(t *testing.T, s *suite) {
		spec := s.spec("-print", "2", "-exit", "0")
		s.start(t, spec)
		s.exited(t, spec.ID)
		if err := s.Engine.Remove(t.Context(), spec.ID); err != nil {
			t.Fatalf("Remove: %v", err)
		}
		if n := len(s.output(t, spec.ID)); n != 2 {
			t.Errorf("got %d lines after Remove, want 2", n)
		}
		for range 2 {
			if err := s.Engine.ForgetLogs(t.Context(), spec.ID); err != nil {
				t.Errorf("ForgetLogs: %v", err)
			}
		}
		if _, err := s.Engine.Logs(t.Context(), spec.ID, time.Time{}, false); !engine.Is(err, engine.NotFound) {
			t.Errorf("Logs after ForgetLogs: %v, want NotFound", err)
		}
	}},
}

func wantLine(t *testing.T, lines <-chan engine.Line, text string) engine.Line {
	t.Helper()
	select {
	case l, ok := <-lines:
		if !ok || l.Text != text {
			t.Fatalf("next line is %+v (open: %t), want %q", l, ok, text)
		}
		return l
	case <-time.After(patience):
		t.Fatalf("no line, want %q", text)
	}
	return engine.Line{}
}
