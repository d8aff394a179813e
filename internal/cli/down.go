package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/daemon"
	"github.com/slipway-run/slipway/internal/engine/containerd"
)

// downTime is how long a daemon may take to end before it is killed.
const downTime = 20 * time.Second

func newDown(g *globals) *cobra.Command {
	var deleteData bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop Slipway and everything that it runs",
		Long: `Stop Slipway and everything that it runs: instances, engine, network, mounts.

Services and images stay in the data directory: the next "slipway serve" brings them back.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := g.dir()
			if err != nil {
				return err
			}
			if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
				fmt.Fprintf(cmd.OutOrStdout(), "There is no Slipway in %s.\n", dir)
				return nil
			}
			if err := stopDaemon(cmd, dir); err != nil {
				return err
			}
			options := containerd.Options{DataDir: dir, BinDir: daemon.DefaultConfig().EngineDir}
			if err := containerd.Destroy(cmd.Context(), options, deleteData); err != nil {
				return fmt.Errorf("clean up after Slipway in %s: %w", dir, err)
			}
			if deleteData {
				if err := os.RemoveAll(dir); err != nil {
					return fmt.Errorf("delete the data directory: %w", err)
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Slipway in %s is down.\n", dir)
			return nil
		},
	}
	cmd.Flags().BoolVar(&deleteData, "delete-data", false, "also delete the data directory with all services and images")
	return cmd
}

// stopDaemon asks the daemon to end, waits, and kills it when it takes too long. One that was replaced and
// still has clients ends with its successor, or is asked when that had to be killed.
func stopDaemon(cmd *cobra.Command, dir string) error {
	for last := 0; ; {
		pid, err := daemon.Running(dir)
		if err != nil || pid == 0 {
			return err
		}
		if pid == last {
			fmt.Fprintf(cmd.ErrOrStderr(), "It did not end within %v and is killed.\n", downTime)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill process %d: %w", pid, err)
			}
		} else {
			fmt.Fprintf(cmd.OutOrStdout(), "Stopping Slipway (process %d).\n", pid)
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("stop process %d: %w", pid, err)
			}
		}
		if err := awaitOther(cmd.Context(), dir, pid); err != nil {
			return err
		}
		last = pid
	}
}

// awaitOther returns when another process is the daemon, or none is, or it took too long.
func awaitOther(ctx context.Context, dir string, pid int) error {
	deadline := time.Now().Add(downTime)
	for {
		running, err := daemon.Running(dir)
		if err != nil || running != pid || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
