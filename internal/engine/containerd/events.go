package containerd

import (
	"context"
	"fmt"
	"time"

	eventtypes "github.com/containerd/containerd/api/events"
	"github.com/containerd/containerd/v2/core/events"
	"github.com/containerd/typeurl/v2"

	"github.com/slipway-run/slipway/internal/engine"
)

// Events streams changes until ctx ends or the engine is closed, beginning with the present state
// of every instance.
func (e *Engine) Events(ctx context.Context) <-chan engine.Event {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(e.life, cancel)
	out, r := e.hub.subscribe(ctx)
	go func() { // ends with ctx
		for {
			list, err := e.List(ctx)
			if err == nil {
				for _, inst := range list {
					e.hub.introduce(r, eventOf(inst))
				}
				return
			}
			if retryPause(ctx) != nil {
				return
			}
		}
	}()
	return out
}

func eventOf(inst engine.Instance) engine.Event {
	return engine.Event{ID: inst.ID, State: inst.State, Exit: inst.Exit}
}

// resyncEvery bounds how long an exit can go unnoticed when its event is lost.
const resyncEvery = 15 * time.Second

// watch follows containerd's events until ctx ends, and connects again when it went away.
func (e *Engine) watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := e.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		e.log.Debug("events of containerd ended, connecting again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// follow passes events on until the stream breaks. First it subscribes, then it tells the present
// state: so nothing falls between the two.
func (e *Engine) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if _, err := e.client.IsServing(ctx); err != nil { // waits for as long as it is away
		return fmt.Errorf("wait for containerd: %w", err)
	}
	stream, errs := e.client.Subscribe(ctx, `topic~="^/tasks/(start|exit|oom)$"`)
	list, err := e.List(ctx)
	if err != nil {
		return err
	}
	for _, inst := range list {
		e.tell(ctx, inst.ID)
	}
	resync := time.NewTicker(resyncEvery)
	defer resync.Stop()
	for {
		select {
		case <-resync.C:
			// To list instances is to note, and so to tell, an exit that no event told of.
			if _, err := e.List(ctx); err != nil {
				return err
			}
		case env := <-stream:
			if env != nil {
				e.handle(ctx, env)
			}
		case err := <-errs:
			return err
		}
	}
}

// handle acts on one event of containerd. Its order in the stream is not relied on: an event only
// says which instance to look at.
func (e *Engine) handle(ctx context.Context, env *events.Envelope) {
	id, err := e.subject(env)
	if err != nil {
		e.log.Warn("unreadable event of containerd", "topic", env.Topic, "error", err)
		return
	}
	if id == "" {
		return
	}
	// An exit takes a while to note; other instances' events need not wait for it.
	e.wg.Go(func() { e.tell(ctx, id) })
}

// tell publishes the state of an instance. One at a time looks and publishes, so that an older
// state is not told after a newer one.
func (e *Engine) tell(ctx context.Context, id string) {
	defer e.telling.Lock(id)()
	inst, err := e.Inspect(ctx, id)
	switch {
	case err == nil:
		e.hub.publish(eventOf(inst))
	case ctx.Err() == nil && !engine.Is(err, engine.NotFound):
		e.log.Warn("cannot look at an instance that changed", "id", id, "error", err)
	}
}

// subject returns the instance that an event is about; "" when it is about none.
func (e *Engine) subject(env *events.Envelope) (string, error) {
	if env.Namespace != namespace || env.Event == nil {
		return "", nil
	}
	v, err := typeurl.UnmarshalAny(env.Event)
	if err != nil {
		return "", err
	}
	switch ev := v.(type) {
	case *eventtypes.TaskStart:
		return ev.ContainerID, nil
	case *eventtypes.TaskExit:
		if ev.ID != ev.ContainerID { // not the main process
			return "", nil
		}
		return ev.ContainerID, nil
	case *eventtypes.TaskOOM:
		return "", e.paths.instance(ev.ContainerID).mark(markOOM)
	}
	return "", nil
}
