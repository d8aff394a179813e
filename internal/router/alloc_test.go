package router

import (
	"bytes"
	"net"
	"runtime"
	"testing"

	"github.com/slipway-run/slipway/internal/router/accesslog"
)

// TestRequestsAllocateNothing counts what all of the process allocates while requests go through the
// router, from a client and to an instance that allocate nothing themselves, and are logged.
func TestRequestsAllocateNothing(t *testing.T) {
	onlyServer(t)
	log := accesslog.New(nowhere{}, accesslog.Options{Lines: 1 << 30})
	defer log.Close()
	f := newFixture(t, Options{Access: log, Tracing: &Tracing{}}, Route{State: Serving}) // of which no request is told
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	response := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 5\r\n\r\nhello")
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for request := make([]byte, 4096); ; {
			n, err := conn.Read(request)
			if err != nil || !bytes.HasSuffix(request[:n], []byte("\r\n\r\nbody")) {
				return
			}
			_, _ = conn.Write(response)
		}
	}()
	f.add("a", l.Addr().(*net.TCPAddr).AddrPort())
	conn := f.connect()
	request := []byte("POST /path?query HTTP/1.1\r\nHost: " + testHost + "\r\nUser-Agent: test\r\nAccept: */*\r\nContent-Length: 4\r\n\r\nbody")
	answer := make([]byte, 1024)
	ask := func(times int) {
		for range times {
			if _, err := conn.Write(request); err != nil {
				t.Fatal(err)
			}
			for n := 0; !bytes.HasSuffix(answer[:n], []byte("\r\n\r\nhello")); {
				m, err := conn.Read(answer[n:])
				if n += m; err != nil {
					t.Fatalf("got %q, %v", answer[:n], err)
				}
			}
		}
	}
	ask(100)
	const times = 2000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ask(times)
	runtime.ReadMemStats(&after)
	if each := float64(after.Mallocs-before.Mallocs) / times; each > 0.1 {
		t.Errorf("a request allocates %.2f times", each)
	}
}

// nowhere keeps no lines.
type nowhere struct{}

func (nowhere) Keep(string, string, []byte) error { return nil }
