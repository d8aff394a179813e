package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/certificate"
)

func newCA(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "ca",
		Short: "Print the file of the local authority's certificate, for clients to trust",
		Long: `Print the file of the local authority's certificate. It signs for names under localhost, and for all
names while ACME is disabled. Nobody trusts it before told to, for example with

  curl --cacert "$(slipway ca)" https://…`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := g.dir()
			if err != nil {
				return err
			}
			file := certificate.RootFile(dir)
			_, err = os.Stat(file)
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s has no local authority yet: it is made by \"slipway serve --https-listen ADDRESS\"", dir)
			}
			if err != nil {
				return fmt.Errorf("look for the local authority's certificate: %w", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), file)
			return err
		},
	}
}
