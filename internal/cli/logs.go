package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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
	var deployment, kind string
	cmd := &cobra.Command{
		Use:   "logs SERVICE",
		Short: "Print what the instances of a service wrote, or who asked it what",
		Args:  oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch opts.stream = kind; {
			case deployment != "":
				opts.stream = "deployment/" + deployment
			case kind != admin.Application && kind != admin.Access:
				return fmt.Errorf("--type %q is neither %s nor %s", kind, admin.Application, admin.Access)
			}
			return g.printLogs(cmd, args[0], opts, nil)
		},
	}
	opts.add(cmd)
	cmd.Flags().StringVar(&kind, "type", admin.Application, "which log: application, or access for the requests")
	cmd.Flags().StringVar(&deployment, "deployment", "", "print the deployment log of this operation instead")
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

func (o *logOptions) query() string { return o.values().Encode() }

func (o *logOptions) values() url.Values {
	query := url.Values{"stream": {o.stream}}
	if o.follow {
		query.Set("follow", "1")
	}
	if o.since > 0 {
		query.Set("since", time.Now().Add(-o.since).Format(time.RFC3339Nano))
	}
	return query
}

// printLogs prints a log, its lines as format has them if that is given. When it is followed, it goes on
// after a restart of the daemon.
func (g *globals) printLogs(cmd *cobra.Command, name string, opts logOptions, format func(admin.Line) string) error {
	path := "services/" + url.PathEscape(name) + "/logs?" + opts.query()
	printer := &logPrinter{out: cmd.OutOrStdout(), json: g.output == "json", format: format, seen: map[string]place{}}
	err := g.readLogs(cmd.Context(), path, printer)
	told := false
	for opts.follow && (err == nil || errors.Is(err, errCutOff)) {
		select {
		case <-cmd.Context().Done():
			return nil
		case <-time.After(reconnectPause):
		}
		err = g.readLogs(cmd.Context(), path, printer)
		if _, answered := errors.AsType[*apiError](err); answered {
			return nil // the service was deleted
		}
		if err != nil && !errors.Is(err, errCutOff) {
			if !told {
				fmt.Fprintln(cmd.ErrOrStderr(), "slipway: waiting for the daemon:", err)
			}
			told, err = true, nil
		}
	}
	return err
}

// reconnectPause is how long a follower waits before it looks for the daemon again.
const reconnectPause = 200 * time.Millisecond

var errCutOff = errors.New("the log was cut off")

// readLogs prints what the daemon sends until that ends.
func (g *globals) readLogs(ctx context.Context, path string, printer *logPrinter) error {
	c, err := g.connect()
	if err != nil {
		return err
	}
	body, err := c.admin(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	printer.rewind()
	decoder := json.NewDecoder(body)
	for {
		var line admin.Line
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errCutOff, err)
		}
		if err := printer.print(line); err != nil {
			return err
		}
	}
}

// logPrinter prints lines, those that a second reading of the same log repeats only once.
type logPrinter struct {
	out    io.Writer
	json   bool
	format func(admin.Line) string // nil for that of logs
	seen   map[string]place        // by stream
	repeat map[string]place        // what of seen is still to come again
}

// place is how far a stream was printed: the time of its last line, and how many lines had it.
type place struct {
	at time.Time
	n  int
}

// rewind tells that the log is read from its beginning.
func (p *logPrinter) rewind() { p.repeat = maps.Clone(p.seen) }

func (p *logPrinter) print(line admin.Line) error {
	if p.repeated(line) {
		return nil
	}
	last := p.seen[line.Stream]
	if !line.Time.Equal(last.at) {
		last = place{at: line.Time}
	}
	last.n++
	p.seen[line.Stream] = last
	switch {
	case p.format != nil:
		_, err := fmt.Fprintln(p.out, p.format(line))
		return err
	case line.Stream == requestStream && p.json:
		_, err := fmt.Fprintln(p.out, line.Text)
		return err
	case line.Stream == requestStream:
		_, err := fmt.Fprintln(p.out, line.Time.Local().Format(stamp), requestText(line.Text))
		return err
	case p.json:
		return json.NewEncoder(p.out).Encode(line)
	}
	_, err := fmt.Fprintln(p.out, line.Time.Local().Format(stamp), short(line.Stream), line.Text)
	return err
}

func (p *logPrinter) repeated(line admin.Line) bool {
	last, ok := p.repeat[line.Stream]
	switch {
	case !ok:
		return false
	case line.Time.Before(last.at):
		return true
	case line.Time.Equal(last.at) && last.n > 0:
		last.n--
		p.repeat[line.Stream] = last
		return true
	default:
		delete(p.repeat, line.Stream)
		return false
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
		Args:  oneArgument,
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
			fmt.Fprintln(table, "ID\tTYPE\tSTATUS\tSTARTED\tTOOK\tSOURCE\tREASON")
			for _, o := range all {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.ID, o.Type, o.Status, o.StartedAt.Local().Format(time.DateTime), took(o), o.Source, o.Reason)
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
