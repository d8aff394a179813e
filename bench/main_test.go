package bench

import (
	"net/http"
	"os"
	"testing"
)

// TestMain is also the program of the router under measurement: like the peers it is a process of its own.
func TestMain(m *testing.M) {
	if listen := os.Getenv(routerListen); listen != "" {
		serveRouter(listen, os.Getenv(routerBackend))
		return
	}
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 64 // a client that is measured keeps its connections
	os.Exit(m.Run())
}
