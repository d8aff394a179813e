package daemon

import (
	"context"
	"crypto/subtle"

	"github.com/slipway-run/slipway/internal/awsapi"
	"github.com/slipway-run/slipway/internal/iam"
	"github.com/slipway-run/slipway/internal/registry"
)

// rootOnly lets the root key do everything; there is no other key yet.
type rootOnly struct{}

func (rootOnly) Authorize(context.Context, awsapi.Call, awsapi.Message) error { return nil }

// rootKey accepts the root access key as user and password.
type rootKey iam.Key

// Authenticate returns registry.ErrDenied unless id and secret are those of the key. It takes the
// same time whichever of them is wrong.
func (k rootKey) Authenticate(_ context.Context, id, secret string) error {
	right := subtle.ConstantTimeCompare([]byte(id), []byte(k.ID)) & subtle.ConstantTimeCompare([]byte(secret), []byte(k.Secret))
	if right != 1 {
		return registry.ErrDenied
	}
	return nil
}
