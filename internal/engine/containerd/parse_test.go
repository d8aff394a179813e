package containerd

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-run/slipway/internal/engine"
)

func compareAddr(a, b netip.Addr) bool { return a == b }

func TestParseNameServers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"usual", "# comment\nsearch example.com\nnameserver 192.0.2.53\nnameserver 192.0.2.54 \n", []string{"192.0.2.53", "192.0.2.54"}},
		{"local resolver", "nameserver 127.0.0.53\noptions edns0\n", nil},
		{"version 6 cannot be reached", "nameserver 2001:db8::53\nnameserver fe80::1%eth0\nnameserver 192.0.2.53\n", []string{"192.0.2.53"}},
		{"broken", "nameserver\nnameserver none\nnameserver 0.0.0.0\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var want []netip.Addr
			for _, s := range c.want {
				want = append(want, netip.MustParseAddr(s))
			}
			if diff := cmp.Diff(want, parseNameServers(c.text), cmp.Comparer(compareAddr)); diff != "" {
				t.Errorf("name servers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseListeners(t *testing.T) {
	t.Parallel()
	const v4 = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0200400A:0050 0100400A:C350 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
`
	const v6 = `  sl  local_address remote_address st
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0 0
   1: B80D0120000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 0 0
`
	for _, c := range []struct {
		name, text string
		want       []engine.Listener
	}{
		{"version 4", v4, []engine.Listener{{Address: netip.MustParseAddr("127.0.0.1"), Port: 8080}, {Address: netip.MustParseAddr("0.0.0.0"), Port: 80}}},
		{"version 6", v6, []engine.Listener{{Address: netip.MustParseAddr("::"), Port: 8080}, {Address: netip.MustParseAddr("2001:db8::1"), Port: 22}}},
		{"none", "  sl  local_address\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := parseListeners(strings.NewReader(c.text))
			if diff := cmp.Diff(c.want, got, cmp.Comparer(compareAddr)); diff != "" || err != nil {
				t.Errorf("listeners: %v (-want +got):\n%s", err, diff)
			}
		})
	}
	if _, err := parseListeners(strings.NewReader("0: xyz:1 0:0 0A\n")); err == nil {
		t.Error("a broken address is accepted")
	}
}

func TestCommandError(t *testing.T) {
	t.Parallel()
	const prefix = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: "
	for _, c := range []struct {
		name, text string
		code       engine.Code
		mentions   string
	}{
		{"not in PATH", prefix + `exec: "nope": executable file not found in $PATH: unknown`, engine.BadCommand, `"nope" does not exist`},
		{"no file", prefix + `exec: "/nope": stat /nope: no such file or directory: unknown`, engine.BadCommand, `"/nope" does not exist`},
		{"not executable", prefix + `exec: "/text": permission denied: unknown`, engine.BadCommand, `"/text" may not be executed`},
		{"directory", prefix + `exec: "/tmp": is a directory: unknown`, engine.BadCommand, `"/tmp" is a directory`},
		{"other architecture", prefix + `exec /app: exec format error: unknown`, engine.WrongArchitecture, "not a program for this machine"},
		{"something else", prefix + `error mounting "proc" to rootfs: permission denied`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := commandError(errors.New(c.text))
			if c.code == "" {
				if err != nil {
					t.Errorf("commandError: %v, want nil", err)
				}
				return
			}
			if !engine.Is(err, c.code) || !strings.Contains(err.Error(), c.mentions) {
				t.Errorf("commandError: %v, want %s that says %q", err, c.code, c.mentions)
			}
		})
	}
}

func TestLowerDirs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		mounts []mount.Mount
		want   []string
	}{
		{"one layer", []mount.Mount{{Type: "bind", Source: "/a"}}, []string{"/a"}},
		{"two layers", []mount.Mount{{Type: "overlay", Options: []string{"index=off", "lowerdir=/a:/b"}}}, []string{"/a", "/b"}},
		{"unknown", []mount.Mount{{Type: "erofs"}}, nil},
		{"none", nil, nil},
	} {
		got, err := lowerDirs(c.mounts)
		if diff := cmp.Diff(c.want, got); diff != "" || (err != nil) != (c.want == nil) {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, err, diff)
		}
	}
}

func TestHubKeepsTheLatestForASlowReader(t *testing.T) {
	t.Parallel()
	var h hub
	ctx, cancel := context.WithCancel(t.Context())
	events, r := h.subscribe(ctx)
	for _, ev := range []engine.Event{
		{ID: "sentinel", State: engine.Running}, // may be taken at once
		{ID: "a", State: engine.Prepared}, {ID: "b", State: engine.Running}, {ID: "a", State: engine.Running},
		{ID: "a", State: engine.Exited, Exit: &engine.Exit{Code: 1}}, {ID: "a", State: engine.Running},
	} {
		h.publish(ev)
	}
	var got []engine.Event
	for range 3 {
		got = append(got, <-events)
	}
	want := []engine.Event{{ID: "a", State: engine.Exited, Exit: &engine.Exit{Code: 1}}, {ID: "b", State: engine.Running}}
	if diff := cmp.Diff(want, got[1:], cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	cancel()
	for range events {
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.readers[r]; ok {
		t.Error("a reader that left is still known")
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	d := instanceDir(t.TempDir())
	if !d.marked("x").IsZero() {
		t.Error("marked before mark")
	}
	if err := d.mark("x"); err != nil {
		t.Fatal(err)
	}
	if since := time.Since(d.marked("x")); since < 0 || since > time.Minute {
		t.Errorf("marked %s ago", since)
	}
	if err := os.WriteFile(d.file("x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if d.marked("x").IsZero() {
		t.Error("a mark that a crash emptied does not count")
	}
	if err := errors.Join(d.unmark("x"), d.unmark("x")); err != nil || !d.marked("x").IsZero() {
		t.Errorf("unmark: %v", err)
	}
}

func TestCopySparse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	f, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	_, err1 := f.WriteAt([]byte("begin"), 0)
	_, err2 := f.WriteAt([]byte("middle"), 40<<20)
	if err := errors.Join(err1, err2, f.Truncate(size), f.Close(), copySparse(from, to)); err != nil {
		t.Fatal(err)
	}
	a, err1 := os.ReadFile(from)
	b, err2 := os.ReadFile(to)
	if err := errors.Join(err1, err2); err != nil || string(a) != string(b) {
		t.Errorf("copy differs (%d and %d bytes), %v", len(a), len(b), err)
	}
}

func TestKeysOfDataDirectories(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := filepath.Join(dir, strings.Repeat("long/", 40))
	a, err1 := newPaths(dir)
	b, err2 := newPaths(long)
	if err := errors.Join(err1, err2); err != nil || a.key == b.key || len(a.key) != 8 {
		t.Fatalf("keys are %q and %q, %v", a.key, b.key, err)
	}
	if n := len(b.socket() + ".ttrpc"); n > 107 {
		t.Errorf("socket of a long data directory has %d bytes", n)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if c, err := newPaths(link); err != nil || c.key != a.key {
		t.Errorf("through a link the key is %q, %v, want %q", c.key, err, a.key)
	}
}
