package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/admin"
)

type operation = admin.Operation

// stamp is how times of log lines are shown: to the millisecond.
const stamp = "2006-01-02T15:04:05.000Z07:00"

func newLogs(g *globals) *cobra.Command {
	var opts logOptions
	var deployment string
	cmd := &cobra.Command{
		Use:   "logs SERVICE",
		Short: "Print what the instances of a service wrote",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.stream = admin.Application
			if deployment != "" {
				opts.stream = "deployment/" + deployment
			}
			return g.printLogs(cmd, args[0], opts)
		},
	}
	opts.add(cmd)
	cmd.Flags().StringVar(&deployment, "deployment", "", "print the deployment log of this operation instead")
	return cmd
}

func newEvents(g *globals) *cobra.Command {
	opts := logOptions{stream: "events"}
	cmd := &cobra.Command{
		Use:   "events SERVICE",
		Short: "Print what happened to a service",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return g.printLogs(cmd, args[0], opts) },
	}
	opts.add(cmd)
	return cmd
}

// logOptions say which lines to print.
type logOptions struct {
	stream string
	follow bool
	since  time.Duration
}

func (o *logOptions) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on with new lines")
	cmd.Flags().DurationVar(&o.since, "since", 0, "only lines of the last while, such as 10m")
}

func (o *logOptions) query() string {
	query := url.Values{"stream": {o.stream}}
	if o.follow {
		query.Set("follow", "1")
	}
	if o.since > 0 {
		query.Set("since", time.Now().Add(-o.since).Format(time.RFC3339Nano))
	}
	return query.Encode()
}

func (g *globals) printLogs(cmd *cobra.Command, name string, opts logOptions) error {
	c, err := g.connect()
	if err != nil {
		return err
	}
	body, err := c.admin(cmd.Context(), http.MethodGet, "services/"+url.PathEscape(name)+"/logs?"+opts.query(), nil)
	if err != nil {
		return err
	}
	defer body.Close()
	decoder := json.NewDecoder(body)
	for {
		var line admin.Line
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) || cmd.Context().Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the log was cut off: %w", err)
		}
		if g.output == "json" {
			err = json.NewEncoder(cmd.OutOrStdout()).Encode(line)
		} else {
			_, err = fmt.Fprintln(cmd.OutOrStdout(), line.Time.Local().Format(stamp), short(line.Stream), line.Text)
		}
		if err != nil {
			return err
		}
	}
}

// short names an instance by the first digits of its id; other streams need no name.
func short(stream string) string {
	if id, ok := cutInstance(stream); ok {
		return "[" + id[:min(8, len(id))] + "]"
	}
	return ""
}

func cutInstance(stream string) (string, bool) {
	const prefix = "instance/"
	if len(stream) > len(prefix) && stream[:len(prefix)] == prefix {
		return stream[len(prefix):], true
	}
	return "", false
}

func newOperations(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "operations SERVICE",
		Short: "List the operations of a service, newest first",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.connect()
			if err != nil {
				return err
			}
			all, err := c.operations(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), all)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "ID\tTYPE\tSTATUS\tSTARTED\tTOOK\tREASON")
			for _, o := range all {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", o.ID, o.Type, o.Status, o.StartedAt.Local().Format(time.DateTime), took(o), o.Reason)
			}
			return table.Flush()
		},
	}
}

func took(o operation) string {
	if o.EndedAt.IsZero() {
		return string(o.Step)
	}
	return o.EndedAt.Sub(o.StartedAt).Round(time.Millisecond).String()
}
