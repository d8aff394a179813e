package router

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
)

// plainHTTP has the tests' requests go through net/http and ServeHTTP, as HTTP/2 does, instead of Server.
var plainHTTP bool

// TestMain runs every test with both.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && !fuzzing() {
		plainHTTP = true
		code = m.Run()
	}
	os.Exit(code)
}

func fuzzing() bool {
	for _, arg := range os.Args {
		if len(arg) > 10 && arg[:10] == "-test.fuzz" {
			return true
		}
	}
	return false
}

// front is what clients connect to.
type front struct {
	URL      string
	Listener net.Listener
	client   *http.Client
	close    func()
}

func (f *front) Client() *http.Client { return f.client }

func (f *front) Close() {
	f.client.CloseIdleConnections()
	f.close()
}

func serveFront(t *testing.T, r *Router) *front {
	t.Helper()
	if plainHTTP {
		s := httptest.NewServer(r)
		return &front{URL: s.URL, Listener: s.Listener, client: s.Client(), close: s.Close}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(r, ServerOptions{Log: r.options.Log})
	var served sync.WaitGroup
	served.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return &front{
		URL: "http://" + l.Addr().String(), Listener: l, client: &http.Client{Transport: &http.Transport{}},
		close: func() { _ = s.Close(); served.Wait() },
	}
}
