package router

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// raw makes an instance that answers each request, once its head is there, with bytes as they are. It ends
// the connection if the answer says so by a NUL at its end, and counts connections.
func (f *fixture) raw(answer func(path string) string) (connections *atomic.Int64) {
	f.t.Helper()
	connections = &atomic.Int64{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go answerRaw(conn, answer)
		}
	}()
	f.add("raw", l.Addr().(*net.TCPAddr).AddrPort())
	return connections
}

func answerRaw(conn net.Conn, answer func(path string) string) {
	defer conn.Close()
	for in := bufio.NewReader(conn); ; {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		text := answer(req.URL.Path)
		whole, ends := strings.CutSuffix(text, "\x00")
		whole, half := strings.CutSuffix(whole, "\x01")
		if _, err := io.WriteString(conn, whole); err != nil || ends {
			return
		}
		if half {
			closeWrite(conn)
			_, _ = io.Copy(io.Discard, in)
			return
		}
	}
}

// TestResponsesThatAreNone: what the instance sends is refused as a whole, or breaks off, and is never taken
// for something else; nor is what follows it on the connection.
func TestResponsesThatAreNone(t *testing.T) {
	const smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled"
	for reason, tc := range map[string]struct {
		response string
		want     int // 0: a response that breaks off
	}{
		"two lengths":           {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 502},
		"no length":             {"HTTP/1.1 200 OK\r\nContent-Length: one\r\n\r\na", 502},
		"negative length":       {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\na", 502},
		"another coding":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 502},
		"status of two digits":  {"HTTP/1.1 20 OK\r\n\r\n", 502},
		"no version":            {"200 OK\r\n\r\n", 502},
		"header with a NUL":     {"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n", 502},
		"header without colon":  {"HTTP/1.1 200 OK\r\nX\r\nContent-Length: 0\r\n\r\n", 502},
		"header that is large":  {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2<<20) + "\r\nContent-Length: 0\r\n\r\n", 502},
		"chunk without a size":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 0},
		"chunk that is longer":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n", 0},
		"chunk that overflows":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n", 0},
		"chunks without an end": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n\x00", 0},
		"body that is short":    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab\x00", 0},
	} {
		t.Run(reason, func(t *testing.T) {
			f := newFixture(t, Options{}, Route{State: Serving})
			f.raw(func(path string) string {
				if path == "/next" {
					return "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"
				}
				if strings.HasSuffix(tc.response, "\x00") {
					return tc.response
				}
				return tc.response + smuggled
			})
			res, err := f.server.Client().Do(f.request(t.Context(), http.MethodPost, "/", nil))
			var body []byte
			if err == nil {
				body, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			switch {
			case tc.want == 0 && err == nil:
				t.Errorf("%d %q looks whole", res.StatusCode, body)
			case tc.want != 0 && (err != nil || res.StatusCode != tc.want):
				t.Errorf("got %v %q, %v; want a %d", res, body, err, tc.want)
			}
			if res, got := f.get("/next"); got != "next" || res.StatusCode != 200 {
				t.Errorf("the next request got %d %q", res.StatusCode, got)
			}
		})
	}
}

// TestOddResponses are unusual and all right.
func TestOddResponses(t *testing.T) {
	for reason, tc := range map[string]struct {
		response string
		status   int
		body     string
		reused   bool // the connection to the instance
	}{
		"lines that end with LF":          {"HTTP/1.1 200 OK\nContent-Length: 2\n\nab", 200, "ab", true},
		"a length twice":                  {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", 200, "ab", true},
		"no reason":                       {"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nab", 200, "ab", true},
		"until the end of the connection": {"HTTP/1.1 200 OK\r\n\r\nab\x00", 200, "ab", false},
		"HTTP/1.0":                        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab\x00", 200, "ab", false},
		"closes":                          {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab\x00", 200, "ab", false},
		"length and chunks":               {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", 200, "ab", false},
		"chunks with extensions":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n01;a=\"b;c\"\r\na\r\n0A\r\nbcdefghijk\r\n00\r\nX: y\r\n\r\n", 200, "abcdefghijk", true},
		"304 with a length":               {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, "", true},
		"204":                             {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
		"an unknown status":               {"HTTP/1.1 299 Whatever\r\nContent-Length: 2\r\n\r\nab", 299, "ab", true},
		"hints, and then the response":    {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", 200, "ab", true},
		"100 that nobody asked for":       {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", 200, "ab", true},
	} {
		t.Run(reason, func(t *testing.T) {
			f := newFixture(t, Options{}, Route{State: Serving})
			connections := f.raw(func(string) string { return tc.response })
			for range 2 {
				res, body := f.get("/")
				if res.StatusCode != tc.status || body != tc.body {
					t.Errorf("got %d %q, want %d %q", res.StatusCode, body, tc.status, tc.body)
				}
			}
			if got := connections.Load(); (got == 1) != tc.reused && !plainHTTP { // net/http is stricter about what it keeps
				t.Errorf("%d connections for two requests; reused should be %v", got, tc.reused)
			}
		})
	}
}

// TestHintsAreNotForHTTP10, which knows no interim responses.
func TestHintsAreNotForHTTP10(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	f.raw(func(string) string {
		return "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
	})
	if got := f.ask("GET / HTTP/1.0\r\nHost: " + testHost + "\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.HasSuffix(got, "ab") {
		t.Errorf("got %q", got)
	}
}

// TestConnectionsGoOnAfterErrors sends requests over one connection of which some fail.
func TestConnectionsGoOnAfterErrors(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.raw(func(path string) string {
		switch path {
		case "/nonsense":
			return "nonsense\r\n\r\n\x00"
		case "/gone":
			return "\x00"
		case "/late": // an answer without reading the body, which http.ReadRequest had
			return "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n\x00"
		}
		return "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
	})
	conn := f.connect()
	in := bufio.NewReader(conn)
	for _, tc := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/", "", 200},
		{"POST", "/nonsense", "x", 502},
		{"GET", "/", "", 200},
		{"POST", "/gone", "x", 502},
		{"POST", "/late", "body", 413},
		{"POST", "/", "body", 200},
	} {
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", tc.method, tc.path, testHost, len(tc.body), tc.body)
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s %s: %v", tc.method, tc.path, err)
		}
		if _, err := io.ReadAll(res.Body); err != nil || res.StatusCode != tc.want {
			t.Errorf("%s %s: %d, %v; want %d", tc.method, tc.path, res.StatusCode, err, tc.want)
		}
	}
}

// TestPagesLeaveTheConnectionUsable: unknown hosts and forbidden addresses are no reason to end it.
func TestPagesLeaveTheConnectionUsable(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", reply("ok"))
	conn := f.connect()
	in := bufio.NewReader(conn)
	for host, want := range map[string]int{"nowhere.example": 404, testHost: 200} {
		for _, body := range []string{"", "body"} {
			fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", host, len(body), body)
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("%s: %v", host, err)
			}
			if _, err := io.ReadAll(res.Body); err != nil || res.StatusCode != want || res.Close {
				t.Errorf("%s: %d, closes %v, %v", host, res.StatusCode, res.Close, err)
			}
		}
	}
}

// TestTrailersThatComeTooLate say how a message is read, after it was.
func TestTrailersThatComeTooLate(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	seen := make(chan http.Header, 1)
	f.backend("a", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen <- r.Trailer
	})
	conn := f.connect()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nConnection: close\r\n\r\n"+
		"1\r\na\r\n0\r\nX-Sum: 1\r\nHost: evil\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\nX-Forwarded-For: 6.6.6.6\r\nX-Request-Id: b\r\n\r\n", testHost)
	if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		t.Fatal(err)
	}
	got := <-seen
	for name := range got {
		if name != "X-Sum" && len(got[name]) > 0 {
			t.Errorf("the trailer %s: %q came through", name, got[name])
		}
	}
	if got.Get("X-Sum") != "1" {
		t.Errorf("trailers %v", got)
	}
}

// TestSlowReaderBoundsMemory has a client that does not read its response: what the instance can send
// meanwhile is what the sockets hold.
func TestSlowReaderBoundsMemory(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	var sent atomic.Int64
	f.backend("a", func(w http.ResponseWriter, _ *http.Request) {
		for piece := make([]byte, 64<<10); sent.Load() < 1<<30; sent.Add(int64(len(piece))) {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	conn := f.connect()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", testHost)
	before := int64(-1)
	for before != sent.Load() || before == 0 { // until it stands still
		before = sent.Load()
		time.Sleep(50 * time.Millisecond)
	}
	if before > 64<<20 {
		t.Errorf("%d MiB are under way to a client that reads nothing", before>>20)
	}
	if n, err := io.CopyN(io.Discard, conn, before+1<<20); err != nil {
		t.Errorf("after %d bytes: %v", n, err)
	}
}

// TestSlowInstanceBoundsMemory is the same the other way: the instance does not read its request.
func TestSlowInstanceBoundsMemory(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	begin := make(chan struct{})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		<-begin
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})
	const whole = 96 << 20
	conn := f.connect()
	var sent atomic.Int64
	go func() {
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", testHost, whole)
		for piece := make([]byte, 64<<10); sent.Load() < whole; sent.Add(int64(len(piece))) {
			if _, err := conn.Write(piece); err != nil {
				return
			}
		}
	}()
	before := int64(-1)
	for before != sent.Load() || before == 0 {
		before = sent.Load()
		time.Sleep(50 * time.Millisecond)
	}
	if before > 64<<20 {
		t.Errorf("%d MiB are under way to an instance that reads nothing", before>>20)
	}
	close(begin)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); string(body) != fmt.Sprint(whole) {
		t.Errorf("the instance got %s bytes, want %d", body, whole)
	}
}

// TestLengthsBeyond32Bits are told, in both directions, before a byte of the body.
func TestLengthsBeyond32Bits(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	proceed := make(chan struct{})
	defer close(proceed)
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(r.ContentLength))
		w.(http.Flusher).Flush()
		<-proceed
	})
	conn := f.connect()
	const length = 5_000_000_000
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", testHost, length)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.ContentLength != length {
		t.Errorf("got %v, %v; want a length of %d", res, err, int64(length))
	}
}

// TestUpgradesThatAreRefused leave the connection to what follows, and are not mistaken for tunnels.
func TestUpgradesThatAreRefused(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = io.WriteString(w, r.URL.Path)
	})
	conn := f.connect()
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /next HTTP/1.1\r\nHost: %s\r\n\r\n", testHost, testHost)
	in := bufio.NewReader(conn)
	for _, want := range []struct {
		path   string
		status int
	}{{"/ws", 403}, {"/next", 200}} {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(res.Body); string(body) != want.path || res.StatusCode != want.status {
			t.Errorf("got %d %q, want %d %q", res.StatusCode, body, want.status, want.path)
		}
	}
}

// TestUpgradeWithABody keeps the bytes of the body apart from those of the new protocol.
func TestUpgradeWithABody(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n%s|", body)
		_, _ = io.Copy(conn, buf)
	})
	conn := f.connect()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\nbodytunnel", testHost)
	in := bufio.NewReader(conn)
	if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != 101 {
		t.Fatal(res, err)
	}
	if got, err := in.ReadString('l'); got != "body|tunnel" {
		t.Errorf("got %q, %v", got, err)
	}
}
