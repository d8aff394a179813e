package daemon

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// process is another process. It stands for no later one that gets the same number.
type process struct {
	pid int
	fd  *os.File // nil where there is no such thing: before Linux 5.3, and where it is forbidden
}

func openProcess(pid int) (process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	switch {
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.EINVAL):
		return process{}, fmt.Errorf("find process %d: %w", pid, os.NewSyscallError("pidfd_open", err))
	case err != nil:
		return process{pid: pid}, nil
	}
	return process{pid, os.NewFile(uintptr(fd), "process")}, nil
}

// endsWithin waits until the process ends, and reports whether it has. One of which the kernel does not tell
// counts as ended.
func (p process) endsWithin(d time.Duration) (ended bool) {
	if p.fd == nil {
		return true
	}
	raw, err := p.fd.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { ended = polled(fd, d) })
	}
	return ended || err != nil
}

func polled(fd uintptr, within time.Duration) bool {
	for deadline := time.Now().Add(within); ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(max(time.Until(deadline), 0).Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return n != 0 || err != nil
		}
	}
}

func (p process) close() {
	if p.fd != nil {
		_ = p.fd.Close()
	}
}
