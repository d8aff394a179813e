package aws

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/engine"
)

// maxAnswer is more than any answer that is asked for has, in bytes.
const maxAnswer = 1 << 20

// fault is a call that did not succeed.
type fault struct {
	code engine.Code
	text string
	err  error
}

func (f *fault) explain(format string, args ...any) error {
	return &engine.Error{Code: f.code, Message: fmt.Sprintf(format, args...) + ": " + f.text, Err: f.err}
}

var defaultHTTP = &http.Client{Timeout: 30 * time.Second}

func endpointOf(service, region string) string {
	if service == "ecr" {
		service = "api.ecr"
	}
	return "https://" + service + "." + region + ".amazonaws.com"
}

// call does one signed call and returns the body of the answer.
func (l *Logins) call(ctx context.Context, creds Credentials, service, region, mediaType, target string, body []byte) ([]byte, *fault) {
	endpoint := l.Endpoint
	if endpoint == nil {
		endpoint = endpointOf
	}
	failed := func(err error) *fault { return &fault{engine.Unavailable, err.Error(), err} }
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(endpoint(service, region), "/")+"/", bytes.NewReader(body))
	if err != nil {
		return nil, failed(err)
	}
	request.Header.Set("Content-Type", mediaType)
	if target != "" {
		request.Header.Set("X-Amz-Target", target)
	}
	if creds.Token != "" {
		request.Header.Set("X-Amz-Security-Token", creds.Token)
	}
	if err := sigv4.Sign(request, body, creds.KeyID, creds.Secret, region, service, l.now()); err != nil {
		return nil, failed(err)
	}
	response, err := cmp.Or(l.HTTP, defaultHTTP).Do(request)
	if err != nil {
		return nil, failed(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, failed(err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, refused(response.StatusCode, answer)
	}
	return answer, nil
}

// refused reads an exception of either protocol. What the caller did not cause may pass.
func refused(status int, body []byte) *fault {
	f := &fault{code: engine.AccessDenied, text: fmt.Sprintf("%d %s", status, http.StatusText(status))}
	var query struct{ Code, Message string }
	var wrapped struct {
		Error *struct{ Code, Message string }
	}
	wrapped.Error = &query
	var asJSON struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	switch {
	case xml.Unmarshal(body, &wrapped) == nil && query.Code != "":
		f.text = query.Code + ": " + query.Message
	case json.Unmarshal(body, &asJSON) == nil && asJSON.Type != "":
		f.text = asJSON.Type[strings.LastIndex(asJSON.Type, "#")+1:] + ": " + asJSON.Message
	}
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || strings.HasPrefix(f.text, "Throttling") {
		f.code = engine.Unavailable
	}
	return f
}
