package direct

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// pair is a connection and what it is connected to.
func pair(t *testing.T) (c, peer net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if peer, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c = Wrap(accepted)
	if _, ok := c.(*Conn); !ok {
		t.Fatalf("a TCP connection became a %T", c)
	}
	t.Cleanup(func() { c.Close(); peer.Close() })
	return c, peer
}

// More than the kernel takes at once goes both ways, and the end arrives.
func TestBothWays(t *testing.T) {
	t.Parallel()
	c, peer := pair(t)
	sent := make([]byte, 20<<20)
	_, _ = rand.Read(sent)
	go func() {
		_, _ = peer.Write(sent)
		_ = peer.(*net.TCPConn).CloseWrite()
	}()
	echoed := make(chan error, 1)
	go func() {
		_, err := io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
		echoed <- errors.Join(err, c.(*Conn).CloseWrite())
	}()
	got, err := io.ReadAll(peer)
	if err := errors.Join(err, <-echoed); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came back of %d, %v", len(got), len(sent), err)
	}
}

// Failures look as net's do.
func TestFailures(t *testing.T) {
	t.Parallel()
	buffer := make([]byte, 1)
	for reason, tt := range map[string]struct {
		do   func(c, peer net.Conn) error
		want error
		op   string
	}{
		"the other side ended": {func(c, peer net.Conn) error {
			peer.Close()
			_, err := c.Read(buffer)
			return err
		}, io.EOF, ""},
		"a reset": {func(c, peer net.Conn) error {
			_ = peer.(*net.TCPConn).SetLinger(0)
			peer.Close()
			_, err := c.Read(buffer)
			return err
		}, syscall.ECONNRESET, "read"},
		"nothing in time": {func(c, _ net.Conn) error {
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			_, err := c.Read(buffer)
			return err
		}, os.ErrDeadlineExceeded, "read"},
		"nothing taken in time": {func(c, _ net.Conn) error {
			_ = c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
			_, err := c.Write(make([]byte, 64<<20))
			return err
		}, os.ErrDeadlineExceeded, "write"},
		"read when closed":  {func(c, _ net.Conn) error { c.Close(); _, err := c.Read(buffer); return err }, net.ErrClosed, "read"},
		"write when closed": {func(c, _ net.Conn) error { c.Close(); _, err := c.Write(buffer); return err }, net.ErrClosed, "write"},
		"write after its end": {func(c, _ net.Conn) error {
			_ = c.(*Conn).CloseWrite()
			_, err := c.Write(buffer)
			return err
		}, syscall.EPIPE, "write"},
	} {
		c, peer := pair(t)
		err := tt.do(c, peer)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", reason, err, tt.want)
		}
		if failed, ok := errors.AsType[*net.OpError](err); tt.op != "" && (!ok || failed.Op != tt.op) {
			t.Errorf("%s: %#v does not say what failed", reason, err)
		}
	}
}

func TestNothingToRead(t *testing.T) {
	t.Parallel()
	c, _ := pair(t)
	if n, err := c.Read(nil); n != 0 || err != nil {
		t.Errorf("reading into nothing: %d, %v", n, err)
	}
}

func TestWhatIsNotTCPStaysAsItIs(t *testing.T) {
	t.Parallel()
	c, peer := net.Pipe()
	defer peer.Close()
	defer c.Close()
	if Wrap(c) != c {
		t.Error("a pipe was wrapped")
	}
}

func TestNoAllocations(t *testing.T) {
	c, peer := pair(t)
	message, buffer := []byte("message"), make([]byte, 16)
	allocated := testing.AllocsPerRun(100, func() {
		if _, err := c.Write(message); err != nil {
			t.Fatal(err)
		}
		n, err := peer.Read(buffer)
		if err == nil {
			_, err = peer.Write(buffer[:n])
		}
		if err != nil {
			t.Fatal(err)
		}
		if n, err = c.Read(buffer); err != nil || string(buffer[:n]) != "message" {
			t.Fatal(err)
		}
	})
	if allocated != 0 {
		t.Errorf("a message both ways allocates %v times", allocated)
	}
}
