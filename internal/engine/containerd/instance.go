package containerd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	tasks "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"

	"github.com/slipway-run/slipway/internal/engine"
)

// Labels of our own, beside those of the instance's owner.
const (
	labelPrefix  = "slipway.engine/"
	labelAddress = labelPrefix + "address"
)

var validID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

func notFound(id string) error {
	return engine.Errorf(engine.NotFound, "instance %q does not exist", id)
}

// instanceDir holds the files of one instance.
type instanceDir string

func (d instanceDir) file(name string) string { return filepath.Join(string(d), name) }
func (d instanceDir) disk() string            { return d.file("disk") }

// Points in the life of an instance that are passed once are files: to write one is all or
// nothing, and needs no containerd.
const (
	markPrepared = "prepared"
	markStarted  = "started"
	markOOM      = "oom"
)

func (d instanceDir) mark(name string) error {
	return writeFile(d.file(name), []byte(time.Now().UTC().Format(time.RFC3339Nano)))
}

// marked returns when a mark was made; the zero time when it was not.
func (d instanceDir) marked(name string) time.Time {
	b, err := os.ReadFile(d.file(name))
	if err != nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return time.Unix(0, 0) // made, but damaged by a crash of the machine
	}
	return t
}

// record returns what containerd's database has of an instance.
func (e *Engine) record(ctx context.Context, id string) (containers.Container, error) {
	if !validID.MatchString(id) {
		return containers.Container{}, notFound(id)
	}
	c, err := e.client.ContainerService().Get(ctx, id)
	if errdefs.IsNotFound(err) {
		return c, notFound(id)
	}
	if err != nil {
		return c, fmt.Errorf("find instance %q: %w", id, err)
	}
	return c, nil
}

// task returns the process of an instance as its shim knows it; nil when there is none.
func (e *Engine) task(ctx context.Context, id string) (*task.Process, error) {
	r, err := e.client.TaskService().Get(ctx, &tasks.GetRequest{ContainerID: id})
	if err = errgrpc.ToNative(err); errdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find process of instance %q: %w", id, err)
	}
	return r.Process, nil
}

// Inspect returns one instance.
func (e *Engine) Inspect(ctx context.Context, id string) (engine.Instance, error) {
	c, err := e.record(ctx, id)
	if err != nil {
		return engine.Instance{}, err
	}
	t, err := e.task(ctx, id)
	if err != nil {
		return engine.Instance{}, err
	}
	inst, ok, err := e.describe(ctx, c, t)
	if err == nil && !ok {
		err = notFound(id)
	}
	return inst, err
}

// List returns every instance, also those that an earlier process started.
func (e *Engine) List(ctx context.Context) ([]engine.Instance, error) {
	records, err := e.client.ContainerService().List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", err)
	}
	r, err := e.client.TaskService().List(ctx, &tasks.ListTasksRequest{})
	if err != nil {
		return nil, fmt.Errorf("list processes of instances: %w", errgrpc.ToNative(err))
	}
	byID := make(map[string]*task.Process, len(r.Tasks))
	for _, t := range r.Tasks {
		byID[t.ID] = t
	}
	list := make([]engine.Instance, 0, len(records))
	for _, c := range records {
		inst, ok, err := e.describe(ctx, c, byID[c.ID])
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, inst)
		}
	}
	return list, nil
}

// describe puts together what is known of an instance. It is false for one that is not prepared
// yet, or is about to be removed.
func (e *Engine) describe(ctx context.Context, c containers.Container, t *task.Process) (engine.Instance, bool, error) {
	dir := e.paths.instance(c.ID)
	inst := engine.Instance{ID: c.ID, Labels: ownersLabels(c), Address: addressOf(c)}
	inst.StartedAt = dir.marked(markStarted)
	if dir.marked(markPrepared).IsZero() {
		return inst, false, nil
	}
	if inst.Exit = dir.exit(); inst.Exit == nil && ended(t) {
		var err error
		if inst.Exit, err = e.settle(ctx, c.ID); err != nil {
			return inst, false, err
		}
	}
	switch {
	case inst.Exit != nil:
		inst.State = engine.Exited
	case inst.StartedAt.IsZero() || t.GetStatus() == task.Status_CREATED && e.waits(c.ID):
		inst.State = engine.Prepared
	default:
		inst.State = engine.Running
		if frozen, err := e.groups.Child(c.ID).Frozen(); err == nil && frozen {
			inst.State = engine.Frozen
		}
	}
	return inst, true, nil
}

// ended reports whether the process is over, or lost together with its shim.
func ended(t *task.Process) bool {
	return t == nil || t.Status == task.Status_STOPPED
}

// containerLabels renders the labels of an instance's owner and our own. Containerd drops labels
// without a value, so each value of an owner gets a character in front.
func containerLabels(owners map[string]string, address netip.Addr) map[string]string {
	labels := map[string]string{labelAddress: address.String()}
	for k, v := range owners {
		labels[k] = "=" + v
	}
	return labels
}

func ownersLabels(c containers.Container) map[string]string {
	labels := map[string]string{}
	for k, v := range c.Labels {
		if v, ok := strings.CutPrefix(v, "="); ok && !strings.HasPrefix(k, labelPrefix) {
			labels[k] = v
		}
	}
	return labels
}

func addressOf(c containers.Container) netip.Addr {
	a, _ := netip.ParseAddr(c.Labels[labelAddress])
	return a
}

// recover clears what a process that was killed left half done, and returns the addresses of the
// instances that remain, by id.
func (e *Engine) recover(ctx context.Context) (map[string]netip.Addr, error) {
	records, err := e.client.ContainerService().List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", err)
	}
	known := map[string]bool{}
	claimed := map[string]netip.Addr{}
	for _, c := range records {
		dir := e.paths.instance(c.ID)
		if dir.marked(markPrepared).IsZero() {
			err := e.wipe(ctx, c.ID)
			if err == nil {
				continue
			}
			// The others must not suffer. The next process tries again; until then it is not listed.
			e.log.Error("a half-made instance was not removed", "id", c.ID, "error", err)
		}
		known[c.ID] = true
		if a := addressOf(c); a.IsValid() {
			claimed[c.ID] = a
		}
	}
	entries, err := os.ReadDir(e.paths.instances())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list instance directories: %w", err)
	}
	for _, entry := range entries {
		if !known[entry.Name()] {
			if err := e.paths.instance(entry.Name()).remove(); err != nil {
				return nil, err
			}
		}
	}
	return claimed, nil
}

func (d instanceDir) unmark(name string) error {
	if err := os.Remove(d.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unmark instance: %w", err)
	}
	return nil
}
