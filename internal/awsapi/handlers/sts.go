package handlers

import (
	"context"
	"net/url"

	"github.com/slipway-run/slipway/internal/awsapi"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
)

// Caller is who an access key belongs to.
type Caller struct {
	Account string // twelve digits
	ARN     string
	UserID  string
}

// STS is the part of AWS STS that tells clients who they are. Whoever has a key may ask, as in AWS:
// an Authorizer lets the service pass.
func STS(caller func(context.Context, sigv4.Identity) (Caller, error)) awsapi.QueryAPI {
	return awsapi.QueryAPI{
		SigningName: "sts", Version: "2011-06-15", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Actions: map[string]awsapi.Action{
			"GetCallerIdentity": func(ctx context.Context, _ url.Values) (any, error) {
				c, err := caller(ctx, awsapi.CallFrom(ctx).Identity)
				if err != nil {
					return nil, err
				}
				return struct {
					Arn     string
					UserID  string `xml:"UserId"`
					Account string
				}{c.ARN, c.UserID, c.Account}, nil
			},
		},
	}
}
