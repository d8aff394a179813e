package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func newServices(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "services",
		Aliases: []string{"ls"},
		Short:   "List services",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.connect()
			if err != nil {
				return err
			}
			services, err := c.services(cmd.Context())
			if err != nil {
				return err
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), services)
			}
			if len(services) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "There is no service yet. Make one: slipway deploy IMAGE --name NAME")
				return nil
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "NAME\tSTATUS\tURL\tUPDATED")
			for _, s := range services {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", *s.ServiceName, *s.Status, c.url(*s.ServiceUrl), s.UpdatedAt.Local().Format(time.DateTime))
			}
			return table.Flush()
		},
	}
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

func newOpen(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "open SERVICE",
		Short: "Print the URL of a service",
		Args:  oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.connect()
			if err != nil {
				return err
			}
			s, err := c.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), c.url(*s.ServiceUrl))
			return err
		},
	}
}
