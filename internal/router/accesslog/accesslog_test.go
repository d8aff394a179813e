package accesslog

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// memory is a Sink.
type memory struct {
	mu    sync.Mutex
	lines map[string][]string // by service id
	err   error
}

func (m *memory) Keep(id, name string, lines []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if m.lines == nil {
		m.lines = map[string][]string{}
	}
	if name != "name of "+id {
		return errors.New("the name is that of another service")
	}
	m.lines[id] = append(m.lines[id], strings.Split(strings.TrimSuffix(string(lines), "\n"), "\n")...)
	return nil
}

func (m *memory) of(id string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lines[id]
}

func (l *Log) named(id string) *Writer { return l.Service(id, "name of "+id) }

// note logs one request that ends now, if it is one that is logged.
func note(w *Writer, status int) {
	if share := w.Share(time.Now(), status); share > 0 {
		w.Write(&Entry{End: time.Now(), Status: status}, share)
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	e := Entry{
		End: time.Date(2026, 11, 25, 5, 0, 0, 123_456_789, time.FixedZone("", 3600)), Scheme: "https", Protocol: "HTTP/1.1",
		Client: netip.MustParseAddr("192.0.2.7"), Method: []byte("GET"), Host: []byte("a.example"), Target: []byte("/p?token=secret?"),
		Agent: []byte("say \"hi\" \\ \x00\x1b\x7f\xff\xc3\xa9"), RequestID: []byte("r"), TraceID: []byte("t"), Status: 502, In: 1, Out: 2,
		Took: 1500 * time.Microsecond, Queued: time.Second, Woke: 20 * time.Millisecond, App: 7 * time.Microsecond, Instance: "i", Failure: "broke off",
	}
	const begin = `{"time":"2026-11-25T04:00:00.123Z","service":"web","method":"GET","scheme":"https","host":"a.example","path":"/p",`
	const rest = `"protocol":"HTTP/1.1","status":502,"bytes":2,"bytes_in":1,"duration_ms":1.500,"queue_ms":1000.000,"wake_ms":20.000,"app_ms":0.007,"instance":"i","client_ip":"192.0.2.7","user_agent":"say \"hi\" \\ \u0000\u001b\u007f\ufffdé","request_id":"r","trace_id":"t","failure":"broke off"`
	for want, got := range map[string][]byte{
		begin + strings.ReplaceAll(rest, `\ufffd`, "\ufffd") + "}\n":                                                          e.append(nil, "web", 1, 0, false),
		begin + `"query":"token=secret?",` + strings.ReplaceAll(rest, `\ufffd`, "\ufffd") + `,"share":0.125,"lost":3}` + "\n": e.append(nil, "web", 8, 3, true),
	} {
		if string(got) != want || !json.Valid(got) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	e.Target, e.Agent = bytes.Repeat([]byte("é"), 5000), bytes.Repeat([]byte("x"), 5000)
	if got := e.append(nil, "web", 1, 0, false); !json.Valid(got) || len(got) > 4000 {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

// FuzzLine looks for texts that make a line no JSON, or more than one line.
func FuzzLine(f *testing.F) {
	f.Add([]byte("/a?b\"\\\n"), []byte("\xff\xed\xa0\x80"), "x")
	f.Fuzz(func(t *testing.T, target, agent []byte, failure string) {
		e := Entry{Target: target, Agent: agent, Host: agent, Method: target, Failure: failure}
		got := e.append(nil, failure, 1, 0, true)
		if !json.Valid(got) || bytes.IndexByte(got, '\n') != len(got)-1 {
			t.Errorf("%q", got)
		}
	})
}

func TestLinesAreWrittenAMomentLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sink memory
		l := New(&sink, Options{})
		a, b := l.named("a"), l.named("b")
		for range 3 {
			note(a, 200)
			note(b, 200)
			synctest.Wait()
		}
		if len(sink.of("a")) != 0 {
			t.Error("a request waits for a file")
		}
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()
		if len(sink.of("a")) != 3 || len(sink.of("b")) != 3 {
			t.Errorf("got %q", sink.lines)
		}
		note(a, 200)
		synctest.Wait() // it waits for more
		l.Hurry()
		synctest.Wait()
		if len(sink.of("a")) != 4 {
			t.Errorf("in a hurry, a line waits: %q", sink.of("a"))
		}
		note(a, 200)
		synctest.Wait()
		if len(sink.of("a")) != 5 {
			t.Errorf("in a hurry, the next line waits: %q", sink.of("a"))
		}
		if err := l.Close(); err != nil || len(sink.of("a")) != 5 {
			t.Errorf("after the end: %q, %v", sink.of("a"), err)
		}
		_ = l.Close()
	})
}

// TestShares sends 10 s of load and compares with what the lines stand for.
func TestShares(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ perSecond, least, most int }{
		"few":           {100, 100, 100},
		"just all":      {999, 999, 999},
		"somewhat more": {3000, 400, 1500},
		"many":          {40_000, 400, 1500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := (&Log{options: Options{Lines: 1000}}).named("a")
				stands := 0
				for second := range 10 {
					lines := 0
					for range tc.perSecond {
						if share := w.Share(time.Now(), 200); share > 0 {
							lines, stands = lines+1, stands+share
						}
						time.Sleep(time.Second / time.Duration(tc.perSecond))
					}
					if second > 0 && (lines < tc.least || lines > tc.most) {
						t.Errorf("%d lines in second %d, want %d to %d", lines, second, tc.least, tc.most)
					}
				}
				if want := 10 * tc.perSecond; stands < want*98/100 || stands > want*102/100 {
					t.Errorf("the lines stand for %d requests, want %d", stands, want)
				}
			})
		})
	}
}

// TestFailuresAreLogged has one request of a hundred fail under load.
func TestFailuresAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := (&Log{options: Options{Lines: 1000}}).named("a")
		failed, logged := 0, 0
		for i := range 80_000 {
			status := 200
			if i%100 == 0 {
				status = 502
				failed++
			}
			if share := w.Share(time.Now(), status); status == 502 && share == 1 {
				logged++
			}
			time.Sleep(25 * time.Microsecond)
		}
		if logged != failed {
			t.Errorf("%d of %d failures are logged", logged, failed)
		}
		bound := 0
		for range 40_000 { // when all fail, they are sampled too
			if w.Share(time.Now(), 503) > 0 {
				bound++
			}
			time.Sleep(25 * time.Microsecond)
		}
		if bound > 4000 {
			t.Errorf("%d lines in a second", bound)
		}
	})
}

func TestLostLinesAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := &memory{err: errors.New("no space left on device")}
		l := New(sink, Options{Room: 1000})
		w := l.named("a")
		for range 10 {
			note(w, 200)
		}
		time.Sleep(time.Second)
		sink.mu.Lock()
		sink.err = nil
		sink.mu.Unlock()
		note(w, 200)
		_ = l.Close()
		if got := sink.of("a"); len(got) != 1 || !strings.HasSuffix(got[0], `"lost":10}`) {
			t.Errorf("got %q, want one line that counts ten", got)
		}
	})
}
