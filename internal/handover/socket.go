package handover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// socketName is the name of the socket in its directory.
const socketName = "control.sock"

// ErrNobody tells that nobody listens.
var ErrNobody = errors.New("nobody listens")

// Listener takes connections of other processes.
type Listener struct{ socket *net.UnixListener }

// Listen makes the socket in a directory. One that is there, of a process that is gone or is replaced,
// gives way in one step. Only the user of this process, and root, can connect.
func Listen(dir string) (*Listener, error) {
	var l *net.UnixListener
	err := within(dir, func(short string) (err error) {
		temporary := filepath.Join(short, socketName+".new")
		if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if l, err = net.ListenUnix("unixpacket", &net.UnixAddr{Net: "unixpacket", Name: temporary}); err != nil {
			return err
		}
		l.SetUnlinkOnClose(false) // by then the name may be that of another process
		if err := os.Chmod(temporary, 0o600); err != nil {
			return errors.Join(err, l.Close())
		}
		if err := os.Rename(temporary, filepath.Join(short, socketName)); err != nil {
			return errors.Join(err, l.Close())
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listen in %s: %w", dir, err)
	}
	return &Listener{l}, nil
}

// Accept returns the next connection.
func (l *Listener) Accept() (*Conn, error) {
	socket, err := l.socket.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return newConn(socket), nil
}

// Close stops listening. The socket's file stays.
func (l *Listener) Close() error { return l.socket.Close() }

// Dial connects to who listens in a directory. The error wraps ErrNobody when nobody does.
func Dial(ctx context.Context, dir string) (*Conn, error) {
	var socket net.Conn
	err := within(dir, func(short string) (err error) {
		socket, err = (&net.Dialer{}).DialContext(ctx, "unixpacket", filepath.Join(short, socketName))
		return err
	})
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("connect to the process of %s: %w", dir, ErrNobody)
	case err != nil:
		return nil, fmt.Errorf("connect to the process of %s: %w", dir, err)
	}
	return newConn(socket.(*net.UnixConn)), nil
}

// within calls f with a short path of the directory: that of a socket may have 107 bytes only.
func within(dir string, f func(short string) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d", d.Fd()))
}
