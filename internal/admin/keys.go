package admin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Key is an access key. The secret is told once, to whoever made the key.
type Key struct {
	ID        string          `json:"AccessKeyId"`
	Secret    string          `json:"SecretAccessKey,omitempty"`
	Name      string          `json:"Name"`
	CreatedAt time.Time       `json:"CreatedAt"`
	Policy    json.RawMessage `json:"Policy,omitempty"` // absent for the root key, which may do everything
}

// Keys keeps access keys.
type Keys interface {
	// CreateKey makes a key that may do what a policy document allows. An empty name stands for its id.
	CreateKey(ctx context.Context, name string, policy []byte) (Key, error)
	DeleteKey(ctx context.Context, id string) (found bool, err error)
	ListKeys() []Key // without secrets
}

// NewKey asks for a key.
type NewKey struct {
	Name   string          `json:"Name,omitempty"`
	Policy json.RawMessage `json:"Policy"`
}

func (a *API) listKeys(c call) error {
	if err := a.may(c, "ListKeys", "*"); err != nil {
		return err
	}
	return answer(c.w, a.Keys.ListKeys())
}

func (a *API) createKey(c call) error {
	if err := a.may(c, "CreateKey", "*"); err != nil {
		return err
	}
	var in NewKey
	if err := json.Unmarshal(c.body, &in); err != nil || len(in.Policy) == 0 {
		return apprunner.Errorf(apprunner.InvalidRequest, "An access key needs a Policy, which says what it may do.")
	}
	key, err := a.Keys.CreateKey(c.r.Context(), in.Name, in.Policy)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return answer(c.w, key)
}

func (a *API) deleteKey(c call) error {
	id := c.r.PathValue("id")
	if err := a.may(c, "DeleteKey", c.arn("key/"+id)); err != nil {
		return err
	}
	found, err := a.Keys.DeleteKey(c.r.Context(), id)
	if err != nil {
		return err
	}
	if !found {
		return apprunner.Errorf(apprunner.ResourceNotFound, "There is no access key %q.", id)
	}
	return answer(c.w, struct{}{})
}
