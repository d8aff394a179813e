package handover_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/handover"
)

// deep is a directory whose path is longer than that of a socket may be.
func deep(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// pair is both ends of a connection.
func pair(t *testing.T) (here, there *handover.Conn) {
	t.Helper()
	dir := deep(t)
	l, err := handover.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if here, err = handover.Dial(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if there, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	return here, there
}

func TestMessages(t *testing.T) {
	t.Parallel()
	here, there := pair(t)
	type body struct{ Text string }
	for _, text := range []string{"first", strings.Repeat("x", 100<<10), ""} {
		if err := here.Send("say", body{text}); err != nil {
			t.Fatal(err)
		}
		m, files, err := there.Receive()
		var got body
		if err != nil || len(files) != 0 || m.Kind != "say" || m.Read(&got) != nil || got.Text != text {
			t.Fatalf("received %v with %d files, %v, want %q", m.Kind, len(files), err, text)
		}
	}
	if err := here.Send("say", body{strings.Repeat("x", 300<<10)}); err == nil || !strings.Contains(err.Error(), "bytes are more than") {
		t.Errorf("a message that is too long: %v", err)
	}
	if err := here.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := there.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v, want io.EOF", err)
	}
}

// A listener that is handed over and closed where it came from takes connections where it went, and those
// that came in between.
func TestListenerIsHandedOver(t *testing.T) {
	t.Parallel()
	here, there := pair(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := here.Send("take", nil, l.(*net.TCPListener)); err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("between the two: %v", err)
	}
	defer client.Close()
	_, files, err := there.Receive()
	if err != nil || len(files) != 1 {
		t.Fatalf("received %d files, %v", len(files), err)
	}
	again, err := net.FileListener(files[0])
	handover.CloseAll(files)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	accepted, err := again.Accept()
	if err != nil || accepted.RemoteAddr().String() != client.LocalAddr().String() {
		t.Fatalf("accepted %v, %v", accepted, err)
	}
	_ = accepted.Close()
}

func TestWhoListens(t *testing.T) {
	t.Parallel()
	dir := deep(t)
	if _, err := handover.Dial(t.Context(), dir); !errors.Is(err, handover.ErrNobody) {
		t.Errorf("without a socket: %v", err)
	}
	first, err := handover.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := handover.Listen(dir)
	if err != nil {
		t.Fatalf("the second listener takes the name of the first: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := handover.Dial(t.Context(), dir)
	if err != nil {
		t.Fatalf("the end of the first must not end the second: %v", err)
	}
	_ = conn.Close()
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := handover.Dial(t.Context(), dir); !errors.Is(err, handover.ErrNobody) {
		t.Errorf("with a socket that nobody has: %v", err)
	}
}
