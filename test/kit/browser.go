package kit

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Browser returns the path of a program that starts Chromium in a network namespace of its own, in which
// some loopback addresses lead to the same ones outside. Chromium gives up all requests that are under way
// when an address of the machine changes, and every instance that is started elsewhere changes some.
func Browser(t testing.TB, addresses ...string) string {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("SLIPWAY_TEST_REQUIRE") != "" || os.Getenv("CI") != "" {
			t.Fatal("the tests of the console need chromium: run make bootstrap-tests")
		}
		t.Skip("there is no chromium")
	}
	space := quietSpace(t, addresses)
	file := filepath.Join(t.TempDir(), "chromium")
	text := fmt.Sprintf("#!/bin/sh\nexec nsenter --net=/proc/%d/fd/%d %s \"$@\"\n", os.Getpid(), int(space), chromium)
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

// quietSpace makes a network namespace with a loopback interface, and listens in it.
func quietSpace(t testing.TB, addresses []string) netns.NsHandle {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	outside, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	space, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = space.Close() })
	defer func() {
		if err := netns.Set(outside); err != nil {
			panic(err) // the thread is of no use any more
		}
	}()
	loopback, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(loopback)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		go forward(listener, address)
	}
	return space
}

// forward passes connections on until its listener is closed.
func forward(listener net.Listener, address string) {
	for {
		inside, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer inside.Close()
			outside, err := net.Dial("tcp", address)
			if err != nil {
				return
			}
			defer outside.Close()
			go func() {
				_, _ = io.Copy(outside, inside)
				_ = outside.(*net.TCPConn).CloseWrite()
			}()
			_, _ = io.Copy(inside, outside)
		}()
	}
}
