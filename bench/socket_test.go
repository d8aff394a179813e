package bench

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// openSockets is how many WebSockets are open at once.
const openSockets = 5000

const nginxSockets = `server {
	listen %s;
	location / {
		proxy_pass http://%s;
		proxy_http_version 1.1;
		proxy_set_header Connection upgrade;
		proxy_set_header Upgrade $http_upgrade;
		proxy_set_header Host $host;
	}
}`

// BenchmarkWebSockets measures the memory that an open WebSocket takes in the router, and in nginx.
// Messages have gone both ways over each.
func BenchmarkWebSockets(b *testing.B) {
	installPeers(b)
	backend := echoServer(b)
	dir := b.TempDir()
	var slipway, nginx []float64
	for b.Loop() { // with new processes: old ones have memory from the sockets of the round before
		address := "127.0.0.1:" + freePort(b)
		slipway = append(slipway, memoryOfSockets(b, address, startRouter(b, address, backend, routerLimit+"="+strconv.Itoa(2*openSockets))))
		address = "127.0.0.1:" + freePort(b)
		nginx = append(nginx, memoryOfSockets(b, address, runNginx(b, dir, "sockets", fmt.Sprintf(nginxSockets, address, backend))))
	}
	note(b, "websockets", map[string]float64{
		"sockets": openSockets, "slipway-KB": middle(slipway), "nginx-KB": middle(nginx),
	})
}

// memoryOfSockets opens WebSockets and returns how many KB each of them takes.
func memoryOfSockets(b *testing.B, address string, pid int) float64 {
	b.Helper()
	warm := openSocket(b, address)
	before := familyKB(b, pid)
	all := make([]net.Conn, openSockets)
	var work sync.WaitGroup
	for worker := range 8 {
		work.Go(func() {
			for i := worker; i < len(all); i += 8 {
				all[i] = openSocket(b, address)
			}
		})
	}
	work.Wait()
	time.Sleep(time.Second)
	grown := familyKB(b, pid) - before
	defer func() { _ = syscall.Kill(pid, syscall.SIGTERM) }()
	for _, c := range slices.Concat(all, []net.Conn{warm}) {
		if c != nil {
			_ = c.Close()
		}
	}
	return grown / openSockets
}

func openSocket(b *testing.B, address string) net.Conn {
	var conn net.Conn
	var err error
	for range 100 { // a program that just starts, or a queue that is full
		if conn, err = net.Dial("tcp", address); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		b.Error(err)
		return nil
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n", benchHost)
	in := bufio.NewReaderSize(conn, 512)
	response, err := http.ReadResponse(in, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		b.Errorf("%s: %v, %v", address, response, err)
		return conn
	}
	fmt.Fprintln(conn, "ping")
	if line, err := in.ReadString('\n'); err != nil || line != "ping\n" {
		b.Errorf("%s sends %q back, %v", address, line, err)
	}
	return conn
}

// echoServer upgrades every connection and sends back what it gets.
func echoServer(b *testing.B) (address string) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		for {
			line, err := buffer.ReadString('\n')
			if err != nil {
				return
			}
			fmt.Fprint(conn, line)
		}
	})}
	go func() { _ = server.Serve(l) }()
	b.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}

// familyKB is the memory of a process and its children that they share with nobody, and their part of what
// they share.
func familyKB(b *testing.B, pid int) (kb float64) {
	b.Helper()
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		b.Fatal(err)
	}
	pids := []string{strconv.Itoa(pid)}
	for _, file := range children {
		data, _ := os.ReadFile(file)
		pids = append(pids, strings.Fields(string(data))...)
	}
	for _, p := range pids {
		data, err := os.ReadFile("/proc/" + p + "/smaps_rollup")
		if err != nil {
			b.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if text, ok := strings.CutPrefix(line, "Pss:"); ok {
				n, _ := strconv.ParseFloat(strings.Fields(text)[0], 64)
				kb += n
			}
		}
	}
	return kb
}
