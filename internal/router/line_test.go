package router

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A request that the kernel does not take at once arrives whole, on a connection that is busy.
func TestRequestsLargerThanTheSocketTakes(t *testing.T) {
	onlyServer(t)
	t.Parallel()
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			err = conn.(*net.TCPConn).SetWriteBuffer(1) // the least that there is
		}
		return conn, err
	}
	f := newFixture(t, Options{Dial: dial}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Header.Get("X-Long")+string(body))
	})
	for i := range 20 {
		long, body := strings.Repeat("h", 3000*(i+1)), strings.Repeat("b", 400*i)
		req := f.request(t.Context(), http.MethodGet, "/", strings.NewReader(body))
		req.Header.Set("X-Long", long)
		if res, got := f.do(req); res.StatusCode != http.StatusOK || got != long+body {
			t.Errorf("%d bytes of header and %d of body: status %d, %d bytes", len(long), len(body), res.StatusCode, len(got))
		}
	}
}

// An instance that ends a connection after an answer, without a word, is asked again on another one, be
// its end noticed before, while or after the next request is sent.
func TestInstanceThatEndsConnectionsUnasked(t *testing.T) {
	onlyServer(t)
	t.Parallel()
	f := newFixture(t, Options{}, Route{State: Serving})
	asked := 0
	connections := f.raw(func(string) string {
		if asked++; asked%3 == 0 {
			return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\x00"
		}
		return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	})
	for i := range 60 {
		began := time.Now()
		res, body := f.do(f.request(t.Context(), http.MethodGet, "/", nil))
		if res.StatusCode != http.StatusOK || body != "ok" || time.Since(began) > 5*time.Second {
			t.Fatalf("request %d: status %d, %q after %v", i, res.StatusCode, body, time.Since(began))
		}
		time.Sleep(time.Duration(i%4) * 100 * time.Microsecond)
	}
	if n := connections.Load(); n != 20 && n != 21 {
		t.Errorf("%d connections, want one for three requests", n)
	}
	if got := f.seen.failures(); len(got) != 0 {
		t.Errorf("instances %v were blamed", got)
	}
}
