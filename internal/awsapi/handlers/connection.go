package handlers

import (
	"cmp"
	"context"
	"slices"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// CreateConnection makes a connection, which waits for its handshake.
func (h *Handlers) CreateConnection(ctx context.Context, in *apprunnerapi.CreateConnectionInput) (*apprunnerapi.CreateConnectionOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	c, err := h.Control.CreateConnection(ctx, h.here(ctx), *in.ConnectionName, text(in.ProviderType), tags)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.CreateConnectionOutput{Connection: connection(c)}, nil
}

// ListConnections lists the connections of the Region by name.
func (h *Handlers) ListConnections(ctx context.Context, in *apprunnerapi.ListConnectionsInput) (*apprunnerapi.ListConnectionsOutput, error) {
	here := h.here(ctx)
	all, err := h.Control.Resources(ctx, here)
	if err != nil {
		return nil, err
	}
	some := slices.DeleteFunc(apprunner.Living(all.Connections), func(c apprunner.Connection) bool {
		return in.ConnectionName != nil && c.Name != *in.ConnectionName
	})
	key := func(c apprunner.Connection) string { return c.Name }
	slices.SortFunc(some, func(a, b apprunner.Connection) int { return cmp.Compare(key(a), key(b)) })
	some, next, err := page(h, some, key, number(in.MaxResults), in.NextToken,
		scope("ListConnections", here, text(in.ConnectionName), number(in.MaxResults)))
	if err != nil {
		return nil, err
	}
	out := &apprunnerapi.ListConnectionsOutput{ConnectionSummaryList: make([]apprunnerapi.ConnectionSummary, 0, len(some)), NextToken: next}
	for _, c := range some {
		out.ConnectionSummaryList = append(out.ConnectionSummaryList, apprunnerapi.ConnectionSummary(*connection(c)))
	}
	return out, nil
}

// DeleteConnection ends a connection.
func (h *Handlers) DeleteConnection(ctx context.Context, in *apprunnerapi.DeleteConnectionInput) (*apprunnerapi.DeleteConnectionOutput, error) {
	c, err := h.Control.DeleteConnection(ctx, h.here(ctx), *in.ConnectionArn)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.DeleteConnectionOutput{Connection: connection(c)}, nil
}

// connection is how App Runner shows a connection.
func connection(c apprunner.Connection) *apprunnerapi.Connection {
	return &apprunnerapi.Connection{
		ConnectionArn: &c.ARN, ConnectionName: &c.Name, ProviderType: new(apprunnerapi.ProviderType(c.Provider)),
		Status: new(apprunnerapi.ConnectionStatus(c.Status)), CreatedAt: awsapi.NewTime(c.CreatedAt),
	}
}
