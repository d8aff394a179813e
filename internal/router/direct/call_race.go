//go:build race

package direct

import (
	"errors"
	"syscall"
)

// Read and Write are those of syscall here, of which the race detector knows that what is read was written
// before.

// Read reads from a socket that does not block.
func Read(fd uintptr, p []byte) (int, syscall.Errno) { return call(syscall.Read, fd, p) }

// Write writes to a socket that does not block.
func Write(fd uintptr, p []byte) (int, syscall.Errno) { return call(syscall.Write, fd, p) }

func call(do func(int, []byte) (int, error), fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, err := do(int(fd), p)
		if errno, _ := errors.AsType[syscall.Errno](err); errno != syscall.EINTR {
			return max(n, 0), errno
		}
	}
}
