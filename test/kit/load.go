package kit

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// Load is clients that call a service at a steady rate, and count every answer.
type Load struct {
	stop   context.CancelFunc
	work   sync.WaitGroup
	begun  time.Time
	mu     sync.Mutex
	took   []time.Duration
	failed []string
}

// LoadOptions say how a Load calls. All may be left zero.
type LoadOptions struct {
	Path    string                 // "/"
	Clients int                    // 8; each keeps one connection
	Rate    int                    // requests per second of all clients together; 400
	Client  func() *http.Client    // that of the Slipway
	Method  string                 // GET
	Body    string                 // of each request
	Want    func(body string) bool // beside status 200; nil for anything
}

// Load begins to call a service. Nothing is tried again: whatever is not answered 200 counts as failed.
func (s *Slipway) Load(service *apprunnerapi.Service, o LoadOptions) *Load {
	o.Path, o.Clients, o.Rate = cmp.Or(o.Path, "/"), cmp.Or(o.Clients, 8), cmp.Or(o.Rate, 400)
	o.Method = cmp.Or(o.Method, http.MethodGet)
	if o.Client == nil {
		o.Client = s.Client
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &Load{stop: stop, begun: time.Now()}
	s.t.Cleanup(stop)
	every := time.Second * time.Duration(o.Clients) / time.Duration(o.Rate)
	for i := range o.Clients {
		l.work.Go(func() {
			client := o.Client()
			defer client.CloseIdleConnections()
			for next := l.begun.Add(every * time.Duration(i) / time.Duration(o.Clients)); ; next = next.Add(every) {
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Until(next)):
					l.once(client, o, *service.ServiceUrl)
				}
			}
		})
	}
	return l
}

func (l *Load) once(client *http.Client, o LoadOptions, host string) {
	begin := time.Now()
	why := try(client, o, host)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, time.Since(begin))
	if why != "" {
		l.failed = append(l.failed, fmt.Sprintf("after %v, which took %v: %s", begin.Sub(l.begun).Round(time.Millisecond), time.Since(begin).Round(time.Millisecond), why))
	}
}

// try tells what is wrong with an answer.
func try(client *http.Client, o LoadOptions, host string) string {
	scheme := "http"
	if t, ok := client.Transport.(*http.Transport); ok && t.TLSClientConfig != nil {
		scheme = "https"
	}
	request, err := http.NewRequest(o.Method, scheme+"://"+host+o.Path, body(o.Body))
	if err != nil {
		return err.Error()
	}
	request.GetBody = nil // Go's client would send it again when its connection was closed
	if t, ok := client.Transport.(*http.Transport); ok && t.ForceAttemptHTTP2 {
		// In HTTP/2 a server that leaves says which requests it has not begun: clients send those again.
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(body(o.Body)), nil }
	}
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err.Error()
	case response.StatusCode != http.StatusOK || (o.Want != nil && !o.Want(string(data))):
		return fmt.Sprintf("%d %.200q", response.StatusCode, data)
	}
	return ""
}

// reader hides what a body is made of, so that no client can send it again.
type reader struct{ io.Reader }

func body(text string) io.Reader {
	if text == "" {
		return nil
	}
	return reader{io.LimitReader(endless(text), int64(len(text)))}
}

type endless string

func (e endless) Read(p []byte) (int, error) { return copy(p, e), nil }

// Stop stops the clients, waits for their last answers, and returns how many there were and what was wrong
// with those that failed.
func (l *Load) Stop() (n int, failed []string) {
	l.stop()
	l.work.Wait()
	slices.Sort(l.took)
	return len(l.took), l.failed
}

// Took is how long each request took, in order of that, after Stop.
func (l *Load) Took() []time.Duration { return l.took }

// End is Stop, and fails the test if one of all requests failed.
func (l *Load) End(t testing.TB, what string) {
	t.Helper()
	n, failed := l.Stop()
	if n == 0 {
		t.Errorf("%s: nothing was called", what)
		return
	}
	t.Logf("%s: %d requests, %d failed; p50 %v, p99 %v, longest %v", what, n, len(failed),
		l.took[n/2].Round(10*time.Microsecond), l.took[n*99/100].Round(100*time.Microsecond), l.took[n-1].Round(time.Millisecond))
	if len(failed) > 0 {
		t.Errorf("%s: %d of %d requests failed, such as %q", what, len(failed), n, failed[:min(5, len(failed))])
	}
}
