package daemon

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// unusedTime is how long a connection may have no request when the daemon ends.
const unusedTime = 200 * time.Millisecond

// apiConns are the connections of the API's server.
type apiConns struct {
	mu sync.Mutex
	// all tells of each whether it never had a request. Clients open such ones ahead, and the end of a
	// server would wait five seconds for each of them, with its address closed.
	all map[net.Conn]bool
}

// track is a server's ConnState.
func (a *apiConns) track(c net.Conn, state http.ConnState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(a.all, c)
		return
	}
	if a.all == nil {
		a.all = map[net.Conn]bool{}
	}
	a.all[c] = state == http.StateNew
}

func (a *apiConns) none() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.all) == 0
}

func (a *apiConns) closeUnused() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c, unused := range a.all {
		if unused {
			_ = c.Close()
		}
	}
}
