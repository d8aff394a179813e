package containerd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"time"

	tasks "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/sandbox"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd/network"
)

// cleanupTimeout bounds how long what was begun is undone after the caller has gone.
const cleanupTimeout = 30 * time.Second

// Prepare makes an instance that needs only Start.
func (e *Engine) Prepare(ctx context.Context, spec engine.Spec) (engine.Instance, error) {
	if err := checkSpec(spec); err != nil {
		return engine.Instance{}, err
	}
	defer e.locks.Lock(spec.ID)()
	if !e.paths.instance(spec.ID).marked(markPrepared).IsZero() {
		inst, err := e.Inspect(ctx, spec.ID)
		if !engine.Is(err, engine.NotFound) {
			return inst, err
		}
	}
	// A record without the mark is what a killed process left.
	if err := e.wipe(ctx, spec.ID); err != nil {
		return engine.Instance{}, fmt.Errorf("clear instance %q: %w", spec.ID, err)
	}
	address, err := e.prepare(ctx, spec)
	if err != nil {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		return engine.Instance{}, withCleanup(err, e.wipe(clean, spec.ID))
	}
	inst := engine.Instance{ID: spec.ID, Labels: maps.Clone(spec.Labels), State: engine.Prepared, Address: address.Address}
	e.hub.publish(engine.Event{ID: spec.ID, State: engine.Prepared})
	return inst, nil
}

func checkSpec(spec engine.Spec) error {
	switch {
	case !validID.MatchString(spec.ID):
		return fmt.Errorf("instance id %q: want up to 63 lower-case letters, digits and hyphens", spec.ID)
	case spec.CPU <= 0 || spec.Memory <= 0 || spec.Disk <= 0:
		return fmt.Errorf("instance %q: CPU %d, memory %d and disk %d must all be above 0", spec.ID, spec.CPU, spec.Memory, spec.Disk)
	}
	return nil
}

// withCleanup keeps the kind of err, and tells of a cleanup that failed too.
func withCleanup(err, cleanup error) error {
	if cleanup == nil {
		return err
	}
	if known, ok := errors.AsType[*engine.Error](err); ok {
		return &engine.Error{Code: known.Code, Message: known.Message, Err: errors.Join(known.Err, cleanup)}
	}
	return errors.Join(err, cleanup)
}

// prepare makes all parts of an instance. The record comes before what it claims can be lost, and
// the mark comes last.
func (e *Engine) prepare(ctx context.Context, spec engine.Spec) (network.Endpoint, error) {
	var none network.Endpoint
	img, err := e.image(ctx, spec.Image)
	if err != nil {
		return none, err
	}
	lower, err := e.view(ctx, img)
	if err != nil {
		return none, err
	}
	dir := e.paths.instance(spec.ID)
	if err := os.MkdirAll(string(dir), 0o700); err != nil {
		return none, fmt.Errorf("create instance directory: %w", err)
	}
	if err := dir.writeWiring(spec); err != nil {
		return none, err
	}
	endpoint, err := e.net.Acquire(ctx)
	if err != nil {
		return none, fmt.Errorf("give instance %q a network: %w", spec.ID, err)
	}
	// The disk takes about as long as the record, and neither needs the other.
	disk := make(chan error, 1)
	go func() { disk <- e.makeFiles(ctx, dir, spec, endpoint) }()
	record, recordErr := e.writeRecord(ctx, spec, img, endpoint)
	diskErr := <-disk
	if recordErr != nil {
		// Without a record nobody would know that the address is in use.
		return none, withCleanup(recordErr, e.net.Release(endpoint.Address))
	}
	if diskErr != nil {
		return none, diskErr
	}
	if err := e.wire(spec, endpoint.Address); err != nil {
		return none, err
	}
	if err := e.keepExit(ctx, spec.ID); err != nil {
		return none, err
	}
	loan, err := e.lend(spec, record)
	if err != nil {
		return none, err
	}
	err = e.createTask(ctx, spec, dir.rootfs(lower))
	if err = errors.Join(err, loan.end()); err != nil {
		return none, err
	}
	return endpoint, dir.mark(markPrepared)
}

func (e *Engine) makeFiles(ctx context.Context, dir instanceDir, spec engine.Spec, endpoint network.Endpoint) error {
	if err := dir.writeNetworkFiles(spec.ID, endpoint.Address, e.dns); err != nil {
		return err
	}
	return e.disks.attach(ctx, dir, spec.Disk)
}

func (e *Engine) writeRecord(ctx context.Context, spec engine.Spec, img image, endpoint network.Endpoint) (containers.Container, error) {
	c := containers.Container{
		ID: spec.ID, Labels: containerLabels(spec.Labels, endpoint.Address), Image: spec.Image,
		Snapshotter: snapshotter, SnapshotKey: img.viewKey(),
	}
	var err error
	if c.Runtime, err = e.runtime(spec); err != nil {
		return c, err
	}
	if c.Spec, err = e.ociSpec(ctx, spec, img, &c, endpoint); err != nil {
		return c, err
	}
	if _, err := e.client.ContainerService().Create(ctx, c); err != nil {
		return c, fmt.Errorf("record instance %q: %w", spec.ID, err)
	}
	return c, nil
}

// keepExit has containerd keep the exit of a process that ends while containerd is dead. When it
// starts, it ends the shims of processes that have ended, and what they know of the exit is lost,
// unless it takes them for the shim of a sandbox.
func (e *Engine) keepExit(ctx context.Context, id string) error {
	_, err := e.client.SandboxStore().Create(ctx, sandbox.Sandbox{ID: id, Runtime: sandbox.RuntimeOpts{Name: runtimeName}})
	if err != nil && !errdefs.IsAlreadyExists(err) {
		return fmt.Errorf("record instance %q: %w", id, err)
	}
	return nil
}

// createTask starts the shim and the log writer, and has runc make the container up to the point
// where only the command is left to execute.
func (e *Engine) createTask(ctx context.Context, spec engine.Spec, rootfs mount.Mount) error {
	log := e.logURI(spec.ID)
	_, err := e.client.TaskService().Create(ctx, &tasks.CreateTaskRequest{
		ContainerID: spec.ID,
		Rootfs:      []*types.Mount{{Type: rootfs.Type, Source: rootfs.Source, Options: rootfs.Options}},
		Stdout:      log,
		Stderr:      log,
	})
	if err = errgrpc.ToNative(err); err == nil {
		return nil
	}
	if known := commandError(err); known != nil {
		return known
	}
	return fmt.Errorf("create container of instance %q: %w", spec.ID, err)
}
