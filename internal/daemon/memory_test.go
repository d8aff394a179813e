package daemon

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestUnchanged(t *testing.T) {
	t.Parallel()
	const clean = "Size:               4 kB\nAnonymous:          0 kB\nSwap:               0 kB\nVmFlags: rd ex mr mw me\n"
	for _, tt := range []struct {
		reason, smaps string
		want          []mapping
	}{
		{"code and constants", "00400000-01a2b000 r-xp 00000000 fe:00 1234    /usr/bin/slipway\n" + clean +
			"01a2b000-03a00000 r--p 0162b000 fe:00 1234    /usr/bin/slipway\n" + clean, []mapping{{0x400000, 0x1a2b000}, {0x1a2b000, 0x3a00000}}},
		{"constants that the loader filled in", "01a2b000-03a00000 r--p 0162b000 fe:00 1234    /usr/bin/slipway\nSize:   4 kB\nAnonymous:          8 kB\nSwap:               0 kB\n", nil},
		{"the same, swapped out", "01a2b000-03a00000 r--p 0162b000 fe:00 1234    /usr/bin/slipway\nSize:   4 kB\nAnonymous:          0 kB\nSwap:               8 kB\n", nil},
		{"constants after those", "01a2b000-01a2c000 r--p 0162b000 fe:00 1234    /usr/bin/slipway\nAnonymous:          4 kB\nSwap:               4 kB\n" +
			"01a2c000-03a00000 r--p 0162c000 fe:00 1234    /usr/bin/slipway\n" + clean, []mapping{{0x1a2c000, 0x3a00000}}},
		{"code before what changes", "00400000-01a2b000 r-xp 00000000 fe:00 1234    /usr/bin/slipway\n" + clean +
			"c000000000-c000400000 rw-p 00000000 00:00 0 \nAnonymous:       4096 kB\nSwap:               0 kB\n", []mapping{{0x400000, 0x1a2b000}}},
		{"variables", "03a00000-03b00000 rw-p 03600000 fe:00 1234    /usr/bin/slipway\n" + clean, nil},
		{"another file", "7f0000000000-7f0000001000 r-xp 00000000 fe:00 99    /usr/lib/libc.so.6\n" + clean, nil},
		{"no file", "c000000000-c000400000 r--p 00000000 00:00 0 \n" + clean, nil},
		{"a program whose file was replaced", "00400000-01a2b000 r-xp 00000000 fe:00 1234    /usr/bin/slipway (deleted)\n" + clean, nil},
		{"nothing", "\n", nil},
	} {
		if got := unchanged(tt.smaps, "/usr/bin/slipway"); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %x, want %x", tt.reason, got, tt.want)
		}
	}
	replaced := "00400000-01a2b000 r-xp 00000000 fe:00 1234    /usr/bin/slipway (deleted)\n" + clean
	if got := unchanged(replaced, "/usr/bin/slipway (deleted)"); len(got) != 1 {
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
