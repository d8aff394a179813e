package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/autoscale"
)

func newScaling(g *globals) *cobra.Command {
	opts := logOptions{stream: admin.ScalingStream}
	cmd := &cobra.Command{
		Use:   "scaling SERVICE",
		Short: "Show how many instances a service has, and why",
		Args:  oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if opts.follow {
				return g.followScaling(cmd, args[0], opts)
			}
			c, err := g.connect()
			if err != nil {
				return err
			}
			scaling, err := c.scaling(cmd.Context(), args[0], opts)
			if err != nil {
				return err
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), scaling)
			}
			return printScaling(cmd.OutOrStdout(), scaling)
		},
	}
	opts.add(cmd)
	return cmd
}

func (c *client) scaling(ctx context.Context, service string, opts logOptions) (admin.Scaling, error) {
	var scaling admin.Scaling
	body, err := c.admin(ctx, http.MethodGet, "services/"+url.PathEscape(service)+"/scaling?"+opts.query(), nil)
	if err != nil {
		return scaling, err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(&scaling); err != nil {
		return scaling, fmt.Errorf("read the decisions: %w", err)
	}
	return scaling, nil
}

func printScaling(w io.Writer, scaling admin.Scaling) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(scaling.Decisions) > 0 {
		fmt.Fprintln(table, "TIME\tINSTANCES\tREQUESTS\tREASON")
	}
	for _, d := range scaling.Decisions {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", d.Time.Local().Format(time.DateTime), steps(d), requests(d.Inputs), d.Reason)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if scaling.Now == nil {
		_, err := fmt.Fprintln(w, "The service serves nothing now.")
		return err
	}
	in := scaling.Now.Inputs
	_, err := fmt.Fprintf(w, "Now: %d wanted of %d to %d, %d ready; %s. %s\n",
		scaling.Now.To, in.MinSize, in.MaxSize, in.Ready, load(in), scaling.Now.Reason)
	return err
}

// steps is "2 → 5", with what the load asked for beyond MaxSize.
func steps(d autoscale.Record) string {
	text := fmt.Sprintf("%d → %d", d.From, d.To)
	if d.Need > d.Inputs.MaxSize {
		text += fmt.Sprintf(" (of %d)", d.Need)
	}
	return text
}

func requests(in autoscale.Inputs) string {
	if in.Waiting == 0 {
		return fmt.Sprint(in.Requests)
	}
	return fmt.Sprintf("%d, %d waiting", in.Requests, in.Waiting)
}

// load is "3 requests at a time", with how many of them wait.
func load(in autoscale.Inputs) string {
	text := "1 request at a time"
	if in.Requests != 1 {
		text = fmt.Sprintf("%d requests at a time", in.Requests)
	}
	if in.Waiting > 0 {
		text += fmt.Sprintf(", %d of them waiting", in.Waiting)
	}
	return text
}

// followScaling prints decisions as they come, a line each.
func (g *globals) followScaling(cmd *cobra.Command, service string, opts logOptions) error {
	if g.output == "json" {
		return g.printLogs(cmd, service, opts, func(line admin.Line) string { return line.Text })
	}
	return g.printLogs(cmd, service, opts, func(line admin.Line) string {
		var d autoscale.Record
		if json.Unmarshal([]byte(line.Text), &d) != nil {
			return line.Text
		}
		return strings.Join([]string{line.Time.Local().Format(stamp), steps(d), requests(d.Inputs), d.Reason}, "  ")
	})
}
