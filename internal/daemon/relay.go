package daemon

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// relayTimeout is how long the collector of traces may take to take a connection.
const relayTimeout = 10 * time.Second

// relay connects an instance with an address outside, until both have ended or ctx ends.
func (d *Daemon) relay(ctx context.Context, id string, inside net.Conn, address string) {
	defer inside.Close()
	outside, err := (&net.Dialer{Timeout: relayTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		d.log.Warn("a connection was not forwarded", "instance", id, "to", address, "error", err)
		return
	}
	defer outside.Close()
	stop := context.AfterFunc(ctx, func() { _ = inside.Close(); _ = outside.Close() })
	defer stop()
	exchange(inside, outside)
}

// exchange copies in both directions until both have ended. The end of one is passed on as such.
func exchange(a, b net.Conn) {
	var wg sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		wg.Go(func() {
			from, to := way[0], way[1]
			_, err := io.Copy(to, from)
			if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
				_ = half.CloseWrite()
				return
			}
			_, _ = from.Close(), to.Close()
		})
	}
	wg.Wait()
}
