package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/iam"
)

func newEnv(g *globals) *cobra.Command {
	var secret bool
	cmd := &cobra.Command{
		Use:   "env",
		Short: `Print variables that make plain AWS clients use Slipway: eval "$(slipway env)"`,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := g.dir()
			if err != nil {
				return err
			}
			if secret {
				key, err := iam.ReadRoot(dir)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "Access key ID:     %s\nSecret access key: %s\n", key.ID, key.Secret)
				return err
			}
			lines, err := iam.Exports(dir)
			if err != nil {
				return err
			}
			for _, line := range lines {
				fmt.Fprintln(cmd.OutOrStdout(), line)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&secret, "secret", false, "print the root access key, to sign in to the console or to a registry client")
	return cmd
}
