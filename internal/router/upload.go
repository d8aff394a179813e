package router

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/router/http1"
)

// uploadGrace is how long the rest of a body is awaited after its response: a response often overtakes
// the end of the body by a moment.
const uploadGrace = 500 * time.Millisecond

// upload sends the part of a request's body that did not come with its head, in a goroutine of its own:
// the response may come before it has ended.
type upload struct {
	in   http1.Stream
	body http1.Body
	out  []byte
	done chan struct{}
	err  error // set before done is closed
	n    int64 // bytes of the body so far, likewise
}

// uploads keeps what uploads need, which is much.
var uploads = sync.Pool{New: func() any {
	return &upload{in: http1.Stream{Buf: make([]byte, 32<<10)}, out: make([]byte, 0, 32<<10)}
}}

// beginUpload goes on with what is buffered of the body.
func (c *conn) beginUpload(u *upstream) {
	up, _ := uploads.Get().(*upload)
	up.in = http1.Stream{From: c.nc, Buf: up.in.Buf}
	up.body.Reset(c.request.Framing, c.request.Length, true)
	up.done, up.err, up.n = make(chan struct{}), nil, 0
	up.in.Put(c.in.Cut(c.visit.head))
	c.visit.upload = up
	chunked := c.request.Framing == http1.Chunked
	go func() {
		defer close(up.done)
		up.err = up.copy(u, chunked)
		if _, ok := errors.AsType[*clientError](up.err); ok {
			c.mu.Lock()
			c.interruptLocked(up.err)
			c.mu.Unlock()
		}
	}()
}

// copy sends the body. Errors of the client are of type *clientError; others are of the instance, which
// may still answer.
func (up *upload) copy(u *upstream, chunked bool) error {
	for {
		piece, err := up.body.Next(&up.in)
		up.n += int64(len(piece))
		end := errors.Is(err, io.EOF)
		switch {
		case err != nil && !end:
			return &clientError{err}
		case len(piece) > 0 || end:
			if err := up.write(u, piece, chunked, end); err != nil || end {
				return err
			}
		default:
			if err := up.in.Fill(); err != nil {
				return &clientError{up.body.Ended(err)}
			}
		}
	}
}

// write sends a piece of the body, and what ends it.
func (up *upload) write(u *upstream, piece []byte, chunked, end bool) error {
	if !chunked {
		_, err := u.conn.Write(piece)
		return err
	}
	up.out = up.out[:0]
	if len(piece) > 0 {
		up.out = append(append(appendChunkSize(up.out, len(piece)), piece...), crlf...)
	}
	if end {
		up.out = appendLast(up.out, up.body.Trailer)
	}
	_, err := u.conn.Write(up.out)
	return err
}

// sent reports whether the whole body was sent.
func (up *upload) sent() bool {
	select {
	case <-up.done:
		return up.err == nil
	default:
	}
	select {
	case <-up.done:
		return up.err == nil
	case <-time.After(uploadGrace):
		return false
	}
}

// end waits for the goroutine, which does not hold the connection up if it is not done: then no other
// request can follow. It reports whether one can.
func (up *upload) end(c *conn) bool {
	if up.sent() {
		return true
	}
	c.mu.Lock()
	c.hurried = true
	_ = c.nc.SetReadDeadline(past)
	c.mu.Unlock()
	<-up.done
	return false
}

// rest is what came after the body.
func (up *upload) rest() []byte { return up.in.Buffered() }

func (up *upload) free() {
	up.in.From = nil
	uploads.Put(up)
}
