package containerd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// launchTimeout is long for a process that only has to be scheduled, on a machine that is busy.
const launchTimeout = 10 * time.Second

// gate is the pipe at which runc leaves the first process of a container waiting.
func (p paths) gate(id string) string {
	return filepath.Join(p.file("runc"), namespace, id, "exec.fifo")
}

// launch lets a prepared instance execute its command. The process waits until somebody reads from its
// gate. "runc start" does no more than that, but to have it done takes two calls, a program and some
// 15 ms of processor time; a request waits for this. Containerd is told nothing: to it the container
// stays created, and it sees its end all the same.
func (e *Engine) launch(ctx context.Context, id string) error {
	gate, err := os.OpenFile(e.paths.gate(id), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // launched before
	}
	if err != nil {
		return fmt.Errorf("start instance %q: %w", id, err)
	}
	defer gate.Close()
	ctx, cancel := context.WithTimeout(ctx, launchTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = gate.SetReadDeadline(time.Now()) })()
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 10*time.Millisecond) {
		n, err := gate.Read(make([]byte, 1))
		switch {
		case n > 0:
			return e.launched(id)
		case ctx.Err() != nil:
			return fmt.Errorf("start instance %q: its process does not come to its gate: %w", id, context.Cause(ctx))
		case !errors.Is(err, io.EOF):
			return fmt.Errorf("start instance %q: %w", id, err)
		}
		// Nobody is at the gate: not yet, or not any more.
		switch e.initName(id) {
		case waitingName:
			time.Sleep(pause)
		case "":
			return fmt.Errorf("start instance %q: it ended before it was started", id)
		default: // whoever launched it was killed before the next line
			return e.launched(id)
		}
	}
}

// launched notes that the instance needs no launch any more.
func (e *Engine) launched(id string) error {
	if err := os.Remove(e.paths.gate(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("start instance %q: %w", id, err)
	}
	return nil
}

// waits reports whether the first process of an instance still waits to execute the command.
func (e *Engine) waits(id string) bool {
	if _, err := os.Stat(e.paths.gate(id)); err != nil {
		return false
	}
	return e.initName(id) == waitingName
}

// waitingName is how runc calls the process that becomes the command.
const waitingName = "runc:[2:INIT]"

// initName is the name of the first process of an instance as the kernel has it, "" when it has ended.
func (e *Engine) initName(id string) string {
	b, err := os.ReadFile(filepath.Join(e.paths.bundle(id), "init.pid"))
	pid, err2 := strconv.Atoi(string(b))
	if err != nil || err2 != nil || startTime(pid) == "" {
		return ""
	}
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}
