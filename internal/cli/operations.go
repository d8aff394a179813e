package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// operations returns the operations of the service with a name or an ARN, newest first.
func (c *client) operations(ctx context.Context, service string) ([]operation, error) {
	if i := strings.LastIndexByte(service, '/'); i >= 0 {
		service = service[i+1:] // the id at the end of an ARN
	}
	body, err := c.admin(ctx, http.MethodGet, "services/"+url.PathEscape(service)+"/operations", nil)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var all []operation
	if err := json.NewDecoder(body).Decode(&all); err != nil {
		return nil, fmt.Errorf("read the operations: %w", err)
	}
	return all, nil
}
