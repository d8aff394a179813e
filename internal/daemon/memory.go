package daemon

import (
	"bytes"
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

// forgetProgram unmaps the pages of the program's file that nobody can have changed: code and constants.
func forgetProgram() error {
	file, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	var errs []error
	for line := range bytes.Lines(maps) {
		first, last, ok := unchangeable(string(line), file)
		if !ok {
			continue
		}
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, first, last-first, unix.MADV_DONTNEED); errno != 0 {
			errs = append(errs, os.NewSyscallError("madvise", errno))
		}
	}
	return errors.Join(errs...)
}

// unchangeable reads a line of /proc/self/maps. It reports the addresses of a part of the file that cannot
// be written to.
func unchangeable(line, file string) (first, last uintptr, ok bool) {
	const rights, name = 1, 5
	fields := strings.Fields(line)
	if len(fields) <= name || strings.Join(fields[name:], " ") != file || !strings.HasPrefix(fields[rights], "r-") {
		return 0, 0, false
	}
	_, err := fmt.Sscanf(fields[0], "%x-%x", &first, &last)
	return first, last, err == nil
}
