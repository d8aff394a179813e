package router

import (
	"runtime"
	"testing"
	"weak"

	"github.com/slipway-run/slipway/internal/router/http1"
)

// A tunnel may last for days. It holds no buffer of the request that began it, and what is told of the request
// at its end is as it was.
func TestTunnelsHoldNoBuffers(t *testing.T) {
	t.Parallel()
	c := &conn{in: http1.Stream{Buf: make([]byte, headBuffer)}}
	c.in.Put([]byte("GET /chat?x HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"User-Agent: me\r\nX-Request-Id: mine\r\nTraceparent: " + aParent + "\r\n\r\n"))
	if err := c.request.Parse(c.in.Buffered()); err != nil {
		t.Fatal(err)
	}
	c.asked = c.request.Host
	c.visit.ids.takeFrom(c.request.Fields)
	answer := make([]byte, upstreamBuffer)
	n := copy(answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: y\r\n\r\n")
	if err := c.response.Parse(answer[:n], false); err != nil {
		t.Fatal(err)
	}
	asked, answered := weak.Make(&c.in.Buf[0]), weak.Make(&answer[0])

	c.slim()
	runtime.GC()
	if asked.Value() != nil || answered.Value() != nil {
		t.Errorf("the buffers are held: of the request %v, of the answer %v", asked.Value() != nil, answered.Value() != nil)
	}
	for what, got := range map[string][]byte{
		"GET": c.request.Method, "/chat?x": c.request.Target, "example.com": c.request.Host, "me": c.agent(),
		"mine": c.visit.ids.request, aParent: c.visit.ids.parent,
	} {
		if string(got) != what {
			t.Errorf("%q became %q", what, got)
		}
	}
	if c.protocol() != "HTTP/1.1" {
		t.Errorf("the protocol became %s", c.protocol())
	}
	runtime.KeepAlive(c)
}
