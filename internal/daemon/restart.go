package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"github.com/slipway-run/slipway/internal/handover"
)

// ownProgram is what this process runs, also after the file was replaced.
const ownProgram = "/proc/self/exe"

// takeOverFlag is the flag of "slipway serve" that Config.TakeOver comes from.
const takeOverFlag = "--take-over"

// successor is a process that this one started to take over. It outlives this one, or its remains are
// collected.
type successor struct {
	process *os.Process
	ended   chan error
}

// spawn starts a daemon like this one from a program, to take over.
func spawn(program string) (*successor, error) {
	args := slices.Clone(os.Args[1:])
	if !slices.Contains(args, takeOverFlag) {
		args = append(args, takeOverFlag)
	}
	cmd := exec.Command(program, args...)
	if program == ownProgram {
		cmd.Args[0] = os.Args[0]
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	s := &successor{cmd.Process, make(chan error, 1)}
	go func() { s.ended <- cmd.Wait() }()
	return s, nil
}

// stop ends a process that is not wanted any more.
func (s *successor) stop() { _ = s.process.Signal(syscall.SIGTERM) }

// restart has a process of a program, or of this daemon's own, take over, and tells when it serves.
func (d *Daemon) restart(ctx context.Context, conn *handover.Conn, m handover.Message) error {
	var what restart
	if err := m.Read(&what); err != nil {
		return err
	}
	if what.Program == "" {
		var err error
		if what.Program, err = os.Executable(); err != nil {
			return err
		}
	}
	if d.succession.busy.Load() {
		return errBusy
	}
	select {
	case <-d.succession.served: // of an earlier one
	default:
	}
	d.log.Info("restarting", "program", what.Program)
	next, err := spawn(what.Program)
	if err != nil {
		return err
	}
	select {
	case pid := <-d.succession.served:
		return conn.Send(sayRestarted, restarted{pid})
	case err := <-next.ended:
		return fmt.Errorf("the new process of %s ended (%w); the log of the daemon tells why. The old one, %d, goes on", what.Program, err, os.Getpid())
	case <-ctx.Done():
		next.stop()
		return errors.New("the daemon ends")
	}
}

// Restart has the daemon of a data directory replaced by a new process without a request dropped: of a
// program, or of the file that the present one was started from. It returns the new process when that one
// serves.
func Restart(ctx context.Context, dataDir, program string) (pid int, err error) {
	conn, err := handover.Dial(ctx, dataDir)
	if err != nil {
		if _, infoErr := ReadInfo(dataDir); infoErr != nil {
			return 0, infoErr
		}
		return 0, fmt.Errorf("%w. Start Slipway with \"slipway serve\"", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := conn.Send(sayRestart, restart{program}); err != nil {
		return 0, err
	}
	m, _, err := conn.Receive()
	if err != nil {
		return 0, fmt.Errorf("the daemon was lost while it was restarted: %w", err)
	}
	var done restarted
	if m.Kind != sayRestarted {
		return 0, refusal(m)
	}
	return done.PID, m.Read(&done)
}
