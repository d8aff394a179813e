package router

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestNothingIsLeftAfterChaos has clients leave at any point of a request, and instances break off at any
// point of a response. Afterwards no request is in flight, no connection is left, and all were counted.
func TestNothingIsLeftAfterChaos(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{QueueWait: 200 * time.Millisecond, RequestLimit: 2 * time.Second}, Route{State: Serving, MaxConcurrency: 4})
	for i := range 3 {
		f.backend(fmt.Sprint(i), func(w http.ResponseWriter, r *http.Request) {
			switch rand.IntN(6) {
			case 0:
				panic(http.ErrAbortHandler)
			case 1:
				_, _ = io.WriteString(w, strings.Repeat("part", rand.IntN(20000)))
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			case 2:
				w.WriteHeader(http.StatusForbidden) // without reading the body
			case 3:
				time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
			}
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(body)
		})
	}
	s, address, wait := startServer(t, f.router, ServerOptions{})
	body := strings.Repeat("x", 70<<10)
	messages := []string{
		"GET / HTTP/1.1\r\nHost: " + testHost + "\r\n\r\n",
		"PUT / HTTP/1.1\r\nHost: " + testHost + "\r\nContent-Length: 4\r\n\r\nbody",
		"POST / HTTP/1.1\r\nHost: " + testHost + "\r\nContent-Length: 71680\r\n\r\n" + body,
		"POST / HTTP/1.1\r\nHost: " + testHost + "\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody",
		"POST / HTTP/1.1\r\nHost: " + testHost + "\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n11800\r\n" + body + "\r\n0\r\nX: y\r\n\r\n",
	}
	var clients sync.WaitGroup
	for range 24 {
		clients.Go(func() {
			for range 10 {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Error(err)
					return
				}
				_ = conn.SetDeadline(time.Now().Add(500 * time.Millisecond))
				text := ""
				for range 1 + rand.IntN(3) {
					text += messages[rand.IntN(len(messages))]
				}
				if rand.IntN(2) == 0 {
					text = text[:rand.IntN(len(text))]
				}
				go func() { _, _ = io.WriteString(conn, text) }()
				_, _ = io.CopyN(io.Discard, conn, int64(rand.IntN(100000)))
				if rand.IntN(3) == 0 {
					closeWrite(conn)
				}
				time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
				_ = conn.Close()
			}
		})
	}
	// CopyN ends with its bytes, with the connection, or when somebody cuts it: nobody waits for a whole answer.
	stop := time.AfterFunc(30*time.Second, func() { t.Error("the clients are stuck"); _ = s.Close() })
	clients.Wait()
	stop.Stop()
	eventually(t, "every request has ended", func() bool {
		s := f.stats()
		return s.InFlight == 0 && s.Queued == 0
	})
	eventually(t, "every connection has ended", func() bool { return len(s.connections()) == 0 })
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	wait()
	t.Logf("requests: %+v", f.stats().Service.Status)
}
