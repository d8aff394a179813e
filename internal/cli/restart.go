package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/daemon"
)

func newRestart(g *globals) *cobra.Command {
	var program string
	cmd := &cobra.Command{
		Use:     "restart",
		Aliases: []string{"upgrade"},
		Short:   "Replace the running Slipway by a new process, or another version, without a request dropped",
		Long: `Replace the running Slipway by a new process without a request dropped.

The daemon starts the program again, as it was started: the file may have been replaced by another
version meanwhile. The new process reads the configuration, gets the listening sockets, and takes over.
The old one goes on until the new one serves, then finishes its requests and ends; WebSockets have
timeouts.linger. When the new process fails, the old one goes on.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := g.dir()
			if err != nil {
				return err
			}
			if program != "" {
				if program, err = filepath.Abs(program); err != nil {
					return err
				}
			}
			pid, err := daemon.Restart(cmd.Context(), dir, program)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Process %d serves now.\n", pid)
			return nil
		},
	}
	cmd.Flags().StringVar(&program, "binary", "", "the program to start; by default the file that runs")
	return cmd
}
