//go:build !race

package direct

import (
	"syscall"
	"unsafe"
)

// Read reads from a socket that does not block. No bytes and no error are its end; syscall.EAGAIN tells that
// there is nothing yet.
func Read(fd uintptr, p []byte) (int, syscall.Errno) { return call(syscall.SYS_READ, fd, p) }

// Write writes to a socket that does not block. syscall.EAGAIN tells that there is no room yet.
func Write(fd uintptr, p []byte) (int, syscall.Errno) { return call(syscall.SYS_WRITE, fd, p) }

func call(trap, fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p))) //nolint:gosec // the kernel gets the slice as it is
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
