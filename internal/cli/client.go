package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/daemon"
	"github.com/slipway-run/slipway/internal/iam"
)

// client calls a running daemon.
type client struct {
	info   daemon.Info
	key    iam.Key
	region string
}

// connect finds the daemon of the data directory.
func (g *globals) connect() (*client, error) {
	dir, err := g.dir()
	if err != nil {
		return nil, err
	}
	info, err := daemon.ReadInfo(dir)
	if err != nil {
		return nil, err
	}
	key, err := iam.ReadRoot(dir)
	if err != nil {
		return nil, err
	}
	return &client{info: info, key: key, region: cmp.Or(g.region, info.Region)}, nil
}

// apiError is an error that the daemon answered.
type apiError struct{ Code, Message string }

func (e *apiError) Error() string { return e.Message }

// call does an operation of the App Runner API.
func (c *client) call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode %s: %w", operation, err)
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Target": {"AppRunner." + operation}}
	response, err := c.send(ctx, http.MethodPost, "/", "apprunner", header, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var failure struct {
			Type    string `json:"__type"`
			Message string
		}
		if err := json.NewDecoder(response.Body).Decode(&failure); err != nil {
			return fmt.Errorf("%s was answered with status %s", operation, response.Status)
		}
		return &apiError{Code: failure.Type, Message: failure.Message}
	}
	return json.NewDecoder(response.Body).Decode(out)
}

// admin does a request of Slipway's own API. The caller closes the body.
func (c *client) admin(ctx context.Context, method, path string, in any) (io.ReadCloser, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
	}
	response, err := c.send(ctx, method, admin.Prefix+path, admin.Service, http.Header{}, body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	defer response.Body.Close()
	var failure admin.Failure
	if err := json.NewDecoder(response.Body).Decode(&failure); err != nil {
		return nil, fmt.Errorf("the daemon answered with status %s", response.Status)
	}
	return nil, &apiError{Code: failure.Code, Message: failure.Message}
}

// send does a request, again and again with growing pauses while the daemon answers that this key
// calls too often.
func (c *client) send(ctx context.Context, method, path, service string, header http.Header, body []byte) (*http.Response, error) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		response, err := c.sendOnce(ctx, method, path, service, header, body)
		if err != nil || response.Header.Get("X-Amzn-Errortype") != "ThrottlingException" {
			return response, err
		}
		_ = response.Body.Close()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)): // spread, so that callers do not come back together
		}
	}
}

const (
	firstPause   = 50 * time.Millisecond
	longestPause = 2 * time.Second
)

func (c *client) sendOnce(ctx context.Context, method, path, service string, header http.Header, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.info.API+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	maps.Copy(request.Header, header)
	if err := sigv4.Sign(request, body, c.key.ID, c.key.Secret, c.region, service, time.Now()); err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		if urlErr, ok := errors.AsType[*url.Error](err); ok {
			err = urlErr.Err
		}
		return nil, fmt.Errorf("reach Slipway at %s: %w. Is \"slipway serve\" running?", c.info.API, err)
	}
	return response, nil
}

// services lists the services of the Region.
func (c *client) services(ctx context.Context) ([]apprunnerapi.ServiceSummary, error) {
	var out apprunnerapi.ListServicesOutput
	err := c.call(ctx, "ListServices", apprunnerapi.ListServicesInput{}, &out)
	return out.ServiceSummaryList, err
}

// lookup returns the service with a name or an ARN, nil when there is none.
func (c *client) lookup(ctx context.Context, name string) (*apprunnerapi.ServiceSummary, error) {
	all, err := c.services(ctx)
	for _, s := range all {
		if *s.ServiceName == name || *s.ServiceArn == name {
			return &s, nil
		}
	}
	return nil, err
}

// find returns the service with a name or an ARN.
func (c *client) find(ctx context.Context, name string) (*apprunnerapi.ServiceSummary, error) {
	s, err := c.lookup(ctx, name)
	if err != nil || s != nil {
		return s, err
	}
	return nil, fmt.Errorf("there is no service %q in Region %s. See them with \"slipway services\"", name, c.region)
}

// url is where a service answers. A private one has no URL for everybody.
func (c *client) url(host string) string {
	if host == "" {
		return "(private)"
	}
	return c.info.Scheme + "://" + host
}
