package router

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"
)

const (
	// An instance that refused a connection gets none for this long, doubling up to the most.
	suspectFirst = 50 * time.Millisecond
	suspectMost  = 2 * time.Second

	// connectTimeout is long for a network that is one bridge away.
	connectTimeout = 3 * time.Second
	// idleConnection is shorter than the keep-alive of common application servers (gunicorn: 2 s,
	// Node.js and uvicorn: 5 s). Whoever closes first avoids the race in which a request is sent
	// into a connection that the other side just gave up.
	idleConnection = 1500 * time.Millisecond
	// expectContinue is how long an instance may think about "Expect: 100-continue".
	expectContinue = time.Second
	maxHeaderBytes = 1 << 20
)

// instance is an Instance in the table. What comes after its connections is guarded by its gate. It has
// connections of its own, so that they end with it.
type instance struct {
	id        string
	address   netip.AddrPort
	dial      Dial
	pool      pool            // for HTTP/1.1
	transport *http.Transport // for what net/http serves
	h2c       *http.Transport // likewise, if the application speaks HTTP/2

	healthy  bool
	suspect  bool // refused a connection just now
	failures int  // refused connections in a row
	canary   bool // gets a share of the requests only
	limit    int  // requests in flight; 0 for that of the gate
	leases   leaseList
	quiet    time.Time     // since when it has no request, while it has none
	asleep   bool          // gets no request before it is awake
	waking   bool          // is asleep, and was told to wake
	gone     chan struct{} // set when it left the rotation, closed after its last request
	tally    tally
	meter    meter
}

// Dial connects to an instance.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

func newInstance(in Instance, dial Dial) *instance {
	return &instance{
		id:        in.ID,
		address:   in.Address,
		healthy:   in.Healthy,
		quiet:     time.Now(),
		asleep:    in.Asleep,
		meter:     newMeter(),
		dial:      dial,
		transport: newTransport(dial, false),
		h2c:       newTransport(dial, true),
	}
}

func newTransport(dial Dial, h2c bool) *http.Transport {
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, &connectError{err}
			}
			return conn, nil
		},
		MaxIdleConnsPerHost:    1024, // never more than MaxConcurrency are open
		IdleConnTimeout:        idleConnection,
		ExpectContinueTimeout:  expectContinue,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // the client and the application agree on it
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP1(!h2c)
	t.Protocols.SetUnencryptedHTTP2(h2c)
	return t
}

// transportFor is the transport that speaks what the application does.
func (in *instance) transportFor(route *Route) *http.Transport {
	if route.H2C {
		return in.h2c
	}
	return in.transport
}

func (in *instance) ready() bool { return in.healthy && !in.suspect }

func (in *instance) count(o outcome) {
	if o.answered {
		in.failures, in.suspect = 0, false
	}
	in.tally.add(o)
}
