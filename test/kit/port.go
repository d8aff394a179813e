package kit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
)

// given are the ports that FreeAddress has returned to this process.
var given sync.Map

// lowest is the first port that FreeAddress chooses from.
const lowest = 20000

// FreeAddress is a loopback address that nobody listens on. Its port is none that the kernel gives to
// outgoing connections: one of those could have it before a daemon listens there, and whenever a test
// has killed the daemon.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := lowest + rand.IntN(firstOutgoing()-lowest)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		address := l.Addr().String()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatalf("no port from %d to %d is free", lowest, firstOutgoing()-1)
	return ""
}

// firstOutgoing is the first port that the kernel gives to outgoing connections.
func firstOutgoing() int {
	first, last := 32768, 0
	if data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		_, _ = fmt.Sscan(string(data), &first, &last)
	}
	return max(first, lowest+1000)
}
