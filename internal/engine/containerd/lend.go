package containerd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/typeurl/v2"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/slipway-run/slipway/internal/engine"
)

// Secrets must be in no file. Containerd has the description of a container, with its environment, in
// its database and in a file beside the container's root. So what containerd gets is without them, and
// slipway-runc hands runc the whole one: from a pipe, which exists while runc makes the container.

// runcFor is the program that makes the containers of an instance.
func runcFor(spec engine.Spec) string {
	if len(spec.Secrets) > 0 {
		return "slipway-runc"
	}
	return "runc"
}

// loan is the description of a container while it is lent to runc.
type loan struct {
	dir   string
	ended chan error
	pipe  *os.File // both ends of the pipe, so that neither side ever waits to open it
}

// lend offers runc the description of a container with the secrets of an instance, if it has any.
func (e *Engine) lend(spec engine.Spec, c containers.Container) (*loan, error) {
	if len(spec.Secrets) == 0 {
		return nil, nil
	}
	l, err := e.startLoan(spec, c)
	if err != nil {
		return nil, fmt.Errorf("hand the secrets of instance %q over: %w", spec.ID, err)
	}
	return l, nil
}

func (e *Engine) startLoan(spec engine.Spec, c containers.Container) (*loan, error) {
	data, err := withSecrets(c.Spec, spec.Secrets, filepath.Join(e.paths.bundle(spec.ID), "rootfs"))
	if err != nil {
		return nil, err
	}
	l := &loan{dir: e.paths.instance(spec.ID).file("lent"), ended: make(chan error, 1)}
	if err := os.Mkdir(l.dir, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(l.dir, "config.json")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		return nil, err
	}
	// Without O_NONBLOCK the runtime could not interrupt a write that nobody reads.
	if l.pipe, err = os.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0); err != nil {
		return nil, err
	}
	go func() {
		_, err := l.pipe.Write(data)
		l.ended <- err
	}()
	return l, nil
}

// end takes the description back. What runc has not read is gone.
func (l *loan) end() error {
	if l == nil {
		return nil
	}
	err := l.pipe.Close()
	if written := <-l.ended; written != nil && !errors.Is(written, os.ErrClosed) {
		err = errors.Join(err, written)
	}
	return errors.Join(err, os.RemoveAll(l.dir))
}

// withSecrets is the description of a container, with more environment, and for another place than the
// one that its root is beside.
func withSecrets(description typeurl.Any, secrets []string, root string) ([]byte, error) {
	var s specs.Spec
	if err := json.Unmarshal(description.GetValue(), &s); err != nil {
		return nil, err
	}
	if s.Process == nil || s.Root == nil {
		return nil, io.ErrUnexpectedEOF
	}
	s.Process.Env = slices.Concat(s.Process.Env, secrets)
	s.Root.Path = root
	return json.Marshal(s)
}
