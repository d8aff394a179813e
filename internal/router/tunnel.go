package router

import (
	"net"
	"net/http"
	"time"
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
	c.in.Buf, c.out = nil, nil
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due = time.Time{}
	if c.cause == nil {
		c.state = tunnels
	}
	return c.cause == nil
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
