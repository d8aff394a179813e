package containerd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	tasks "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd/cgroup"
)

// Stop sends SIGTERM, and SIGKILL when the instance still runs after grace. An instance that was
// never started is ended at once, as it has no application to say goodbye to.
func (e *Engine) Stop(ctx context.Context, id string, grace time.Duration) error {
	inst, err := e.Inspect(ctx, id)
	if err != nil || inst.State == engine.Exited {
		return err
	}
	if inst.State != engine.Prepared && grace > 0 {
		if err := e.signal(ctx, id, syscall.SIGTERM); err != nil {
			return err
		}
		polite, cancel := context.WithTimeoutCause(ctx, grace, errGrace)
		err := e.awaitExit(polite, id)
		cancel()
		if err == nil || !errors.Is(err, errGrace) {
			return err
		}
	}
	if err := e.signal(ctx, id, syscall.SIGKILL); err != nil {
		return err
	}
	return e.awaitExit(ctx, id)
}

var errGrace = errors.New("grace period is over")

// signal sends a signal to the main process, awake: a frozen one would not get it. It tries again
// while containerd is away. A process that has ended meanwhile is no error.
func (e *Engine) signal(ctx context.Context, id string, sig syscall.Signal) error {
	for {
		if err := e.groups.Child(id).Thaw(ctx); err != nil && !errors.Is(err, cgroup.ErrGone) {
			return fmt.Errorf("thaw instance %q: %w", id, err)
		}
		_, err := e.client.TaskService().Kill(ctx, &tasks.KillRequest{ContainerID: id, Signal: uint32(sig)})
		err = errgrpc.ToNative(err)
		switch {
		case err == nil, errdefs.IsNotFound(err), errdefs.IsFailedPrecondition(err):
			return nil
		case !errdefs.IsUnavailable(err):
			return fmt.Errorf("send %s to instance %q: %w", sig, id, err)
		}
		if err := retryPause(ctx); err != nil {
			return fmt.Errorf("send %s to instance %q: containerd is away: %w", sig, id, err)
		}
	}
}

// awaitExit returns when the instance has exited, and all about it is noted.
func (e *Engine) awaitExit(ctx context.Context, id string) error {
	for {
		inst, err := e.Inspect(ctx, id)
		switch {
		case err == nil && inst.State == engine.Exited, engine.Is(err, engine.NotFound):
			return nil // removed by another caller is as good
		case err == nil:
			// Its errors tell no more than that it is worth looking again.
			_, err = e.client.TaskService().Wait(ctx, &tasks.WaitRequest{ContainerID: id})
		}
		if ctx.Err() != nil {
			return fmt.Errorf("wait for instance %q to exit: %w", id, context.Cause(ctx))
		}
		if err != nil {
			if err := retryPause(ctx); err != nil {
				return fmt.Errorf("wait for instance %q to exit: %w", id, err)
			}
		}
	}
}

// retryPause waits a moment before containerd is asked again.
func retryPause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}

// Remove stops the instance at once and forgets all of it but its logs. To remove an instance
// that is not there is no error.
func (e *Engine) Remove(ctx context.Context, id string) error {
	if !validID.MatchString(id) {
		return nil
	}
	defer e.locks.Lock(id)()
	if err := e.wipe(ctx, id); err != nil {
		return fmt.Errorf("remove instance %q: %w", id, err)
	}
	e.hub.forget(id)
	return nil
}

// wipe takes an instance apart, whatever state it is in and however much of it exists. The record
// goes last: until then a wipe that was interrupted can be done again.
func (e *Engine) wipe(ctx context.Context, id string) error {
	c, err := e.record(ctx, id)
	missing := engine.Is(err, engine.NotFound)
	if err != nil && !missing {
		return err
	}
	dir := e.paths.instance(id)
	if missing {
		return dir.remove()
	}
	half, started := dir.marked(markPrepared).IsZero(), !dir.marked(markStarted).IsZero()
	if err := dir.unmark(markPrepared); err != nil { // from here on it is not listed
		return err
	}
	if err := e.removeTask(ctx, id); err != nil {
		return err
	}
	if half {
		if err := e.endOrphans(ctx, id); err != nil {
			return err
		}
	}
	if err := removeGroups(ctx, e.groups.Child(id)); err != nil {
		return err
	}
	if !started { // it has written nothing, and nobody will ask for it
		if err := e.ForgetLogs(ctx, id); err != nil {
			return err
		}
	}
	if err := dir.remove(); err != nil {
		return err
	}
	if err := e.releaseNetwork(c); err != nil {
		return err
	}
	if err := e.client.SandboxStore().Delete(ctx, id); err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("delete record: %w", err)
	}
	if err := e.client.ContainerService().Delete(ctx, id); err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("delete record: %w", err)
	}
	return nil
}

// endOrphans ends what was started for an instance that was never finished. When the caller goes
// away while containerd makes a task, or containerd itself does, the shim and what it started may
// be nobody's.
func (e *Engine) endOrphans(ctx context.Context, id string) error {
	of := func(args []string) bool { return e.paths.isShim(args) && slices.Contains(args, id) }
	cleans := func(args []string) bool { return of(args) && args[len(args)-1] == "delete" }
	if err := killAll(ctx, func(args []string) bool { return of(args) && !cleans(args) }); err != nil {
		return err
	}
	if err := killGroup(ctx, e.groups.Child(id)); err != nil {
		return err
	}
	// Containerd cleans up when it sees the end of the shim, if it sees it.
	polite, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := awaitNone(polite, cleans); err != nil {
		return err
	}
	err := unix.Unmount(e.paths.bundle(id)+"/rootfs", unix.MNT_DETACH)
	if err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("unmount root file system: %w", err)
	}
	return nil
}

func (e *Engine) releaseNetwork(c containers.Container) error {
	e.insides.close(c.ID)
	address := addressOf(c)
	if !address.IsValid() || e.net == nil { // before the network is open, it drops what nobody claims
		return nil
	}
	return e.net.Release(address)
}

// removeTask kills the process and ends its shim.
func (e *Engine) removeTask(ctx context.Context, id string) error {
	for {
		t, err := e.task(ctx, id)
		if err != nil || t == nil {
			return err
		}
		if !ended(t) {
			if err := e.signal(ctx, id, syscall.SIGKILL); err != nil {
				return err
			}
			if _, err := e.client.TaskService().Wait(ctx, &tasks.WaitRequest{ContainerID: id}); err != nil && ctx.Err() != nil {
				return fmt.Errorf("wait for process to end: %w", context.Cause(ctx))
			}
		}
		_, err = e.client.TaskService().Delete(ctx, &tasks.DeleteTaskRequest{ContainerID: id})
		err = errgrpc.ToNative(err)
		if err == nil || errdefs.IsNotFound(err) {
			return nil
		}
		if !errdefs.IsUnavailable(err) && !errdefs.IsFailedPrecondition(err) {
			return fmt.Errorf("delete process: %w", err)
		}
		if err := retryPause(ctx); err != nil {
			return fmt.Errorf("delete process: %w", err)
		}
	}
}
