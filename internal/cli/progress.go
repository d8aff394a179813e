package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress shows how far a deployment is: on a terminal one line for each phase, which shows its time
// and the newest line of the log while the phase lasts; elsewhere every line as it comes.
type progress struct {
	out  io.Writer
	live bool

	mu    sync.Mutex
	phase string
	begun time.Time
	text  string   // the newest line of the log
	last  []string // its last lines, for a failure
	quit  chan struct{}
	done  sync.WaitGroup
}

const (
	refresh   = 100 * time.Millisecond
	lastLines = 20
	clock     = "15:04:05.000"
)

// newProgress shows on out. Call end.
func newProgress(out io.Writer) *progress {
	p := &progress{out: out, quit: make(chan struct{})}
	f, ok := out.(*os.File)
	if p.live = ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"; p.live {
		p.done.Go(p.animate)
	}
	return p
}

func (p *progress) animate() {
	ticker := time.NewTicker(refresh)
	defer ticker.Stop()
	for {
		select {
		case <-p.quit:
			return
		case <-ticker.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// draw writes the line of the phase over what is there.
func (p *progress) draw() {
	if p.phase == "" {
		return
	}
	width := 80
	if f, ok := p.out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			width = w
		}
	}
	line := []rune(fmt.Sprintf("  %-24s %6s  %s", p.phase, took1(time.Since(p.begun)), p.text))
	fmt.Fprintf(p.out, "\r\x1b[K%s", string(line[:min(len(line), width-1)]))
}

func took1(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }

// enter begins a phase, and ends the one before. The same one again changes nothing.
func (p *progress) enter(phase string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if phase == p.phase {
		return
	}
	p.leave("✓")
	p.phase, p.begun, p.text = phase, time.Now(), ""
}

// leave ends the phase. The caller has the lock.
func (p *progress) leave(mark string) {
	switch {
	case p.phase == "":
	case p.live:
		fmt.Fprintf(p.out, "\r\x1b[K%s %-24s %6s\n", mark, p.phase, took1(time.Since(p.begun)))
	default:
		fmt.Fprintf(p.out, "%s %s: %s\n", time.Now().Format(clock), p.phase, took1(time.Since(p.begun)))
	}
	p.phase = ""
}

// line shows a line of the log.
func (p *progress) line(at time.Time, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text = printable(text)
	if !p.live {
		fmt.Fprintln(p.out, at.Local().Format(clock), text)
		return
	}
	p.text = text
	if p.last = append(p.last, text); len(p.last) > lastLines {
		p.last = p.last[1:]
	}
}

// printable takes away what could command a terminal: what a build writes is not ours.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, text)
}

// note shows a sentence that stays.
func (p *progress) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live {
		fmt.Fprint(p.out, "\r\x1b[K  ")
	}
	fmt.Fprintf(p.out, format+"\n", args...)
}

// end shows how it ended, with the last lines of the log after a failure. It can be called twice.
func (p *progress) end(ok bool) {
	p.mu.Lock()
	select {
	case <-p.quit:
		p.mu.Unlock()
		return
	default:
	}
	mark := "✓"
	if !ok {
		mark = "✗"
	}
	p.leave(mark)
	if !ok {
		for _, line := range p.last {
			fmt.Fprintln(p.out, "  |", line)
		}
	}
	close(p.quit)
	p.mu.Unlock()
	p.done.Wait()
}

// phases are the steps of an operation as people are told of them.
var phases = map[string]string{
	"resolve": "Find the source", "build": "Build", "pull": "Get the image", "provision": "Start instances",
	"route": "Switch the traffic", "drain": "End the old revision", "rollback": "Roll back",
}
