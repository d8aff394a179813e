package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/admin"
)

func newInstances(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "instances SERVICE",
		Short: "List the instances of a service and what they do: active, throttled, frozen or prepared",
		Long: `List the instances of a service. ACTIVE ones take requests with all their CPU; THROTTLED and FROZEN ones
had no request for a while and wake with the next; PREPARED ones are kept ready to be started.`,
		Args: oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.connect()
			if err != nil {
				return err
			}
			body, err := c.admin(cmd.Context(), http.MethodGet, "services/"+url.PathEscape(args[0])+"/instances", nil)
			if err != nil {
				return err
			}
			defer body.Close()
			var all []admin.Instance
			if err := json.NewDecoder(body).Decode(&all); err != nil {
				return fmt.Errorf("read the instances: %w", err)
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), all)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "INSTANCE\tSTATE\tREVISION\tREQUESTS\tSINCE")
			for _, i := range all {
				fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%s\n", i.ID, i.State, i.Revision, i.Requests, i.Since.Local().Format(time.DateTime))
			}
			return table.Flush()
		},
	}
}
