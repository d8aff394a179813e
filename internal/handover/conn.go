// Package handover is how two processes on one machine talk while one takes the place of the other:
// messages over a socket in a directory, some with open files attached.
//
// It knows nothing of what is said. A socket of the kind SEQPACKET keeps messages apart, and its end
// tells at once that the other process is gone, however it ended.
package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Message is one thing that is said. What Kind means and what Body holds is up to those who talk.
type Message struct {
	Kind string
	Body json.RawMessage `json:",omitempty"`
}

// Read reads the body.
func (m Message) Read(into any) error {
	if err := json.Unmarshal(m.Body, into); err != nil {
		return fmt.Errorf("read message %q: %w", m.Kind, err)
	}
	return nil
}

const (
	// maxMessage is below what a socket takes at once by default (net.core.wmem_default, 208 KiB).
	maxMessage = 192 << 10
	maxFiles   = 64
	// sendTime is how long the other process may leave messages unread when its buffer is full.
	sendTime = 5 * time.Second
)

// Conn is a connection to the other process.
type Conn struct {
	socket *net.UnixConn
	send   sync.Mutex
	buffer []byte // of Receive
	rights []byte
}

func newConn(socket *net.UnixConn) *Conn {
	return &Conn{socket: socket, buffer: make([]byte, maxMessage), rights: make([]byte, syscall.CmsgSpace(maxFiles*4))}
}

// Close ends the connection.
func (c *Conn) Close() error { return c.socket.Close() }

// Send sends a message. What is attached stays open here; the other process gets files of its own that
// share everything, as after dup. Any goroutine may call it. The error wraps os.ErrDeadlineExceeded when the
// other process does not read.
func (c *Conn) Send(kind string, body any, attached ...syscall.Conn) error {
	m := Message{Kind: kind}
	var err error
	if body != nil {
		if m.Body, err = json.Marshal(body); err != nil {
			return fmt.Errorf("send message %q: %w", kind, err)
		}
	}
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("send message %q: %w", kind, err)
	}
	if len(data) > maxMessage {
		return fmt.Errorf("send message %q: its %d bytes are more than the %d that fit", kind, len(data), maxMessage)
	}
	c.send.Lock()
	defer c.send.Unlock()
	_ = c.socket.SetWriteDeadline(time.Now().Add(sendTime))
	if err := c.sendWith(data, attached, nil); err != nil {
		return fmt.Errorf("send message %q: %w", kind, err)
	}
	return nil
}

// sendWith sends data with the descriptors fds and those of more, which are held open meanwhile.
func (c *Conn) sendWith(data []byte, more []syscall.Conn, fds []int) error {
	if len(more) == 0 {
		var rights []byte
		if len(fds) > 0 {
			rights = syscall.UnixRights(fds...)
		}
		_, _, err := c.socket.WriteMsgUnix(data, rights, nil)
		return err
	}
	raw, err := more[0].SyscallConn()
	if err != nil {
		return err
	}
	// Fd of a file or a listener would make it block, for everybody who shares it.
	var inner error
	err = raw.Control(func(fd uintptr) { inner = c.sendWith(data, more[1:], append(fds, int(fd))) })
	return errors.Join(err, inner)
}

// Receive returns the next message with what is attached, which is the caller's to close. io.EOF tells that
// the other process ended or closed the connection. One goroutine at a time may call it.
func (c *Conn) Receive() (Message, []*os.File, error) {
	var m Message
	n, rights, flags, _, err := c.socket.ReadMsgUnix(c.buffer, c.rights)
	switch {
	case errors.Is(err, syscall.ECONNRESET), err == nil && n == 0:
		return m, nil, io.EOF
	case err != nil:
		return m, nil, err
	}
	files, err := filesOf(c.rights[:rights])
	if err == nil && flags&(syscall.MSG_TRUNC|syscall.MSG_CTRUNC) != 0 {
		err = errors.New("a message arrived incomplete")
	}
	if err == nil {
		err = json.Unmarshal(c.buffer[:n], &m)
	}
	if err != nil {
		CloseAll(files)
		return Message{}, nil, fmt.Errorf("receive a message: %w", err)
	}
	return m, files, nil
}

func filesOf(rights []byte) (files []*os.File, err error) {
	messages, err := syscall.ParseSocketControlMessage(rights)
	for _, m := range messages {
		fds, parse := syscall.ParseUnixRights(&m)
		err = errors.Join(err, parse)
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "handed over"))
		}
	}
	return files, err
}

// CloseAll closes files that nobody needs.
func CloseAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
