package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/build/bake"
	"github.com/slipway-run/slipway/internal/daemon"
	"github.com/slipway-run/slipway/internal/engine/containerd"
)

func newDoctor(g *globals) *cobra.Command {
	config := daemon.DefaultConfig()
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check whether Slipway can run on this machine, and say what is missing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := g.dir()
			if err != nil {
				return err
			}
			problems := containerd.Preflight(containerd.Options{DataDir: dir, BinDir: config.EngineDir})
			for _, p := range bake.Missing() {
				problems = append(problems, containerd.Problem{What: p.What + ", for \"slipway runtimes build\"", Fix: p.Fix})
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), append([]containerd.Problem{}, problems...))
			}
			fatal := 0
			for _, p := range problems {
				mark := "warning"
				if p.Fatal {
					mark = "missing"
					fatal++
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n         To do: %s\n", mark, p.What, p.Fix)
			}
			if fatal > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "Slipway cannot run here: %d things are missing.\n", fatal)
				return quietError{1}
			}
			fmt.Fprintln(cmd.OutOrStdout(), "Slipway can run here.")
			return nil
		},
	}
	cmd.Flags().StringVar(&config.EngineDir, "engine-dir", config.EngineDir, "the directory of containerd, its shim, runc, slipway-log and slipway-runc")
	return cmd
}
