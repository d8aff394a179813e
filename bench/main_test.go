package bench

import (
	"os"
	"testing"
)

// TestMain is also the program of the router under measurement: like the peers it is a process of its own.
func TestMain(m *testing.M) {
	if listen := os.Getenv(routerListen); listen != "" {
		serveRouter(listen, os.Getenv(routerBackend))
		return
	}
	os.Exit(m.Run())
}
