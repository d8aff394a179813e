package ship

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Syslog sends lines to a syslog server, in the format of RFC 5424: over UDP, a message a datagram (RFC
// 5426), or over TCP or TLS, with the length before each (RFC 5425, RFC 6587).
//
// A syslog server acknowledges nothing: what is on its way when a connection breaks is lost.
type Syslog struct {
	Network string // udp, tcp or tls
	Address string // host:port
	TLS     *tls.Config
	Host    string // of this machine, as messages have it

	conn net.Conn
	gone chan struct{} // closed when the server has ended the connection; nil for UDP
}

const (
	priority    = 16*8 + 6 // facility local0, severity informational
	maxDatagram = 2048     // bytes that every receiver over UDP should take
	writeTime   = 10 * time.Second
)

// Send implements Sink. When it fails, all of the lines are sent again.
func (s *Syslog) Send(ctx context.Context, lines []Line) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeTime))
	var stream bytes.Buffer
	for _, line := range lines {
		message := s.message(line)
		if s.Network != "udp" {
			stream.WriteString(strconv.Itoa(len(message)) + " ")
			stream.Write(message)
			continue
		}
		if _, err := s.conn.Write(message[:min(len(message), maxDatagram)]); err != nil {
			return s.broken(err)
		}
	}
	if stream.Len() == 0 {
		return nil // over UDP an empty message would be one more
	}
	if _, err := s.conn.Write(stream.Bytes()); err != nil {
		return s.broken(err)
	}
	return nil
}

// Close implements Sink.
func (s *Syslog) Close() error {
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	if s.gone != nil {
		<-s.gone
	}
	s.conn = nil
	return err
}

// connect opens a connection unless there is one that the server has not ended.
func (s *Syslog) connect(ctx context.Context) error {
	if s.conn != nil {
		select {
		case <-s.gone:
			_ = s.Close()
		default:
			return nil
		}
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", s.Address, err)
	}
	s.conn, s.gone = conn, nil
	if s.Network == "udp" {
		return nil
	}
	gone := make(chan struct{})
	s.gone = gone
	go func() { // ends with the connection, on which nothing comes back
		_, _ = io.Copy(io.Discard, conn)
		close(gone)
	}()
	return nil
}

func (s *Syslog) dial(ctx context.Context) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: writeTime}
	if s.Network == "tls" {
		return (&tls.Dialer{NetDialer: dialer, Config: s.TLS}).DialContext(ctx, "tcp", s.Address)
	}
	return dialer.DialContext(ctx, s.Network, s.Address)
}

func (s *Syslog) broken(err error) error {
	return errors.Join(fmt.Errorf("write to %s: %w", s.Address, err), s.Close())
}

// message is a line as RFC 5424 has it: the application is the service, the process the instance or the
// operation, the kind of message the kind of log.
func (s *Syslog) message(line Line) []byte {
	process := line.Stream.Name
	if at := strings.LastIndexByte(process, '/'); at >= 0 {
		process = process[at+1:]
	}
	return fmt.Appendf(nil, "<%d>1 %s %s %s %s %s [origin software=\"Slipway\"] %s", priority,
		line.Time.UTC().Format("2006-01-02T15:04:05.000Z"), word(s.Host, 255), word(line.Stream.Service, 48), word(process, 128), word(line.Stream.Kind, 32), line.Text)
}

// word is a field of a header: visible ASCII, "-" for none.
func word(text string, longest int) string {
	text = strings.Map(func(c rune) rune {
		if c < '!' || c > '~' {
			return -1
		}
		return c
	}, text)
	if text == "" {
		return "-"
	}
	return text[:min(len(text), longest)]
}
