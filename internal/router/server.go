package router

import (
	"log/slog"
	"net/http"
	"time"
)

const (
	// readHeader is how long a client may take to send a request's header: enough for any real
	// one, too little to hold connections open at no cost.
	readHeader = 10 * time.Second
	// keepAlive is longer than the 60 s after which common load balancers close an idle
	// connection, so that they close first and no request is sent into a closing connection.
	keepAlive = 75 * time.Second
)

// NewServer makes a server for a Router, or for what it serves in private. It has no time limit for whole requests: the router has,
// per service, and only the router knows which connections were upgraded.
func NewServer(r http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           r,
		ReadHeaderTimeout: readHeader,
		IdleTimeout:       keepAlive,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
