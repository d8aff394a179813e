package protocol

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"

	"github.com/slipway-run/slipway/internal/router"
)

// TestHTTP2Conformance runs h2spec, strict tests included, with TLS and by prior knowledge.
func TestHTTP2Conformance(t *testing.T) {
	e := startEdge(t, router.Route{}, application(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "hello, world")
	}))
	for name, address := range map[string]string{"TLS": e.secure, "prior knowledge": e.plain} {
		_, port, _ := net.SplitHostPort(address)
		c := &config.Config{
			Host: "127.0.0.1", Path: "/", Timeout: 10 * time.Second, MaxHeaderLen: 4000,
			Strict: true, TLS: address == e.secure, Insecure: true, // the certificate is for another name
		}
		c.Port, _ = strconv.Atoi(port)
		t.Run(name, func(t *testing.T) {
			for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
				conform(t, c, group)
			}
		})
	}
}

// differ are the tests whose reading of the standard is not that of Go's server, and why that is as well.
var differ = map[string]string{
	"http2/8.1.2.2-1": "a malformed request may be answered before its stream is closed (RFC 9113, section 8.1.1), and is: 400",
	"http2/8.1.2.2-2": "likewise",
	"http2/6.5.3-1":   "a setting that is there twice ends the connection: nobody needs it but who attacks",
}

// invalidPreface is no HTTP/2 to a port that is for HTTP/1.1, too: it is answered as the latter.
const invalidPreface = "Sends invalid connection preface"

func conform(t *testing.T, c *config.Config, group *spec.TestGroup) {
	t.Helper()
	for i, test := range append(group.Tests, group.StrictTests...) {
		name := fmt.Sprintf("%s-%d", group.ID(), i+1)
		if differ[name] != "" || !c.TLS && test.Desc == invalidPreface {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := spec.Dial(c)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := test.Run(c, conn); err != nil && !errors.Is(err, spec.ErrSkipped) {
				t.Errorf("%s: %s\n%v", test.Desc, test.Requirement, err)
			}
		})
	}
	for _, g := range group.Groups {
		conform(t, c, g)
	}
}
