package daemon

import (
	"os/exec"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/handover"
)

// meeting is a connection of a successor, whose process lives until kill.
type meeting struct {
	successor, conn *handover.Conn
	next            process
	kill            func()
}

func newMeeting(t *testing.T) meeting {
	t.Helper()
	dir := t.TempDir()
	l, err := handover.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	m := meeting{}
	if m.successor, err = handover.Dial(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if m.conn, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if m.next, err = openProcess(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	m.kill = func() { _ = cmd.Process.Kill() } // nobody waits for it: one that has ended counts, too
	t.Cleanup(func() { m.kill(); _ = cmd.Wait(); m.next.close(); m.conn.Close(); m.successor.Close() })
	return m
}

// wait returns what is heard next, not ok when the successor counts as dead.
func wait(t *testing.T, heard chan handover.Message) (m handover.Message, ok bool) {
	t.Helper()
	select {
	case m, ok = <-heard:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing is heard, not even an end")
	}
	return m, ok
}

// A successor that still speaks when its predecessor is done listening is not dead: another process would be
// started beside it.
func TestSuccessorOutlivesItsPredecessor(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	heard, done := make(chan handover.Message), make(chan struct{})
	ended := make(chan struct{})
	go func() { listen(m.conn, m.next, heard, done); close(ended) }()
	if err := m.successor.Send(sayHurry, nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := wait(t, heard); got.Kind != sayHurry {
		t.Errorf("heard %q", got.Kind)
	}
	close(done)
	if err := m.successor.Send(sayDrain, nil); err != nil {
		t.Fatal(err)
	}
	<-ended
	select {
	case _, ok := <-heard:
		t.Errorf("the successor counts as dead: %v", !ok)
	default:
	}
}

// A successor is dead when its process is, and not when it says no more, as it does when this process hung.
func TestEndOfASuccessor(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	heard := make(chan handover.Message)
	go listen(m.conn, m.next, heard, make(chan struct{}))
	if err := m.successor.Close(); err != nil {
		t.Fatal(err)
	}
	if got, ok := wait(t, heard); !ok || got.Kind != sayServing {
		t.Errorf("of one that lives, and gave this process up: heard %q; it counts as dead: %v", got.Kind, !ok)
	}
	m.kill()
	if got, ok := wait(t, heard); ok {
		t.Errorf("a dead successor says %q", got.Kind)
	}

	m = newMeeting(t)
	heard = make(chan handover.Message)
	go listen(m.conn, m.next, heard, make(chan struct{}))
	m.kill()
	_ = m.successor.Close()
	if got, ok := wait(t, heard); ok {
		t.Errorf("one that died says %q", got.Kind)
	}
}
