package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// started is what the answers to pause, resume and delete have in common.
type started struct {
	Service     *apprunnerapi.Service
	OperationId *string
}

// byArn is the input of operations that need nothing but a service.
type byArn struct{ ServiceArn string }

func newPause(g *globals) *cobra.Command {
	return newChange(g, "pause SERVICE", "End the instances of a service and keep its configuration", "PauseService", "is paused already")
}

func newResume(g *globals) *cobra.Command {
	return newChange(g, "resume SERVICE", "Bring a paused service back", "ResumeService", "is running already")
}

func newDelete(g *globals) *cobra.Command {
	return newChange(g, "delete SERVICE", "Delete a service for good", "DeleteService", "")
}

func newChange(g *globals, use, short, operation, already string) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
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
			var out started
			if err := c.call(cmd.Context(), operation, byArn{*s.ServiceArn}, &out); err != nil {
				return err
			}
			if out.OperationId == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "Service %s %s.\n", args[0], already)
				return nil
			}
			return c.follow(cmd, *s.ServiceArn, *out.OperationId)
		},
	}
}

// follow waits until an operation ends and tells how: with the URL, or with the reason and exit
// code 1.
func (c *client) follow(cmd *cobra.Command, arn, operationID string) error {
	begin := time.Now()
	o, err := c.wait(cmd.Context(), arn, operationID, nil)
	if err != nil {
		return err
	}
	return c.conclude(cmd, arn, o, begin)
}

// conclude tells how an operation has ended.
func (c *client) conclude(cmd *cobra.Command, arn string, o operation, begin time.Time) error {
	var out apprunnerapi.DescribeServiceOutput
	if err := c.call(cmd.Context(), "DescribeService", byArn{arn}, &out); err != nil {
		return err
	}
	took := time.Since(begin).Round(10 * time.Millisecond)
	if o.Status != "SUCCEEDED" {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s after %v. Service %s is %s.\n%s\n", o.Type, o.Status, took, *out.Service.ServiceName, *out.Service.Status, o.Reason)
		return quietError{1}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "Service %s is %s after %v.\n", *out.Service.ServiceName, *out.Service.Status, took)
	if *out.Service.Status == apprunnerapi.ServiceStatusRunning {
		fmt.Fprintln(cmd.OutOrStdout(), c.url(awsapi.Deref(out.Service.ServiceUrl)))
	}
	return nil
}

// wait returns an operation when it has ended. Until then it is shown to watch, which may be nil.
func (c *client) wait(ctx context.Context, arn, operationID string, watch func(operation)) (operation, error) {
	// Often at first, for what is quick; then seldom enough for the rate of a key.
	for pause := 50 * time.Millisecond; ; pause = min(pause+5*time.Millisecond, 250*time.Millisecond) {
		all, err := c.operations(ctx, arn)
		if err != nil {
			return operation{}, err
		}
		for _, o := range all {
			if o.ID != operationID {
				continue
			}
			if !o.EndedAt.IsZero() {
				return o, nil
			}
			if watch != nil {
				watch(o)
			}
		}
		select {
		case <-ctx.Done():
			return operation{}, ctx.Err()
		case <-time.After(pause):
		}
	}
}
