package awsapi

import (
	"context"

	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
)

// Call says who asks for what.
type Call struct {
	RequestID string
	Identity  sigv4.Identity
	Service   string // the signing name: apprunner
	Operation string // CreateService
}

// Action is the call as a policy names it: apprunner:CreateService. CloudWatch signs by another name.
func (c Call) Action() string {
	if c.Service == "monitoring" {
		return "cloudwatch:" + c.Operation
	}
	return c.Service + ":" + c.Operation
}

type callKey struct{}

// WithCall returns a context that carries call. The server does this for handlers; tests of
// handlers do it themselves.
func WithCall(ctx context.Context, call Call) context.Context {
	return context.WithValue(ctx, callKey{}, call)
}

// CallFrom returns the call that a handler works on, or the zero Call outside of one.
func CallFrom(ctx context.Context) Call {
	call, _ := ctx.Value(callKey{}).(Call)
	return call
}
