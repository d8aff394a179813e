package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/admin"
)

func newEvents(g *globals) *cobra.Command {
	opts := logOptions{stream: "events"}
	asJSON := false
	cmd := &cobra.Command{
		Use:   "events [SERVICE]",
		Short: "Print what happened to a service, or to all",
		Long: `Print what happened to a service, step by step. Without one, print how the operations and statuses of all
services changed.

With --json, print these changes as the events that Amazon EventBridge has of App Runner, one a line.`,
		Args: atMostOneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && !asJSON {
				return g.printLogs(cmd, args[0], opts, nil)
			}
			return g.printHappenings(cmd, append(args, "")[0], opts, asJSON || g.output == "json")
		},
	}
	opts.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print changes of operations and statuses as EventBridge has them")
	return cmd
}

// printHappenings prints changes of services. When they are followed, it goes on after a restart of the
// daemon where it was.
func (g *globals) printHappenings(cmd *cobra.Command, service string, opts logOptions, asJSON bool) error {
	p := &happeningPrinter{out: cmd.OutOrStdout(), json: asJSON}
	path := "events?"
	if service != "" {
		path = "services/" + url.PathEscape(service) + "/events?"
	}
	query := opts.values()
	for told := false; ; {
		query.Set("after", strconv.FormatInt(p.last, 10))
		err := g.readHappenings(cmd.Context(), path+query.Encode(), p)
		_, answered := errors.AsType[*apiError](err)
		switch {
		case cmd.Context().Err() != nil:
			return nil
		case !opts.follow || answered || errors.Is(err, errPrint):
			return err
		case err != nil && !errors.Is(err, errCutOff) && !told:
			fmt.Fprintln(cmd.ErrOrStderr(), "slipway: waiting for the daemon:", err)
			told = true
		}
		select {
		case <-cmd.Context().Done():
		case <-time.After(reconnectPause):
		}
	}
}

func (g *globals) readHappenings(ctx context.Context, path string, p *happeningPrinter) error {
	c, err := g.connect()
	if err != nil {
		return err
	}
	body, err := c.admin(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	decoder := json.NewDecoder(body)
	for {
		var h admin.Happening
		err := decoder.Decode(&h)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errCutOff, err)
		}
		if err := p.print(h); err != nil {
			return fmt.Errorf("%w: %w", errPrint, err)
		}
	}
}

// errPrint is that nobody reads what is printed.
var errPrint = errors.New("print events")

// happeningPrinter prints events and remembers how far it is.
type happeningPrinter struct {
	out  io.Writer
	json bool
	last int64
}

func (p *happeningPrinter) print(h admin.Happening) error {
	p.last = h.Sequence
	if p.json {
		_, err := fmt.Fprintf(p.out, "%s\n", h.Event)
		return err
	}
	var e struct {
		Time   time.Time `json:"time"`
		Detail struct {
			Name    string `json:"serviceName"`
			Message string `json:"message"`
		} `json:"detail"`
	}
	if err := json.Unmarshal(h.Event, &e); err != nil {
		return err
	}
	reason := ""
	if h.Reason != "" {
		reason = " " + h.Reason
	}
	_, err := fmt.Fprintf(p.out, "%s %s: %s%s\n", e.Time.Local().Format(time.RFC3339), e.Detail.Name, e.Detail.Message, reason)
	return err
}
