package daemon

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/handover"
)

// A successor that still speaks when its predecessor is done listening is not dead: another process would be
// started beside it.
func TestSuccessorOutlivesItsPredecessor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := handover.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	successor, err := handover.Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heard, done := make(chan handover.Message), make(chan struct{})
	ended := make(chan struct{})
	go func() { listen(conn, heard, done); close(ended) }()
	if err := successor.Send(sayHurry, nil); err != nil {
		t.Fatal(err)
	}
	if m := <-heard; m.Kind != sayHurry {
		t.Errorf("heard %q", m.Kind)
	}
	close(done)
	if err := successor.Send(sayDrain, nil); err != nil {
		t.Fatal(err)
	}
	<-ended
	select {
	case _, ok := <-heard:
		t.Errorf("the successor counts as dead: %v", !ok)
	default:
	}
	// Its end does count.
	heard = make(chan handover.Message)
	go listen(conn, heard, make(chan struct{}))
	if err := successor.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case _, ok := <-heard:
		if ok {
			t.Error("a successor that is dead speaks")
		}
	case <-time.After(10 * time.Second):
		t.Error("the end of the successor is not noticed")
	}
}
