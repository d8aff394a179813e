package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteserrors "github.com/containerd/containerd/v2/core/remotes/errors"

	"github.com/slipway-run/slipway/internal/engine"
)

// endpoint is a server to pull from.
type endpoint struct {
	url    string
	client *http.Client
	auth   docker.Authorizer
}

func newEndpoint(e engine.Endpoint, client *http.Client) *endpoint {
	creds := func(string) (string, string, error) { return e.Username, e.Password, nil }
	return &endpoint{
		url: strings.TrimSuffix(e.URL, "/"), client: client,
		auth: docker.NewDockerAuthorizer(docker.WithAuthClient(client), docker.WithAuthCreds(creds)),
	}
}

// kind sorts what a server answers by what to do about it.
type kind int

const (
	passing kind = iota // try again
	missing             // it does not have that
	denied              // it wants other credentials
	broken              // it answers what no registry should
)

// fault is why a server did not give what was asked for.
type fault struct {
	kind  kind
	url   string
	text  string
	after time.Duration // the server asks to wait this long
	err   error
}

func (f *fault) Error() string { return f.url + ": " + f.text }

func (f *fault) Unwrap() error { return f.err }

// get asks for a path below the endpoint, from an offset on. The caller closes the body.
func (e *endpoint) get(ctx context.Context, path, accept string, offset int64) (*http.Response, *fault) {
	var answers []*http.Response
	for range 3 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url+path, nil)
		if err != nil {
			return nil, &fault{kind: broken, url: e.url, text: err.Error(), err: err}
		}
		req.Header.Set("Accept", accept)
		req.Header.Set("User-Agent", "slipway")
		if offset > 0 {
			req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		}
		if err := e.auth.Authorize(ctx, req); err != nil {
			return nil, e.authFault(err)
		}
		res, err := e.client.Do(req)
		if err != nil {
			return nil, &fault{kind: passing, url: e.url, text: err.Error(), err: err}
		}
		if res.StatusCode != http.StatusUnauthorized {
			return e.check(res, offset)
		}
		drain(res)
		answers = append(answers, res)
		if err := e.auth.AddResponses(ctx, answers); err != nil {
			return nil, &fault{kind: denied, url: e.url, text: res.Status, err: err}
		}
	}
	return nil, &fault{kind: denied, url: e.url, text: "401 Unauthorized"}
}

// authFault sorts a failure to get a token.
func (e *endpoint) authFault(err error) *fault {
	f := &fault{kind: passing, url: e.url, text: "get a token: " + err.Error(), err: err}
	if status, ok := errors.AsType[remoteserrors.ErrUnexpectedStatus](err); ok && status.StatusCode < 500 &&
		status.StatusCode != http.StatusTooManyRequests || errors.Is(err, docker.ErrInvalidAuthorization) {
		f.kind = denied
	}
	return f
}

func (e *endpoint) check(res *http.Response, offset int64) (*http.Response, *fault) {
	switch {
	case res.StatusCode == http.StatusOK && offset > 0:
		// It does not know ranges: read what we have once more.
		if _, err := io.CopyN(io.Discard, res.Body, offset); err != nil {
			_ = res.Body.Close()
			return nil, &fault{kind: passing, url: e.url, text: err.Error(), err: err}
		}
		return res, nil
	case res.StatusCode == http.StatusOK, res.StatusCode == http.StatusPartialContent && offset > 0:
		return res, nil
	}
	defer drain(res)
	f := &fault{kind: broken, url: e.url, text: res.Status}
	switch code := res.StatusCode; {
	case code == http.StatusNotFound:
		f.kind = missing
	case code == http.StatusForbidden:
		f.kind = denied
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		f.kind = passing
		f.after = retryAfter(res.Header.Get("Retry-After"))
	}
	return nil, f
}

// retryAfter reads the header of that name: seconds or a date.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// drain lets the connection be used again.
func drain(res *http.Response) {
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10)
	_ = res.Body.Close()
}
