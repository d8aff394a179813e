package containerd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/containerd/api/types/task"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd/cgroup"
)

// Start runs a prepared instance.
func (e *Engine) Start(ctx context.Context, id string) (engine.Instance, error) {
	defer e.locks.Lock(id)()
	c, err := e.record(ctx, id)
	if err != nil {
		return engine.Instance{}, err
	}
	dir := e.paths.instance(id)
	if !dir.marked(markStarted).IsZero() || dir.exit() != nil {
		return e.started(ctx, id)
	}
	// The mark comes first: an instance that runs must never look as if it did not. If this
	// process dies before the next line, the state still follows from what the process does.
	if err := dir.mark(markStarted); err != nil {
		return engine.Instance{}, err
	}
	if err := e.launch(ctx, id); err != nil {
		return engine.Instance{}, err
	}
	e.hub.publish(engine.Event{ID: id, State: engine.Running})
	inst, ok, err := e.describe(ctx, c, &task.Process{Status: task.Status_RUNNING})
	if err == nil && !ok {
		err = notFound(id)
	}
	return inst, err
}

// started returns an instance that Start was called for before.
func (e *Engine) started(ctx context.Context, id string) (engine.Instance, error) {
	inst, err := e.Inspect(ctx, id)
	if err != nil {
		return inst, err
	}
	switch inst.State {
	case engine.Exited:
		return inst, fmt.Errorf("start instance %q: it has already exited, with code %d", id, inst.Exit.Code)
	case engine.Prepared: // the last try ended between the mark and the start
		if err := e.launch(ctx, id); err != nil {
			return inst, err
		}
		e.hub.publish(engine.Event{ID: id, State: engine.Running})
		return e.Inspect(ctx, id)
	}
	return inst, nil
}

// Freeze stops all processes of an instance from being scheduled. The kernel then takes back what memory
// it can, which nobody waits for.
func (e *Engine) Freeze(ctx context.Context, id string) error {
	if err := e.setFrozen(ctx, id, engine.Frozen); err != nil {
		return err
	}
	e.wg.Go(func() {
		if err := e.groups.Child(id).Reclaim(); err != nil && !errors.Is(err, cgroup.ErrGone) {
			e.log.Debug("memory of a frozen instance was not taken back", "id", id, "error", err)
		}
	})
	return nil
}

// Thaw lets them run again.
func (e *Engine) Thaw(ctx context.Context, id string) error {
	return e.setFrozen(ctx, id, engine.Running)
}

// SetCPU limits a running instance to so many units of CPU, without asking anyone but the kernel.
func (e *Engine) SetCPU(_ context.Context, id string, units int) error {
	if err := e.checkRunning(id); err != nil {
		return err
	}
	if err := e.groups.Child(id).SetCPU(cpuQuota(units), cpuPeriod); err != nil {
		return fmt.Errorf("limit the CPU of instance %q: %w", id, err)
	}
	return nil
}

// setFrozen asks nobody but the kernel: a request may be waiting for it.
func (e *Engine) setFrozen(ctx context.Context, id string, want engine.State) error {
	if err := e.checkRunning(id); err != nil {
		return err
	}
	defer e.telling.Lock(id)()
	begin := time.Now()
	group := e.groups.Child(id)
	var err error
	if want == engine.Frozen {
		err = group.Freeze(ctx)
	} else {
		err = group.Thaw(ctx)
	}
	if err != nil {
		return fmt.Errorf("set instance %q to %s: %w", id, want, err)
	}
	e.log.Debug("instance set", "id", id, "state", want, "took", time.Since(begin))
	e.hub.publish(engine.Event{ID: id, State: want})
	return nil
}

// checkRunning returns an error unless the instance's command is being run, frozen or not.
func (e *Engine) checkRunning(id string) error {
	dir := e.paths.instance(id)
	if !validID.MatchString(id) || dir.marked(markPrepared).IsZero() {
		return notFound(id)
	}
	if x := dir.exit(); x != nil {
		return fmt.Errorf("instance %q has exited, with code %d", id, x.Code)
	}
	if dir.marked(markStarted).IsZero() {
		return fmt.Errorf("instance %q has not been started", id)
	}
	if pids, err := e.groups.Child(id).Processes(); err != nil || len(pids) == 0 {
		return fmt.Errorf("instance %q has no process left", id)
	}
	return nil
}
