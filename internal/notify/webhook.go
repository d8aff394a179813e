package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// The formats of events.
const (
	EventBridge = "eventbridge"
	CloudEvents = "cloudevents"
)

// Webhook posts events to a URL, signed as Standard Webhooks has it (https://www.standardwebhooks.com).
type Webhook struct {
	URL    string
	Key    []byte // signs; nil for no signature
	Format string // EventBridge, also when it is empty, or CloudEvents
	Client *http.Client
}

// NewClient makes the client of webhooks. It follows no redirect: where events go is configured.
func NewClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = atOnce
	return &http.Client{
		Timeout: sendTime, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ParseKey reads the secret of a webhook: base64, after "whsec_" or alone.
func ParseKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(text), "whsec_"))
	if err != nil || len(key) < 16 {
		return nil, errors.New("it is not the secret of a webhook: at least 16 bytes in base64, perhaps after whsec_. Make one with: echo whsec_$(openssl rand -base64 32)")
	}
	return key, nil
}

// Send implements Sender.
func (w *Webhook) Send(ctx context.Context, e apprunner.Event) error {
	body, mediaType, err := w.body(e)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return withoutURL(err)
	}
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("User-Agent", "Slipway")
	w.sign(r.Header, e.ID, body)
	answer, err := w.Client.Do(r)
	if err != nil {
		return withoutURL(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // the connection can be used again
	switch {
	case answer.StatusCode/100 == 2:
		return nil
	case answer.StatusCode/100 == 3:
		return fmt.Errorf("the receiver answers %s, and redirects are not followed: configure the URL that it leads to", answer.Status)
	default:
		return fmt.Errorf("the receiver answers %s", answer.Status)
	}
}

func (w *Webhook) body(e apprunner.Event) (body []byte, mediaType string, err error) {
	if w.Format == CloudEvents {
		body, err = e.CloudEvent()
		return body, "application/cloudevents+json; charset=utf-8", err
	}
	body, err = e.EventBridge()
	return body, "application/json", err
}

func (w *Webhook) sign(h http.Header, id string, body []byte) {
	at := strconv.FormatInt(time.Now().Unix(), 10)
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", at)
	if w.Key == nil {
		return
	}
	mac := hmac.New(sha256.New, w.Key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	h.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// withoutURL takes the URL out of an error of the client: many have a secret in their path.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
