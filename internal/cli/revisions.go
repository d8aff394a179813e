package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/admin"
)

func newRevisions(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "revisions SERVICE",
		Short: "List the revisions of a service that can be brought back",
		Args:  oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.connect()
			if err != nil {
				return err
			}
			body, err := c.admin(cmd.Context(), http.MethodGet, "services/"+url.PathEscape(args[0])+"/revisions", nil)
			if err != nil {
				return err
			}
			defer body.Close()
			var all []admin.Revision
			if err := json.NewDecoder(body).Decode(&all); err != nil {
				return fmt.Errorf("read the revisions: %w", err)
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), all)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "REVISION\tSTATE\tCREATED\tSOURCE")
			for _, r := range all {
				fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", r.Number, stateOf(r), r.CreatedAt.Local().Format(time.DateTime), sourceOf(r))
			}
			return table.Flush()
		},
	}
}

func stateOf(r admin.Revision) string {
	switch {
	case r.Serving:
		return "serving"
	case r.Served:
		return "kept"
	case r.Digest == "":
		return "not built"
	default:
		return "never healthy"
	}
}

func sourceOf(r admin.Revision) string {
	if r.Commit == nil {
		return r.Image
	}
	return r.Commit.Short() + " " + r.Commit.Message
}

func newRollback(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "rollback SERVICE [REVISION]",
		Short: "Bring an older revision back: image, configuration and environment, without a build",
		Long: `Bring an older revision of a service back: image, configuration and environment together, as they
were and without a build. Without a number it is the one that served before the present one.
"slipway revisions" lists what is kept.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			number := 0
			if len(args) > 1 {
				n, err := strconv.Atoi(args[1])
				if err != nil || n < 1 {
					return fmt.Errorf("%q is not the number of a revision. See them with \"slipway revisions %s\"", args[1], args[0])
				}
				number = n
			}
			c, err := g.connect()
			if err != nil {
				return err
			}
			s, err := c.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			id, err := c.begin(cmd.Context(), *s.ServiceName, "rollback", map[string]int{"Revision": number})
			if err != nil {
				return err
			}
			return c.follow(cmd, *s.ServiceArn, id)
		},
	}
}

func newCancel(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "cancel SERVICE",
		Short: "End the build or deployment of a service that is in progress",
		Long: `End the build or deployment of a service that is in progress. The service goes back to what it was. It is
too late for that when traffic goes to the new revision.`,
		Args: oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.connect()
			if err != nil {
				return err
			}
			s, err := c.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			id, err := c.begin(cmd.Context(), *s.ServiceName, "cancel", struct{}{})
			if err != nil {
				return err
			}
			o, err := c.wait(cmd.Context(), *s.ServiceArn, id, nil)
			if err != nil {
				return err
			}
			if o.Status == "SUCCEEDED" {
				return errors.New("it was too late: the operation had done its work")
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is cancelled: %s.\n", o.Type, o.Status)
			return nil
		},
	}
}

// begin asks Slipway's own API for an operation on a service and returns its id.
func (c *client) begin(ctx context.Context, service, what string, in any) (operationID string, err error) {
	body, err := c.admin(ctx, http.MethodPost, "services/"+url.PathEscape(service)+"/"+what, in)
	if err != nil {
		return "", err
	}
	defer body.Close()
	var out admin.Started
	if err := json.NewDecoder(body).Decode(&out); err != nil {
		return "", fmt.Errorf("read the operation: %w", err)
	}
	return out.OperationID, nil
}
