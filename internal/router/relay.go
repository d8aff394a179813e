package router

import (
	"errors"
	"io"
	"time"

	"github.com/slipway-run/slipway/internal/router/http1"
)

// copyLimit is how long a piece of a body may be that is copied behind what is to be written, to spare a
// system call.
const copyLimit = 8 << 10

// relay hands a response on, piece by piece as it comes. It reports whether the instance's connection can
// be used again.
func (c *conn) relay(u *upstream) (again bool, err error) {
	r, v := &c.response, &c.visit
	v.status, v.answered = r.Status, true
	v.timing.app = time.Since(v.timing.asked)
	chunked := r.Framing == http1.Chunked || r.Framing == http1.UntilClose
	if chunked && c.request.Minor == 0 {
		chunked, v.keep = false, false // the end of the connection is that of the body
	}
	if c.withheld() {
		v.keep = false // its body may follow or not
	}
	c.out = appendResponse(c.out[:0], r, chunked)
	c.out = v.appendOwn(c.out, r, c.secure)
	c.out = append(appendConnection(c.out, v.keep, c.request.Minor), crlf...)
	u.in.Skip(v.answer)
	if err := c.relayBody(u, chunked); err != nil {
		return false, err
	}
	return r.KeepAlive && len(u.in.Buffered()) == 0 && (v.whole || v.upload != nil && v.upload.sent()), nil
}

func (c *conn) relayBody(u *upstream, chunked bool) error {
	r := &c.response
	u.body.Reset(r.Framing, r.Length, false)
	for {
		piece, err := u.body.Next(&u.in)
		if c.visit.out += int64(len(piece)); len(piece) > 0 {
			if err := c.emit(piece, chunked); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			if chunked {
				c.out = appendLast(c.out, u.body.Trailer)
			}
			return c.flush()
		case err != nil:
			return err
		case len(piece) > 0:
			continue
		}
		if err := c.flush(); err != nil { // nothing is kept while the instance is silent
			return err
		}
		if err := u.in.Fill(); err != nil {
			if err = u.body.Ended(err); err != nil {
				return err
			}
		}
	}
}

// emit writes a piece of the body, or puts it behind what is to be written.
func (c *conn) emit(piece []byte, chunked bool) error {
	if chunked {
		c.out = appendChunkSize(c.out, len(piece))
	}
	if len(piece) > copyLimit || len(c.out) > copyLimit {
		if err := c.writeThrough(piece); err != nil {
			return err
		}
	} else {
		c.out = append(c.out, piece...)
	}
	if chunked {
		c.out = append(c.out, '\r', '\n')
	}
	return nil
}

// writeThrough writes what is to be written and then piece.
func (c *conn) writeThrough(piece []byte) error {
	if err := c.flush(); err != nil {
		return err
	}
	if _, err := c.nc.Write(piece); err != nil {
		return &leftError{err}
	}
	return nil
}

// tear ends a response that is not whole. Where only the end of the connection tells the end of the body,
// the client has to see a broken connection.
func (c *conn) tear() {
	if tcp, ok := c.socket.(interface{ SetLinger(sec int) error }); ok && c.request.Minor == 0 {
		_ = tcp.SetLinger(0)
		_ = c.socket.Close()
	}
}
