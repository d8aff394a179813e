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

// An instance may end its own side of a connection alone, and go on to take what is sent.
func TestInstanceThatEndsItsSide(t *testing.T) {
	onlyServer(t)
	t.Parallel()
	f := newFixture(t, Options{}, Route{State: Serving})
	connections := f.raw(func(string) string { return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\x01" })
	const requests = 4
	for i := range requests {
		began := time.Now()
		res, body := f.do(f.request(t.Context(), http.MethodGet, "/", nil))
		if res.StatusCode != http.StatusOK || body != "ok" || time.Since(began) > 10*time.Second {
			t.Fatalf("request %d: status %d, %q after %v", i, res.StatusCode, body, time.Since(began))
		}
		time.Sleep(2 * time.Millisecond) // the end arrives
	}
	if n := connections.Load(); n != requests {
		t.Errorf("%d connections, want %d", n, requests)
	}
}

// A long wait is interrupted to look, and goes on until there is an answer or nobody waits for it any more.
func TestLongWaits(t *testing.T) {
	onlyServer(t)
	t.Parallel()
	f := newFixture(t, Options{}, Route{State: Serving, RequestLimit: 8 * longWait})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		if took, err := time.ParseDuration(r.URL.Query().Get("took")); err == nil {
			select {
			case <-time.After(took):
			case <-r.Context().Done():
			}
		}
		_, _ = io.WriteString(w, "ok")
	})
	for _, tt := range []struct {
		took time.Duration
		want int
	}{
		{0, http.StatusOK}, {longWait / 2, http.StatusOK}, {3 * longWait, http.StatusOK}, {0, http.StatusOK}, {time.Minute, http.StatusGatewayTimeout},
	} {
		began := time.Now()
		res, _ := f.do(f.request(t.Context(), http.MethodGet, "/?took="+tt.took.String(), nil))
		if res.StatusCode != tt.want || time.Since(began) > 30*time.Second {
			t.Errorf("an answer after %v: status %d after %v, want %d", tt.took, res.StatusCode, time.Since(began), tt.want)
		}
	}
}
