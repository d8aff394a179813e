package protocol

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"

	"github.com/slipway-run/slipway/internal/router"
)

const largest = 17 << 20 // bytes of a message

// socket is a WebSocket of either library.
type socket interface {
	// write sends a message in pieces, each of which is a frame at least.
	write(binary bool, pieces ...[]byte) error
	read() (binary bool, message []byte, err error)
	// ping returns when the pong has come. Another goroutine has to read.
	ping() error
	// end says goodbye; closed returns what the other side said, or -1 if it said nothing.
	end(code int, reason string) error
	closed(err error) (code int, reason string)
	protocol() string
	hangUp() // ends the connection without a word
}

// coderSocket is one of github.com/coder/websocket.
type coderSocket struct {
	*coder.Conn
	ctx context.Context
}

func (s coderSocket) write(binary bool, pieces ...[]byte) error {
	kind := coder.MessageText
	if binary {
		kind = coder.MessageBinary
	}
	w, err := s.Writer(s.ctx, kind)
	for _, p := range pieces {
		if err == nil {
			_, err = w.Write(p)
		}
	}
	if err != nil {
		return err
	}
	return w.Close()
}

func (s coderSocket) read() (bool, []byte, error) {
	kind, message, err := s.Read(s.ctx)
	return kind == coder.MessageBinary, message, err
}

func (s coderSocket) ping() error { return s.Ping(s.ctx) }

func (s coderSocket) end(code int, reason string) error {
	return s.Close(coder.StatusCode(code), reason)
}

func (s coderSocket) closed(err error) (int, string) {
	if e, ok := errors.AsType[coder.CloseError](err); ok {
		return int(e.Code), e.Reason
	}
	return -1, ""
}

func (s coderSocket) protocol() string { return s.Subprotocol() }

func (s coderSocket) hangUp() { _ = s.CloseNow() }

// gorillaSocket is one of github.com/gorilla/websocket.
type gorillaSocket struct {
	*gorilla.Conn
	pongs chan string
}

func newGorilla(c *gorilla.Conn) gorillaSocket {
	s := gorillaSocket{c, make(chan string, 1)}
	c.SetReadLimit(largest)
	c.SetPongHandler(func(data string) error { s.pongs <- data; return nil })
	return s
}

func (s gorillaSocket) write(binary bool, pieces ...[]byte) error {
	kind := gorilla.TextMessage
	if binary {
		kind = gorilla.BinaryMessage
	}
	w, err := s.NextWriter(kind)
	for _, p := range pieces {
		if err == nil {
			_, err = w.Write(p)
		}
	}
	if err != nil {
		return err
	}
	return w.Close()
}

func (s gorillaSocket) read() (bool, []byte, error) {
	kind, message, err := s.ReadMessage()
	return kind == gorilla.BinaryMessage, message, err
}

func (s gorillaSocket) ping() error {
	if err := s.WriteControl(gorilla.PingMessage, []byte("hello"), time.Now().Add(5*time.Second)); err != nil {
		return err
	}
	select {
	case data := <-s.pongs:
		if data != "hello" {
			return fmt.Errorf("the pong says %q", data)
		}
		return nil
	case <-time.After(5 * time.Second):
		return errors.New("there was no pong")
	}
}

func (s gorillaSocket) end(code int, reason string) error {
	if err := s.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, reason), time.Now().Add(5*time.Second)); err != nil {
		return err
	}
	_, _, err := s.ReadMessage() // the other side says it too
	if got, _ := s.closed(err); got != code {
		return fmt.Errorf("answered with %w", err)
	}
	return s.Close()
}

func (s gorillaSocket) closed(err error) (int, string) {
	if e, ok := errors.AsType[*gorilla.CloseError](err); ok {
		return e.Code, e.Text
	}
	return -1, ""
}

func (s gorillaSocket) protocol() string { return s.Subprotocol() }

func (s gorillaSocket) hangUp() { _ = s.Conn.Close() }

// library is how a WebSocket of one library comes about on each side.
type library struct {
	accept func(w http.ResponseWriter, r *http.Request) (socket, error)
	dial   func(ctx context.Context, e *edge, secure, compressed bool) (socket, error)
}

var libraries = map[string]library{
	"coder": {
		accept: func(w http.ResponseWriter, r *http.Request) (socket, error) {
			c, err := coder.Accept(w, r, &coder.AcceptOptions{
				InsecureSkipVerify: true, Subprotocols: []string{"chat"}, CompressionMode: coder.CompressionContextTakeover,
			})
			if err != nil {
				return nil, err
			}
			c.SetReadLimit(largest)
			return coderSocket{c, context.WithoutCancel(r.Context())}, nil
		},
		dial: func(ctx context.Context, e *edge, secure, compressed bool) (socket, error) {
			o := &coder.DialOptions{
				Host: host, Subprotocols: []string{"news", "chat"},
				HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: e.tls()}},
			}
			if compressed {
				o.CompressionMode = coder.CompressionContextTakeover
			}
			c, _, err := coder.Dial(ctx, e.socketURL(secure), o)
			if err != nil {
				return nil, err
			}
			c.SetReadLimit(largest)
			return coderSocket{c, ctx}, nil
		},
	},
	"gorilla": {
		accept: func(w http.ResponseWriter, r *http.Request) (socket, error) {
			u := gorilla.Upgrader{CheckOrigin: func(*http.Request) bool { return true }, Subprotocols: []string{"chat"}, EnableCompression: true}
			c, err := u.Upgrade(w, r, nil)
			if err != nil {
				return nil, err
			}
			return newGorilla(c), nil
		},
		dial: func(ctx context.Context, e *edge, secure, compressed bool) (socket, error) {
			d := gorilla.Dialer{TLSClientConfig: e.tls(), Subprotocols: []string{"news", "chat"}, EnableCompression: compressed}
			c, _, err := d.DialContext(ctx, e.socketURL(secure), http.Header{"Host": {host}})
			if err != nil {
				return nil, err
			}
			return newGorilla(c), nil
		},
	},
}

func (e *edge) socketURL(secure bool) string {
	if secure {
		return "wss://" + e.secure + "/socket"
	}
	return "ws://" + e.plain + "/socket"
}

// goodbye is how a WebSocket ended in the application.
type goodbye struct {
	code   int
	reason string
}

// echo sends back what comes, in the same kind of message, until the other side ends.
func echo(t *testing.T, l library, ended chan<- goodbye) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, err := l.accept(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		defer s.hangUp()
		for {
			binary, message, err := s.read()
			if err != nil {
				code, reason := s.closed(err)
				ended <- goodbye{code, reason}
				return
			}
			if err := s.write(binary, message); err != nil {
				return
			}
		}
	}
}

// TestWebSockets has each library on each side, over TLS and without.
func TestWebSockets(t *testing.T) {
	for theirs, server := range libraries {
		ended := make(chan goodbye, 100)
		e := startEdge(t, router.Route{}, application(t, echo(t, server, ended)))
		for name, client := range libraries {
			for _, secure := range []bool{false, true} {
				for _, compressed := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s to %s, TLS %v, compressed %v", name, theirs, secure, compressed), func(t *testing.T) {
						open := func() socket {
							ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
							t.Cleanup(cancel)
							s, err := client.dial(ctx, e, secure, compressed)
							if err != nil {
								t.Fatal(err)
							}
							if s.protocol() != "chat" {
								t.Errorf("the protocol is %q", s.protocol())
							}
							return s
						}
						for i, bye := range []goodbye{{1000, ""}, {1001, "going away"}, {3000, "é"}, {4999, strings.Repeat("x", 123)}} {
							s := open()
							if i == 0 {
								exchange(t, s, secure || compressed)
							}
							if err := s.end(bye.code, bye.reason); err != nil {
								t.Errorf("%d %q: %v", bye.code, bye.reason, err)
							}
							if got := <-ended; got != bye {
								t.Errorf("the application was told %d %q, want %d %q", got.code, got.reason, bye.code, bye.reason)
							}
						}
					})
				}
			}
		}
		eventually(t, "every WebSocket has left its instance", func() bool {
			stats, _ := e.router.Stats("svc")
			return stats.InFlight == 0
		})
	}
}

// exchange sends messages of all sizes and in pieces, and pings afterwards. Brief leaves out the largest.
func exchange(t *testing.T, s socket, brief bool) {
	t.Helper()
	random := make([]byte, 16<<20)
	_, _ = rand.Read(random)
	type message struct {
		binary bool
		pieces [][]byte
	}
	var sent []message
	for _, size := range []int{0, 1, 125, 126, 127, 65535, 65536, 65537, 1 << 20, 16 << 20} {
		if brief && size > 1<<20 {
			break
		}
		sent = append(sent, message{true, [][]byte{random[:size]}})
	}
	sent = append(sent, message{false, [][]byte{[]byte("text with é and 🚢")}},
		message{true, [][]byte{random[:10_000], random[10_000:10_001], nil, random[10_001:400_000]}})
	var writing sync.WaitGroup
	defer writing.Wait()
	defer func() {
		if t.Failed() {
			s.hangUp()
		}
	}()
	writing.Go(func() {
		for i, m := range sent {
			if err := s.write(m.binary, m.pieces...); err != nil {
				t.Errorf("message %d: %v", i, err)
				return
			}
		}
	})
	for i, m := range sent {
		h := sha256.New()
		size := 0
		for _, p := range m.pieces {
			size += len(p)
			h.Write(p)
		}
		binary, got, err := s.read()
		if sum := sha256.Sum256(got); err != nil || binary != m.binary || string(sum[:]) != string(h.Sum(nil)) {
			t.Fatalf("message %d of %d bytes: %d bytes came back, binary %v, %v", i, size, len(got), binary, err)
		}
	}
	writing.Wait()
	reading := make(chan error, 1)
	go func() { _, _, err := s.read(); reading <- err }()
	if err := s.ping(); err != nil {
		t.Error(err)
	}
	if err := s.write(false, []byte("done")); err != nil {
		t.Error(err)
	}
	if err := <-reading; err != nil {
		t.Error(err)
	}
}

// TestWebSocketWithoutAGoodbye has either side vanish: the other one is told that it did not say so.
func TestWebSocketWithoutAGoodbye(t *testing.T) {
	told := make(chan goodbye, 1)
	e := startEdge(t, router.Route{}, application(t, func(w http.ResponseWriter, r *http.Request) {
		s, err := libraries["gorilla"].accept(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		defer s.hangUp()
		if _, message, _ := s.read(); string(message) == "vanish" {
			return
		}
		_, _, err = s.read()
		code, _ := s.closed(err)
		told <- goodbye{code: code}
	}))
	for _, message := range []string{"vanish", "stay"} {
		s, err := libraries["gorilla"].dial(t.Context(), e, false, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.write(false, []byte(message)); err != nil {
			t.Fatal(err)
		}
		got := goodbye{}
		if message == "vanish" {
			_, _, err = s.read()
			got.code, _ = s.closed(err)
		} else {
			s.hangUp()
			got = <-told
		}
		if got.code != gorilla.CloseAbnormalClosure {
			t.Errorf("%s: told %d, want 1006", message, got.code)
		}
	}
}

// TestSlowReaderHoldsTheWriter has a client that does not read: what the application can send meanwhile is
// what the sockets hold, and no more gathers in between.
func TestSlowReaderHoldsTheWriter(t *testing.T) {
	const whole, piece = 256 << 20, 64 << 10
	var written atomic.Int64
	e := startEdge(t, router.Route{}, application(t, func(w http.ResponseWriter, r *http.Request) {
		s, err := libraries["gorilla"].accept(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		defer s.hangUp()
		message := make([]byte, piece)
		for written.Load() < whole && s.write(true, message) == nil {
			written.Add(piece)
		}
	}))
	s, err := libraries["gorilla"].dial(t.Context(), e, false, false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.hangUp()
	before := int64(-1)
	for before != written.Load() { // until it stands still
		before = written.Load()
		time.Sleep(100 * time.Millisecond)
	}
	if before > 64<<20 {
		t.Errorf("%d MiB are under way to a client that reads nothing", before>>20)
	}
	for read := int64(0); read < before+piece; { // and on it goes
		_, message, err := s.read()
		if err != nil {
			t.Fatal(err)
		}
		read += int64(len(message))
	}
}

// TestManyWebSockets opens some hundreds at once, and drains their instance.
func TestManyWebSockets(t *testing.T) {
	const many = 300
	ended := make(chan goodbye, many)
	l := application(t, echo(t, libraries["gorilla"], ended))
	e := startEdge(t, router.Route{MaxConcurrency: many}, l)
	var sockets [many]socket
	var opening sync.WaitGroup
	for i := range sockets {
		opening.Go(func() {
			s, err := libraries["gorilla"].dial(t.Context(), e, false, false)
			if err != nil {
				t.Error(err)
				return
			}
			sockets[i] = s
			if err := s.write(false, fmt.Append(nil, i)); err != nil {
				t.Error(err)
			}
			if _, got, err := s.read(); string(got) != fmt.Sprint(i) {
				t.Errorf("socket %d got %q, %v", i, got, err)
			}
		})
	}
	opening.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := e.router.Drain(ctx, "svc", l.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("drain: %v, want that %d WebSockets were cut", err, many)
	}
	for _, s := range sockets {
		if s == nil {
			continue
		}
		if _, _, err := s.read(); err == nil {
			t.Error("a WebSocket outlives its instance")
		}
		<-ended
	}
}

// TestHandshakesThatFail come back as they are, and leave the connection usable.
func TestHandshakesThatFail(t *testing.T) {
	e := startEdge(t, router.Route{}, application(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/socket" {
			_, _ = io.WriteString(w, "plain")
			return
		}
		w.Header().Set("Sec-WebSocket-Version", "13")
		http.Error(w, "no such version", http.StatusUpgradeRequired)
	}))
	conn, err := net.Dial("tcp", e.plain)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	d := gorilla.Dialer{NetDial: func(string, string) (net.Conn, error) { return conn, nil }}
	_, res, err := d.Dial(e.socketURL(false), http.Header{"Host": {host}})
	if !errors.Is(err, gorilla.ErrBadHandshake) || res == nil || res.StatusCode != http.StatusUpgradeRequired || res.Header.Get("Sec-WebSocket-Version") != "13" {
		t.Errorf("got %v, %v; want the application's 426", res, err)
	}
}
