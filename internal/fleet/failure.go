package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
)

// Failure is why an application does not run: what it did, and what its owner can change.
type Failure struct {
	Reason string
	Output []string // last lines the application wrote
	cause  error
}

func (f *Failure) Unwrap() error { return f.cause }

func (f *Failure) Error() string { return f.Reason }

// failureOf sorts an engine's error: the application's faults become a *Failure.
func failureOf(err error) error {
	for _, code := range []engine.Code{engine.BadCommand, engine.WrongArchitecture, engine.BadImage, engine.DiskFull} {
		if engine.Is(err, code) {
			return &Failure{Reason: err.Error()}
		}
	}
	return err
}

// exitFailure tells why the process ended.
func (m *member) exitFailure() *Failure {
	f := &Failure{Output: m.tail(10)}
	limit := m.revision.Spec.Instance.Memory
	switch e := m.left; {
	case e.OutOfMemory:
		f.Reason = fmt.Sprintf("Your application was killed because it used more than its memory limit of %d MB%s. Give the instance more memory, or make the application use less. Container exit code: %d",
			limit, peak(e.MemoryPeak), e.Code)
	case e.DiskFull:
		f.Reason = fmt.Sprintf("Your application stopped with its ephemeral disk full: an instance has %d GB. Write less, or store files elsewhere. Container exit code: %d",
			apprunner.EphemeralDisk>>30, e.Code)
	default:
		f.Reason = fmt.Sprintf("Your application stopped or failed to start. See logs for more information.  Container exit code: %d", e.Code)
	}
	f.Reason += notStarted(m.left.Code, f.Output)
	if len(f.Output) > 0 {
		f.Reason += ". Last output: " + strings.Join(f.Output[max(0, len(f.Output)-3):], " | ")
	}
	return f
}

// notStarted explains an instance whose command exists and could not be executed all the same. The
// runtime then ends with 255 after one line.
func notStarted(code int, output []string) string {
	if code != 255 || len(output) != 1 || !strings.HasPrefix(output[0], "exec ") {
		return ""
	}
	switch {
	case strings.HasSuffix(output[0], "exec format error"):
		return fmt.Sprintf(". The command is not a program for this machine: build it for linux/%s, or begin a script with #! and its interpreter", runtime.GOARCH)
	case strings.HasSuffix(output[0], "no such file or directory"):
		return ". The command needs a loader or an interpreter that the image does not have: link the program statically, or use an image that has it"
	default:
		return ""
	}
}

func peak(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return fmt.Sprintf(" (peak %d MB)", bytes>>20)
}

// unhealthyFailure tells why an instance that runs does not pass its health check.
func (m *member) unhealthyFailure(ctx context.Context, err error) *Failure {
	port := m.revision.Spec.Image.Port
	f := &Failure{Output: m.tail(10), cause: err}
	if status, ok := errors.AsType[*badStatus](err); ok {
		f.Reason = fmt.Sprintf("Health check failed on path '%s' and port '%d': the application %v. Make the path answer a status from 200 to 399, or set another health check path.",
			m.revision.Spec.Health.Path, port, status)
		return f
	}
	listeners, lerr := m.group.fleet.engine.Listening(ctx, m.id)
	f.Reason = fmt.Sprintf("Health check failed on port '%d'. Check your configured port number. For more information, read the application logs. %s",
		port, explain(port, listeners, lerr == nil, m, err))
	return f
}

// explain tells what the application listens on instead.
func explain(port int, listeners []engine.Listener, known bool, m *member, err error) string {
	if !known {
		return fmt.Sprintf("The check said: %v.", err)
	}
	var others []int
	for _, l := range listeners {
		switch {
		case l.Port == port && l.Address.IsLoopback():
			return fmt.Sprintf("The application listens on %s only, which nothing outside its instance can reach. Make it listen on 0.0.0.0:%d.", netip.AddrPortFrom(l.Address, uint16(port)), port)
		case l.Port == port:
			return fmt.Sprintf("The application listens on port %d but does not answer: %v.", port, err)
		}
		others = append(others, l.Port)
	}
	if len(others) == 0 {
		return fmt.Sprintf("The application did not listen on any port within %v. It must listen on 0.0.0.0:%d (the PORT variable); if it needs longer to start, make it listen first.", m.group.fleet.opts.StartTimeout, port)
	}
	slices.Sort(others)
	ports := strings.Trim(strings.ReplaceAll(fmt.Sprint(slices.Compact(others)), " ", ", "), "[]")
	return fmt.Sprintf("The application listens on port %s instead. Set the service's port to it, or make the application listen on the PORT variable.", ports)
}
