package daemon

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"

	"github.com/slipway-run/slipway/internal/handover"
)

// ownProgram is what this process runs, also after the file was replaced.
const ownProgram = "/proc/self/exe"

// takeOverFlag is the flag of "slipway serve" that Config.TakeOver comes from.
const takeOverFlag = "--take-over"

// spawn starts a daemon like this one from a program, to take over. What comes from the channel is how it
// ended.
func spawn(program string) (<-chan error, error) {
	ended := make(chan error, 1)
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
		ended <- err
		return ended, fmt.Errorf("start %s: %w", program, err)
	}
	go func() { ended <- cmd.Wait() }() // it outlives this process, or its remains are collected
	return ended, nil
}

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
		return fmt.Errorf("another process is taking over already")
	}
	select {
	case <-d.succession.served: // of an earlier one
	default:
	}
	d.log.Info("restarting", "program", what.Program)
	ended, err := spawn(what.Program)
	if err != nil {
		return err
	}
	select {
	case pid := <-d.succession.served:
		return conn.Send(sayRestarted, restarted{pid})
	case err := <-ended:
		return fmt.Errorf("the new process of %s ended (%w); the log of the daemon tells why. The old one, %d, goes on", what.Program, err, os.Getpid())
	case <-ctx.Done():
		return fmt.Errorf("the daemon ends")
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
