package git_test

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-run/slipway/test/githost"
)

var errOwn = errors.New("it is Slipway's own")

type netConn = net.Conn

// listen has every connection handled by f until the test ends.
func listen(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			go f(c)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return l.Addr().String()
}

// trusted is a file with the certificate of a host.
func trusted(t *testing.T, h *githost.Host) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Server.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func httptestServer(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.URL
}

// random is text that does not compress.
func random(n int) string {
	data := make([]byte, n)
	_, _ = rand.Read(data)
	return string(data)
}

// literalTree writes a tree with entries that git's own tools refuse: pairs of "mode name" and id.
func literalTree(r *githost.Repository, entries ...string) string {
	var tree strings.Builder
	for n := 0; n < len(entries); n += 2 {
		id, _ := hex.DecodeString(entries[n+1])
		tree.WriteString(entries[n] + "\x00" + string(id))
	}
	return r.GitWith(tree.String(), "hash-object", "-w", "-t", "tree", "--literally", "--stdin")
}

// lurk looks for a secret in the arguments of all processes and in a directory, until stop.
func lurk(stop <-chan struct{}, dir, secret string) (found []string) {
	for {
		select {
		case <-stop:
			return found
		default:
		}
		lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range lines {
			if data, err := os.ReadFile(file); err == nil && strings.Contains(string(data), secret) {
				found = append(found, string(data))
			}
		}
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), secret) {
					found = append(found, path)
				}
			}
			return nil
		})
	}
}
