package router

import (
	"bytes"
	"net"
	"net/http"
	"time"

	"github.com/slipway-run/slipway/internal/router/http1"
)

// halfClosed is how long one direction of an upgraded connection may stay open after the other one ended.
const halfClosed = time.Minute

// tunnel carries bytes both ways after a connection was upgraded, until both sides have ended.
func (c *conn) tunnel(u *upstream) error {
	v := &c.visit
	v.status, v.answered, v.upgraded, v.keep = http.StatusSwitchingProtocols, true, true, false
	c.out = appendSwitch(c.out[:0], &c.response)
	u.in.Skip(v.answer)
	c.out = append(c.out, u.in.Buffered()...)
	if err := c.flush(); err != nil {
		return err
	}
	if _, err := u.conn.Write(c.in.Cut(v.head + len(v.body))); err != nil {
		return err
	}
	u.in.Buf = nil
	if !c.beginTunnel() {
		return nil
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		v.in = pour(u.conn.Conn, c.nc)
	}()
	v.out = pour(c.nc, u.conn.Conn)
	<-ended
	return nil
}

// beginTunnel frees the connection from limits and buffers. It reports whether the tunnel may begin.
func (c *conn) beginTunnel() bool {
	c.slim()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due = time.Time{}
	if c.cause == nil {
		c.state = tunnels
	}
	return c.cause == nil
}

// slim frees the buffers of the connection, and keeps what is told of the request when the tunnel ends: what
// was parsed lies in the buffers, and holds all of them.
func (c *conn) slim() {
	r, v := &c.request, &c.visit
	c.response = http1.Response{}
	c.request = http1.Request{
		Method: bytes.Clone(r.Method), Target: bytes.Clone(r.Target), Host: bytes.Clone(r.Host), Minor: r.Minor,
		Fields: []http1.Field{{Kind: http1.UserAgent, Value: bytes.Clone(c.agent())}},
	}
	c.asked, v.body = nil, bytes.Clone(v.body)
	v.ids.request, v.ids.parent = bytes.Clone(v.ids.request), bytes.Clone(v.ids.parent)
	c.in.Buf, c.out = nil, nil
}

// pour moves bytes until from ends, and ends to. The other direction has a while left. It returns how many
// there were.
func pour(to, from net.Conn) int64 {
	n, err := move(to, from)
	if err != nil {
		_ = from.SetDeadline(past)
		_ = to.SetDeadline(past)
		return n
	}
	closeWrite(to)
	_ = to.SetReadDeadline(time.Now().Add(halfClosed))
	return n
}
