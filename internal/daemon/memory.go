package daemon

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// calm is how long after rare work, a start or an operation, its memory is given back.
const calm = 5 * time.Second

// slimmer gives memory back when rare work is over: most of the program runs in the start and in
// operations alone, and would stay resident for good. A page that is needed again is mapped again from
// the cache of the kernel, some ten of them at a time, in about a microsecond.
type slimmer struct{ timer *time.Timer }

func newSlimmer(warn func(error)) slimmer {
	return slimmer{time.AfterFunc(calm, func() {
		debug.FreeOSMemory()
		if err := forgetProgram(); err != nil {
			warn(err)
		}
	})}
}

// later is called at the end of rare work.
func (s slimmer) later() { s.timer.Reset(calm) }

// forgetProgram unmaps the pages of the program's file that are as they are there: code and constants.
func forgetProgram() error {
	file, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range unchanged(string(smaps), file) {
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, m.first, m.last-m.first, unix.MADV_DONTNEED); errno != 0 {
			errs = append(errs, os.NewSyscallError("madvise", errno))
		}
	}
	return errors.Join(errs...)
}

// mapping is a part of a file in the memory of the process.
type mapping struct{ first, last uintptr }

// unchanged reads /proc/self/smaps. It returns the parts of a file that cannot be written to and never
// were: a program that may be loaded anywhere has constants that the loader filled in before it protected
// them, and a debugger changes code.
func unchanged(smaps, file string) (all []mapping) {
	ours := false // what is read is of the last of all
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line)
		switch {
		case len(fields) < 2:
		case !strings.HasSuffix(fields[0], ":"):
			var m mapping
			if m, ours = readable(fields, file); ours {
				all = append(all, m)
			}
		case ours && (fields[0] == "Anonymous:" || fields[0] == "Swap:") && fields[1] != "0":
			ours, all = false, all[:len(all)-1]
		}
	}
	return all
}

// readable reads the line that a mapping begins with. It reports whether it is of the file and can only be
// read.
func readable(fields []string, file string) (m mapping, ok bool) {
	const rights, name = 1, 5
	if len(fields) <= name || strings.Join(fields[name:], " ") != file || !strings.HasPrefix(fields[rights], "r-") {
		return m, false
	}
	_, err := fmt.Sscanf(fields[0], "%x-%x", &m.first, &m.last)
	return m, err == nil
}
