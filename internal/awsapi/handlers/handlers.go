// Package handlers answers the operations of the App Runner API: it turns requests into calls of
// control, and what control returns into answers.
package handlers

import (
	"context"
	"fmt"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/control"
)

// Handlers implements the operations that Slipway has so far. The others answer
// UnknownOperationException.
type Handlers struct {
	apprunnerapi.Unimplemented

	Control *control.Control
	Account string // twelve digits
	// URL is the name and port that a service answers at, without a scheme.
	URL func(apprunner.Service) string
	// Domain is what the host names of services end in.
	Domain string
	// Host is the name alone: what the DNS records of custom domains name.
	Host func(apprunner.Service) string
	// TokenKey signs page tokens.
	TokenKey []byte
}

var _ apprunnerapi.Handlers = (*Handlers)(nil)

// here is the account and Region that the request was signed for.
func (h *Handlers) here(ctx context.Context) apprunner.Place {
	return apprunner.Place{Account: h.Account, Region: awsapi.CallFrom(ctx).Identity.Region}
}

// text returns what an optional member says, of any string type.
func text[T ~string](p *T) string { return string(awsapi.Deref(p)) }

// number returns an optional number, zero when it is absent.
func number(p *int32) int { return int(awsapi.Deref(p)) }

// filled is a pointer to s, or nil when it is empty: an absent member.
func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func tagsOf(list []apprunnerapi.Tag) (map[string]string, error) {
	tags := make(map[string]string, len(list))
	for _, t := range list {
		key := text(t.Key)
		if key == "" {
			return nil, apprunner.Errorf(apprunner.InvalidRequest, "A tag has no key.")
		}
		if _, twice := tags[key]; twice {
			return nil, apprunner.Errorf(apprunner.InvalidRequest, "Tag key %q is given twice.", key)
		}
		tags[key] = text(t.Value)
	}
	return tags, nil
}

// scope names a listing, so that a page token is of use for it alone.
func scope(parts ...any) string { return fmt.Sprintf("%q", parts) }
