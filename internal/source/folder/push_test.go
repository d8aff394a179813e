package folder

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/source/remote"
)

// server is the real server of repositories, for one key and services that are not there yet.
type server struct {
	*remote.Server
	target Target
	got    atomic.Int64 // bytes that clients have sent
}

func (*server) Authenticate(_ context.Context, user, password string) (string, error) {
	if user != "key" || password != "secret" {
		return "", remote.ErrDenied
	}
	return user, nil
}

func (*server) Authorize(_ context.Context, _, _, _, resource string) error {
	if strings.Contains(resource, "closed") {
		return fmt.Errorf("%w: you may not", remote.ErrForbidden)
	}
	return nil
}

func (*server) Service(_ context.Context, _, name string) (remote.Service, error) {
	return remote.Service{ARN: "arn:" + name}, nil
}

func (*server) Pushed(context.Context, remote.Push, func(string)) {}

// counter counts what it reads.
type counter struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c counter) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.n.Add(int64(n))
	return n, err
}

func newServer(t testing.TB, maxPush int64) *server {
	t.Helper()
	s := &server{}
	var err error
	s.Server, err = remote.Open(remote.Config{
		Dir: t.TempDir(), Home: "us-east-1", MaxPush: maxPush, Timeout: time.Minute, Log: slog.New(slog.DiscardHandler),
		Hosts: func() []string { return nil }, Authenticator: s, Authorizer: s, Services: s,
	})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = counter{r.Body, &s.got}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	s.target = Target{URL: h.URL + remote.Path("us-east-1", "us-east-1", "shop"), User: "key", Password: "secret", Branch: "main", Options: []string{remote.OptionStore}}
	return s
}

// send takes and pushes a folder, all over again when the cache is wrong, as the command line does.
func send(t testing.TB, o Options, target Target) *Snapshot {
	t.Helper()
	s, err := Send(t.Context(), o, target)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) head(t testing.TB, name string) string {
	t.Helper()
	c, err := s.Head(t.Context(), "us-east-1", name, "main", "/")
	if err != nil {
		t.Fatal(err)
	}
	return c.Tree
}

func TestPush_SendsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	w := newServer(t, 1<<30)
	o := Options{Dir: t.TempDir(), Cache: t.TempDir()}
	large := strings.Repeat("incompressible? ", 10) + string(noise(1<<20))
	files(t, o.Dir, map[string]string{"large": large, "a": "1", "link": "->a", "sub/b": "2"})
	first := send(t, o, w.target)
	if got := w.head(t, "shop"); got != first.Tree {
		t.Fatalf("the server has tree %s, want %s", got, first.Tree)
	}
	w.got.Store(0)
	files(t, o.Dir, map[string]string{"a": "3"})
	second := send(t, o, w.target)
	if got := w.got.Load(); got > 4096 || w.head(t, "shop") != second.Tree {
		t.Errorf("a small change took %d bytes", got)
	}
	// What the server has is checked out as it was here.
	into := t.TempDir()
	if _, err := w.Checkout(t.Context(), "us-east-1", "shop", second.Commit, "/", into); err != nil {
		t.Fatal(err)
	}
	again, _ := take(t, Options{Dir: into})
	if again.Tree != second.Tree {
		t.Error("the files are not the same after a checkout")
	}
	// Content is not kept twice on this machine.
	if size := sizeOf(t, o.Cache); size > 100<<10 {
		t.Errorf("the cache has %d bytes", size)
	}
	// The server has lost everything, as a new one has.
	if err := w.Delete("us-east-1", "shop"); err != nil {
		t.Fatal(err)
	}
	third := send(t, o, w.target)
	if w.head(t, "shop") != third.Tree || third.Tree != second.Tree {
		t.Error("not sent again")
	}
}

func TestPush_Fails(t *testing.T) {
	t.Parallel()
	w := newServer(t, 64<<10)
	tests := []struct {
		reason string
		change func(*Target)
		files  map[string]string
		says   string
	}{
		{"a wrong secret", func(t *Target) { t.Password = "wrong" }, nil, "the access key is not known there"},
		{"no right", func(t *Target) { t.URL = strings.Replace(t.URL, "shop", "closed", 1) }, nil, "you may not"},
		{"nobody there", func(t *Target) { t.URL = "http://127.0.0.1:1/git/shop.git" }, nil, "127.0.0.1"},
		{"too large", func(*Target) {}, map[string]string{"large": string(noise(1 << 20))}, "64.00 KiB"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			o := Options{Dir: t.TempDir(), Cache: t.TempDir()}
			files(t, o.Dir, map[string]string{"a": "1"})
			files(t, o.Dir, tt.files)
			target := w.target
			tt.change(&target)
			s, err := Send(t.Context(), o, target)
			if err == nil {
				_ = s.Close()
				t.Fatal("it was sent")
			}
			if !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "c2VjcmV0") {
				t.Errorf("%v\nwant %q", err, tt.says)
			}
		})
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	x := uint64(1)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}

func sizeOf(t testing.TB, dir string) (size int64) {
	t.Helper()
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// BenchmarkSend is a folder of many files, the first time, with one changed, and unchanged.
func BenchmarkSend(b *testing.B) {
	w := newServer(b, 1<<30)
	o := Options{Dir: b.TempDir(), Cache: b.TempDir()}
	all := map[string]string{}
	data := noise(50_000 + 10_000)
	for i := range 10_000 {
		all[fmt.Sprintf("dir%d/sub%d/file%d", i%17, i%101, i)] = string(data[i : i+50_000])
	}
	files(b, o.Dir, all)
	time.Sleep(1100 * time.Millisecond) // files of this second are read again
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			_ = os.RemoveAll(o.Cache)
			_ = w.Delete("us-east-1", "shop")
			send(b, o, w.target)
		}
	})
	time.Sleep(1100 * time.Millisecond)
	b.Run("changed", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			files(b, o.Dir, map[string]string{"dir0/changed": fmt.Sprint(i)})
			send(b, o, w.target)
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			send(b, o, w.target)
		}
	})
}
