package bench

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	trickleRate  = 1000 // requests per second
	trickleUsers = 8
	trickleTime  = 2 * time.Second
)

// trickle sends 1,000 requests per second over a few connections, evenly, and returns the median and the
// slowest hundredth. The time of each counts from when it is sent.
func trickle(b *testing.B, address string) (p50, p99 time.Duration) {
	return trickleTo(b, address, "/", answerText, benchHost)
}

// trickleTo is trickle for a path whose answers end with a text, with the hosts in turns.
func trickleTo(b *testing.B, address, path, end string, hosts ...string) (p50, p99 time.Duration) {
	b.Helper()
	took := make(chan []time.Duration, trickleUsers)
	begin := time.Now().Add(10 * time.Millisecond)
	for user := range trickleUsers {
		request := "GET " + path + " HTTP/1.1\r\nHost: " + hosts[user%len(hosts)] + "\r\n\r\n"
		go func() {
			took <- trickleOne(b, address, request, end, begin.Add(time.Duration(user)*time.Second/trickleRate))
		}()
	}
	var all []time.Duration
	for range trickleUsers {
		all = append(all, <-took...)
	}
	if len(all) == 0 {
		b.FailNow()
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100]
}

// trickleOne is one connection. It knows that the answer is short and how it ends.
func trickleOne(b *testing.B, address, request, ending string, next time.Time) (took []time.Duration) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Error(err)
		return nil
	}
	defer conn.Close()
	_ = conn.SetDeadline(next.Add(trickleTime + 5*time.Second))
	answer := make([]byte, 4096)
	for end := next.Add(trickleTime); next.Before(end); next = next.Add(trickleUsers * time.Second / trickleRate) {
		time.Sleep(time.Until(next))
		sent := time.Now()
		if _, err := conn.Write([]byte(request)); err != nil {
			b.Error(err)
			return took
		}
		for n := 0; !strings.HasSuffix(string(answer[:n]), ending); {
			m, err := conn.Read(answer[n:])
			if err != nil {
				b.Errorf("%s: %v after %q", address, err, answer[:n])
				return took
			}
			n += m
		}
		took = append(took, time.Since(sent))
	}
	return took
}
