package daemon

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/notify"
	"github.com/slipway-run/slipway/internal/sqlite"
)

// EventsConfig is who is told what happens to services.
type EventsConfig struct {
	// Keep is how long events are kept, and delivery of those that do not arrive is tried.
	Keep     time.Duration   `yaml:"keep"`
	Webhooks []WebhookConfig `yaml:"webhooks"`
	Messages []MessageConfig `yaml:"messages"`
}

// WebhookConfig is a URL that events are posted to.
type WebhookConfig struct {
	Name       string `yaml:"name"`
	URL        string `yaml:"url"`
	SecretFile string `yaml:"secret-file"` // has what signs; empty for no signature
	Format     string `yaml:"format"`      // eventbridge or cloudevents
	Filter     `yaml:",inline"`
}

// MessageConfig is a way to tell people, as shoutrrr has it.
type MessageConfig struct {
	Name    string `yaml:"name"`
	URL     string `yaml:"url"`
	URLFile string `yaml:"url-file"` // has the URL, which is a secret in most cases
	Filter  `yaml:",inline"`
}

// Filter says which events a target wants.
type Filter struct {
	Services     []string `yaml:"services"` // names, with "*" for any characters; empty for all
	FailuresOnly bool     `yaml:"failures-only"`
}

func (c EventsConfig) validate() (errs []error) {
	say := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	names := targetNames{}
	for _, w := range c.Webhooks {
		errs = append(errs, names.check("events.webhooks", w.Name, w.Services)...)
		if u, err := url.Parse(w.URL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			say("events.webhooks %q: its url is not an http or https URL", w.Name)
		}
		if w.Format != "" && w.Format != notify.EventBridge && w.Format != notify.CloudEvents {
			say("events.webhooks %q: format %q is not %s or %s", w.Name, w.Format, notify.EventBridge, notify.CloudEvents)
		}
	}
	for _, m := range c.Messages {
		errs = append(errs, names.check("events.messages", m.Name, m.Services)...)
		if (m.URL == "") == (m.URLFile == "") {
			say("events.messages %q: it needs either url or url-file", m.Name)
		}
	}
	return errs
}

// targets makes what sends events.
func (c EventsConfig) targets() (all []notify.Target, err error) {
	client := notify.NewClient()
	for _, w := range c.Webhooks {
		hook := &notify.Webhook{URL: w.URL, Format: w.Format, Client: client}
		if w.SecretFile != "" {
			text, err := os.ReadFile(w.SecretFile)
			if err == nil {
				hook.Key, err = notify.ParseKey(string(text))
			}
			if err != nil {
				return nil, fmt.Errorf("events.webhooks %q, secret-file %q: %w", w.Name, w.SecretFile, err)
			}
		}
		all = append(all, notify.Target{Name: w.Name, Services: w.Services, FailuresOnly: w.FailuresOnly, Sender: hook})
	}
	for _, m := range c.Messages {
		address := m.URL
		if m.URLFile != "" {
			text, err := os.ReadFile(m.URLFile)
			if err != nil {
				return nil, fmt.Errorf("events.messages %q, url-file: %w", m.Name, err)
			}
			address = strings.TrimSpace(string(text))
		}
		message, err := notify.NewMessage(address)
		if err != nil {
			return nil, fmt.Errorf("events.messages %q: %w", m.Name, err)
		}
		all = append(all, notify.Target{Name: m.Name, Services: m.Services, FailuresOnly: m.FailuresOnly, Operations: true, Sender: message})
	}
	return all, nil
}

// openEvents makes what delivers events, before the first one is written.
func (d *Daemon) openEvents() error {
	targets, err := d.config.Events.targets()
	if err != nil {
		return err
	}
	d.courier = notify.NewCourier(targets, d.store, d.log.With("component", "events"))
	d.store.Listen(sqlite.Listeners{Targets: d.courier.Targets, Written: d.courier.Wake})
	return d.store.KeepTargets(d.ctx, d.courier.Names())
}

// keepEvents is how many events are kept at most.
const keepEvents = 100_000

// forgetEvents deletes what is old, and says what was never delivered.
func (d *Daemon) forgetEvents(ctx context.Context) error {
	lost, err := d.store.ForgetEvents(ctx, time.Now().Add(-d.config.Events.Keep), keepEvents)
	for target, n := range lost {
		d.log.Error("events were given up: they could not be delivered in time", "target", target, "events", n, "kept", d.config.Events.Keep)
	}
	return err
}

// happened tells the admin API what happened.
type happened struct{ d *Daemon }

var _ admin.Events = happened{}

// Events implements admin.Events.
func (h happened) Events(ctx context.Context, serviceID string, after int64, since time.Time, limit int) ([]apprunner.Delivery, error) {
	return h.d.store.Events(ctx, serviceID, after, since, limit)
}

// More implements admin.Events.
func (h happened) More() <-chan struct{} { return h.d.store.Changed() }
