package test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// crowd is clients that call a service all the time. Its answers are "u<n> instance …": with a
// number that is never below that of the last update that succeeded, nor above that of the last one
// that began.
type crowd struct {
	done, begun atomic.Int64 // numbers of updates

	stop chan struct{}
	wg   sync.WaitGroup

	mu       sync.Mutex
	answered int
	wrong    []string
	broken   []span // requests without an answer
	down     []span // when the daemon was dead
}

// span is from when to when something went on.
type span struct {
	from, to time.Time
	what     string
}

func (a span) touches(b span) bool { return !a.from.After(b.to) && !b.from.After(a.to) }

// call starts clients. Their last request is over when end returns.
func call(s *kit.Slipway, service *apprunnerapi.Service, clients int) *crowd {
	c := &crowd{stop: make(chan struct{})}
	for range clients {
		c.wg.Go(func() {
			client := s.Client()
			defer client.CloseIdleConnections()
			for {
				select {
				case <-c.stop:
					return
				case <-time.After(5 * time.Millisecond):
					c.once(client, "http://"+*service.ServiceUrl+"/")
				}
			}
		})
	}
	return c
}

var answerForm = regexp.MustCompile(`^u([0-9]+) instance [0-9a-f]+\n$`)

func (c *crowd) once(client *http.Client, url string) {
	begin, low := time.Now(), c.done.Load()
	response, err := client.Get(url)
	var body []byte
	if err == nil {
		body, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
	}
	high := c.begun.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.broken = append(c.broken, span{begin, time.Now(), err.Error()})
		return
	}
	c.answered++
	n := int64(-1)
	if m := answerForm.FindSubmatch(body); m != nil && response.StatusCode == http.StatusOK {
		n, _ = strconv.ParseInt(string(m[1]), 10, 64)
	}
	if n < low || n > high {
		c.wrong = append(c.wrong, fmt.Sprintf("%d %q, want u%d to u%d", response.StatusCode, body, low, high))
	}
}

// dead notes that the daemon was dead while f ran.
func (c *crowd) dead(f func()) {
	from := time.Now()
	f()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = append(c.down, span{from: from, to: time.Now()})
}

// end stops the clients and checks what they saw: no wrong answer, and none missing but while the
// daemon was dead.
func (c *crowd) end(t *testing.T) {
	t.Helper()
	close(c.stop)
	c.wg.Wait()
	if c.answered == 0 {
		t.Error("no request was answered")
	}
	for i, wrong := range c.wrong {
		if i < 5 {
			t.Errorf("a wrong answer (of %d): %s", len(c.wrong), wrong)
		}
	}
	for _, b := range c.broken {
		excused := false
		for _, d := range c.down {
			excused = excused || b.touches(d)
		}
		if !excused {
			t.Errorf("a request of %v failed while the daemon lived: %s", b.to.Sub(b.from), b.what)
		}
	}
	t.Logf("%d requests answered, %d broken off in %d times that the daemon was dead", c.answered, len(c.broken), len(c.down))
}
