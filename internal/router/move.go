package router

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

const (
	moveBuffer   = 32 << 10
	secretBuffer = 4 << 10 // of a connection that cannot tell whether something comes
)

var moveBuffers = sync.Pool{New: func() any { return new([moveBuffer]byte) }}

// move copies until from ends, which is no error. While nothing comes it holds no buffer: most WebSockets
// are silent most of the time. io.Copy would have the kernel move the bytes, through a pipe for each
// direction; that is four files more for each connection, also for a silent one.
func move(to, from net.Conn) (moved int64, err error) {
	for more := mover(to, from); ; {
		n, err := more()
		if moved += int64(n); err != nil {
			return moved, ended(err)
		}
	}
}

// mover returns what waits for bytes and copies them.
func mover(to, from net.Conn) func() (int, error) {
	raw := rawOf(from)
	if raw == nil {
		buffer := make([]byte, secretBuffer)
		return func() (int, error) { return moveBy(to, from, buffer) }
	}
	return func() (int, error) {
		if err := awaitBytes(raw); err != nil {
			return 0, err
		}
		return moveSome(to, from)
	}
}

// moveSome copies what has come.
func moveSome(to, from net.Conn) (int, error) {
	buffer := moveBuffers.Get().(*[moveBuffer]byte)
	defer moveBuffers.Put(buffer)
	return moveBy(to, from, buffer[:])
}

func moveBy(to, from net.Conn, buffer []byte) (int, error) {
	n, err := from.Read(buffer)
	if n == 0 {
		return 0, err
	}
	n, failed := to.Write(buffer[:n])
	if failed != nil {
		err = failed
	}
	return n, err
}

func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// awaitBytes returns when a socket has bytes, or its end, or an error.
func awaitBytes(raw syscall.RawConn) error {
	var peeked [1]byte
	return raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), peeked[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return err != syscall.EAGAIN && err != syscall.EINTR
	})
}
