package daemon

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// unusedTime is how long a connection may have no request when the daemon ends.
const unusedTime = 200 * time.Millisecond

// unusedConns are the connections of a server that never had a request. Clients open them ahead, and
// the end of a server would wait five seconds for each of them, with its address closed.
type unusedConns struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
}

// track is a server's ConnState.
func (u *unusedConns) track(c net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if state != http.StateNew {
		delete(u.conns, c)
		return
	}
	if u.conns == nil {
		u.conns = map[net.Conn]bool{}
	}
	u.conns[c] = true
}

func (u *unusedConns) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		_ = c.Close()
	}
}
