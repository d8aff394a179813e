package containerd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	tasks "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd/logfile"
)

const (
	// killedCode is reported when nobody saw how the process ended, as after a crash of the
	// machine: whatever it was, it was not its own decision.
	killedCode = 137
	// outputTimeout is longer than a log writer goes on when it was asked to end.
	outputTimeout = 10 * time.Second
	// diskMargin is how much space may be left on a disk that counts as full: an application
	// fails on a write that is larger than what is left.
	diskMargin = 1 << 20
)

// settle notes how an instance ended, once and for all, and lets go of its shim. What the kernel
// knows of the instance is read, and kept in a draft, before its control group goes. The end of
// the shim is what ends the log writer, after it has written everything. Only then the draft
// becomes the exit that others see: so the output of an exited instance is complete.
func (e *Engine) settle(ctx context.Context, id string) (*engine.Exit, error) {
	defer e.settling.Lock(id)()
	dir := e.paths.instance(id)
	if x := dir.exit(); x != nil {
		return x, nil
	}
	x := dir.readExit(exitDraft)
	if x == nil {
		t, err := e.task(ctx, id)
		if err != nil {
			return nil, err
		}
		if !ended(t) {
			return nil, nil
		}
		x = e.examine(id, t)
		e.log.Debug("instance ended", "id", id, "exit", *x, "status", t.GetStatus())
		if err := dir.writeDraft(*x); err != nil {
			return nil, fmt.Errorf("note exit of instance %q: %w", id, err)
		}
	}
	_, err := e.client.TaskService().Delete(ctx, &tasks.DeleteTaskRequest{ContainerID: id})
	if err = errgrpc.ToNative(err); err != nil && !errdefs.IsNotFound(err) {
		return nil, fmt.Errorf("end shim of instance %q: %w", id, err)
	}
	e.awaitOutput(ctx, id)
	err = os.Rename(dir.file(exitDraft), dir.file(exitFinal))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound(id) // removed meanwhile
	}
	if err != nil {
		return nil, fmt.Errorf("note exit of instance %q: %w", id, err)
	}
	// Containerd's own event may be lost when the shim is ended this soon.
	e.hub.publish(engine.Event{ID: id, State: engine.Exited, Exit: x})
	return x, nil
}

// awaitOutput waits for the log writer, which another process may have asked to end. The instance
// has exited even if that hangs.
func (e *Engine) awaitOutput(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, outputTimeout)
	defer cancel()
	if err := logfile.Await(ctx, e.logDir(id)); err != nil {
		e.log.Warn("output of an ended instance may be incomplete", "id", id, "error", err)
	}
}

const (
	exitDraft = "exit.draft.json"
	exitFinal = "exit.json"
)

// exit returns how the instance ended, or nil when it has not, or not all of it is noted yet.
func (d instanceDir) exit() *engine.Exit { return d.readExit(exitFinal) }

func (d instanceDir) readExit(name string) *engine.Exit {
	b, err := os.ReadFile(d.file(name))
	if err != nil {
		return nil
	}
	var x engine.Exit
	if json.Unmarshal(b, &x) != nil {
		return nil
	}
	return &x
}

func (d instanceDir) writeDraft(x engine.Exit) error {
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return writeFile(d.file(exitDraft), b)
}

// examine finds out how an instance ended. Whatever cannot be found out stays unknown: that the
// instance has ended must not depend on it.
func (e *Engine) examine(id string, t *task.Process) *engine.Exit {
	x := &engine.Exit{Code: killedCode, At: time.Now().UTC()}
	if t != nil {
		x.Code = int(t.ExitStatus)
		if at := t.GetExitedAt(); at.IsValid() && at.GetSeconds() > 0 {
			x.At = at.AsTime()
		}
	}
	dir := e.paths.instance(id)
	mem, err := e.groups.Child(id).Memory()
	if err != nil {
		e.log.Debug("memory of an ended instance is unknown", "id", id, "error", err)
	}
	x.MemoryPeak = mem.Peak
	// The mark is made when the kernel tells; it helps when the group went with a dead shim.
	x.OutOfMemory = mem.OOMKills > 0 || !dir.marked(markOOM).IsZero()
	if _, free, err := dir.diskUse(); err == nil {
		x.DiskFull = free < diskMargin
	}
	return x
}
