package admin_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
)

// past is what happened, and grows.
type past struct {
	mu   sync.Mutex
	all  []apprunner.Delivery
	more chan struct{}
}

func (p *past) add(serviceID, region, message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := apprunner.Event{ID: message, At: noon, ServiceID: serviceID, ServiceName: "web", Message: message, Reason: "why " + message}
	e.ServiceARN = strings.Replace(arn, "eu-west-1", region, 1)
	p.all = append(p.all, apprunner.Delivery{Sequence: int64(len(p.all) + 1), Event: e})
	if p.more != nil {
		close(p.more)
	}
	p.more = nil
}

func (p *past) Events(_ context.Context, serviceID string, after int64, since time.Time, limit int) (page []apprunner.Delivery, _ error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.all {
		if d.Sequence > after && !d.Event.At.Before(since) && (serviceID == "" || d.Event.ServiceID == serviceID) && len(page) < limit {
			page = append(page, d)
		}
	}
	return page, nil
}

func (p *past) More() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.more == nil {
		p.more = make(chan struct{})
	}
	return p.more
}

var verifier = &sigv4.Verifier{Keys: sigv4.Static{keyID: secret}, Services: []string{admin.Service}, Now: time.Now}

func askEvents(t *testing.T, api *admin.API, path string) *http.Response {
	t.Helper()
	server := httptest.NewServer(api.Handler())
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+admin.Prefix+path, nil)
	if err == nil {
		err = sigv4.Sign(r, nil, keyID, secret, region, admin.Service, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

func TestEvents(t *testing.T) {
	t.Parallel()
	p := &past{}
	for i := range 450 { // some pages
		p.add([]string{"0123", "9999", "0123"}[i%3], []string{region, region, "us-east-1"}[i%3], "x")
	}
	w := &world{}
	api := &admin.API{Verifier: verifier, Authorizer: w, Services: w, Events: p, Account: "123456789012", Log: slog.New(slog.DiscardHandler)}
	for path, want := range map[string]int{
		"events": 300, "services/web/events": 150, "events?after=447": 2, "events?since=2026-11-24T00:00:00Z": 0,
	} {
		answer := askEvents(t, api, path)
		body, err := io.ReadAll(answer.Body)
		if got := strings.Count(string(body), "\n"); err != nil || got != want {
			t.Errorf("%s: %d events, %v, want %d", path, got, err, want)
		}
	}
	for path, status := range map[string]int{"events?after=x": 400, "events?since=x": 400, "services/nobody/events": 404} {
		if answer := askEvents(t, api, path); answer.StatusCode != status {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	want := []string{keyID + " slipway:GetEvents *", keyID + " slipway:GetEvents " + arn}
	for _, right := range want {
		if !strings.Contains(strings.Join(w.rights, "\n"), right) {
			t.Errorf("nobody asked for %s: %q", right, w.rights)
		}
	}
}

func TestFollowEvents(t *testing.T) {
	t.Parallel()
	p := &past{}
	p.add("0123", region, "one")
	w := &world{}
	api := &admin.API{Verifier: verifier, Authorizer: w, Services: w, Events: p, Account: "123456789012", Log: slog.New(slog.DiscardHandler)}
	lines := json.NewDecoder(askEvents(t, api, "events?follow=1").Body)
	for i, message := range []string{"one", "two", "three"} {
		if i > 0 {
			p.add("0123", region, message)
		}
		var got admin.Happening
		if err := lines.Decode(&got); err != nil {
			t.Fatal(err)
		}
		var event struct{ Detail struct{ Message string } }
		if err := json.Unmarshal(got.Event, &event); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{int64(i + 1), message, "why " + message}, []any{got.Sequence, event.Detail.Message, got.Reason}); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
	}
}
