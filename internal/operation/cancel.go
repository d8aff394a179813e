package operation

import (
	"context"
	"errors"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// errCancelled is why an operation failed that somebody cancelled.
var errCancelled = apprunner.Errorf(apprunner.InvalidRequest, "The operation was cancelled.")

// Cancel ends an operation that has not yet sent traffic to a new revision: it fails and is rolled back.
// It reports whether the operation runs. When the daemon is killed before that is recorded, the next one
// goes on with the operation.
func (r *Runner) Cancel(operationID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	cancel, ok := r.cancels[operationID]
	if ok {
		cancel(errCancelled)
	}
	return ok
}

// cancellable is the context of what Cancel ends. Done must be called.
func (r *Runner) cancellable(ctx context.Context, id string) (work context.Context, done func()) {
	work, cancel := context.WithCancelCause(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancels == nil {
		r.cancels = map[string]context.CancelCauseFunc{}
	}
	r.cancels[id] = cancel
	return work, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.cancels, id)
		cancel(nil)
	}
}

// cancelled returns why somebody ended the step, nil when nobody did.
func cancelled(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errCancelled) {
		return errCancelled
	}
	return nil
}
