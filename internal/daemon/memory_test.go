package daemon

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestUnchangeable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason, line string
		first        uintptr
	}{
		{"code", "00400000-01a2b000 r-xp 00000000 fe:00 1234    /usr/bin/slipway\n", 0x400000},
		{"constants", "01a2b000-03a00000 r--p 0162b000 fe:00 1234    /usr/bin/slipway\n", 0x1a2b000},
		{"variables", "03a00000-03b00000 rw-p 03600000 fe:00 1234    /usr/bin/slipway\n", 0},
		{"another file", "7f0000000000-7f0000001000 r-xp 00000000 fe:00 99    /usr/lib/libc.so.6\n", 0},
		{"no file", "c000000000-c000400000 rw-p 00000000 00:00 0 \n", 0},
		{"nothing", "\n", 0},
	} {
		first, _, ok := unchangeable(tt.line, "/usr/bin/slipway")
		if first != tt.first || ok != (tt.first > 0) {
			t.Errorf("%s: %x, %v", tt.reason, first, ok)
		}
	}
	if _, _, ok := unchangeable("00400000-01a2b000 r-xp 00000000 fe:00 1234    /usr/bin/slipway (deleted)\n", "/usr/bin/slipway (deleted)"); !ok {
		t.Error("a program whose file was replaced keeps its pages")
	}
}

// The program goes on after its pages were given back, and has fewer.
func TestForgetProgram(t *testing.T) {
	resident := func() (kilobytes int) {
		data, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, line, _ := strings.Cut(string(data), "RssFile:")
		if _, err := fmt.Sscan(line, &kilobytes); err != nil {
			t.Fatal(err)
		}
		return kilobytes
	}
	before := resident()
	if err := forgetProgram(); err != nil {
		t.Fatal(err)
	}
	if after := resident(); after >= before {
		t.Errorf("%d kB of files are resident, %d kB were before", after, before)
	}
}
