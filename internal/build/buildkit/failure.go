package buildkit

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	gateway "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/engine"
)

// machineError is no fault of the repository, though it came up while that was read or built.
type machineError struct{ err error }

func (m *machineError) Error() string { return m.err.Error() }
func (m *machineError) Unwrap() error { return m.err }

// baseFailure tells a reference that cannot work from a registry that fails.
func baseFailure(reference string, err error) error {
	if failure, ok := errors.AsType[*plan.Failure](err); ok {
		return failure
	}
	said := ""
	if e, ok := errors.AsType[*transport.Error](err); ok {
		switch e.StatusCode {
		case 404:
			said = "the registry does not have it. Check the name and the tag"
		case 401, 403:
			said = "the registry refuses access. Check the name, or log in with: slipway registry login HOST"
		}
	}
	if e, ok := errors.AsType[*engine.Error](err); ok && (e.Code == engine.ImageNotFound || e.Code == engine.AccessDenied || e.Code == engine.BadImage) {
		said = e.Message
	}
	if said == "" {
		return &machineError{fmt.Errorf("find base image %q: %w", reference, err)}
	}
	return refuse("The build begins from image %q: %s.", reference, said)
}

// explain turns what BuildKit says into what happened: whose fault it is, and what to do.
func (b *Builder) explain(ctx context.Context, t *transcript, err error) error {
	t.flush()
	if failure, ok := errors.AsType[*plan.Failure](err); ok {
		return failure
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errTimeout) {
		return fmt.Errorf("build: %w", cause)
	} else if cause != nil {
		return b.timedOut(t)
	}
	if machine, ok := errors.AsType[*machineError](err); ok {
		return fmt.Errorf("build: %w", machine.err)
	}
	failed := t.failed
	if failed == nil {
		return fmt.Errorf("build: %w", err)
	}
	exit, exited := errors.AsType[*gateway.ExitError](err)
	switch {
	case t.diskFull(failed):
		return failed.failure(0, fmt.Sprintf("%s: the disk of builds is full (%s). Delete what the step does not need, or raise build.disk.",
			failed.name(), bytesText(b.opts.Limits.Disk)))
	case exited && exit.ExitCode != gateway.UnknownExitStatus && t.memoryFull(failed, int(exit.ExitCode)):
		return failed.failure(int(exit.ExitCode), fmt.Sprintf("%s was killed because the build reached its memory limit of %s. Let it use less, or raise build.memory.",
			failed.name(), bytesText(b.opts.Limits.Memory)))
	case exited && exit.ExitCode != gateway.UnknownExitStatus:
		return failed.failure(int(exit.ExitCode), fmt.Sprintf("%s failed with exit code %d%s.", failed.name(), exit.ExitCode, failed.saying()))
	case status.Code(err) == codes.Unavailable:
		return fmt.Errorf("build: %w", err)
	default:
		return failed.failure(0, fmt.Sprintf("%s failed: %s.", failed.name(), bare(failed.err)))
	}
}

func (b *Builder) timedOut(t *transcript) error {
	reason := fmt.Sprintf("The build did not end within %v", b.opts.Limits.Timeout)
	v := t.current
	if v == nil || v.done && v.err == "" {
		return &plan.Failure{Phase: plan.Build, Reason: reason + ". Raise build.timeout if it needs longer."}
	}
	return v.failure(0, fmt.Sprintf("%s; it was at %s. Commands must end by themselves; raise build.timeout if they need longer.", reason, v.quoted()))
}

func (v *vertex) failure(code int, reason string) *plan.Failure {
	return &plan.Failure{Phase: v.phase, Command: v.command, ExitCode: code, Output: v.last, Reason: reason}
}

func (v *vertex) quoted() string { return fmt.Sprintf("%q in phase %s", firstLine(v.command), v.phase) }

// name begins a sentence.
func (v *vertex) name() string {
	if v.command == "" {
		return "A step of phase " + string(v.phase)
	}
	return fmt.Sprintf("Phase %s: the command %q", v.phase, firstLine(v.command))
}

// saying quotes the last thing that a command printed.
func (v *vertex) saying() string {
	for _, line := range slices.Backward(v.last) {
		if text := strings.TrimSpace(line); text != "" {
			return fmt.Sprintf("; its last line: %s", strings.TrimSuffix(text, "."))
		}
	}
	return ""
}

// almostFull is how much is free when nothing more can be written, in bytes: a file system keeps a bit.
const almostFull = 16 << 20

// diskFull tells whether a command failed for want of space. It says so itself, in most cases; that
// there was none left says it as well, unless an earlier build is still being cleared away.
func (t *transcript) diskFull(v *vertex) bool {
	const said = "no space left on device"
	if strings.Contains(strings.ToLower(v.err+strings.Join(v.last, "\n")), said) {
		return t.first != nil && t.free < t.first.Free/2
	}
	return t.first != nil && t.first.Free > 4*almostFull && t.free < almostFull
}

// memoryFull tells whether a command failed by the limit. Not the command itself has to be killed: it may
// have been the compiler that it started. That the limit was hit says little alone, since older kernels
// also count what they could make room for.
func (t *transcript) memoryFull(v *vertex, code int) bool {
	const killed = 128 + 9
	return t.kills > 0 && (code == killed || strings.Contains(strings.Join(v.last, "\n"), "Killed"))
}

var wrapping = regexp.MustCompile(`^((failed to (compute cache key|calculate checksum of ref \S+|solve|load cache key)|dockerfile parse error on line \d+): )+`)

// bare leaves out what says where in BuildKit an error passed.
func bare(text string) string { return strings.TrimSuffix(wrapping.ReplaceAllString(text, ""), ".") }

// interrupted tells that a build failed because another one, which was fetching the same for both, was
// cancelled or failed. To try again is all that it takes.
func interrupted(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && (status.Code(err) == codes.Canceled || grpcerrors.Code(err) == codes.Canceled)
}

// bytesText writes a size for people.
func bytesText(n int64) string {
	if n >= 1<<30 && n%(1<<30) == 0 {
		return fmt.Sprintf("%d GB", n>>30)
	}
	return fmt.Sprintf("%d MB", n>>20)
}
