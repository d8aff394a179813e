package notify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Message tells people of events, over one of the services that shoutrrr knows: Slack, Discord, e-mail, ntfy
// and many more.
type Message struct {
	service types.Service
	hide    *strings.Replacer
	turn    chan struct{} // holds the one message that is being sent
}

// NewMessage makes a message's way from a URL of shoutrrr.
func NewMessage(rawURL string) (*Message, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("it is not a URL of shoutrrr, such as ntfy://ntfy.sh/topic")
	}
	m := &Message{hide: hider(rawURL, u), turn: make(chan struct{}, 1)}
	if m.service, err = (&router.ServiceRouter{}).Locate(rawURL); err != nil {
		return nil, fmt.Errorf("shoutrrr does not take the URL, which begins with %s://: %s", u.Scheme, m.hide.Replace(err.Error()))
	}
	return m, nil
}

// hider takes out of errors what may be a secret in a URL.
func hider(raw string, u *url.URL) *strings.Replacer {
	secrets := []string{raw}
	password, _ := u.User.Password()
	words := append(strings.FieldsFunc(u.Path, func(c rune) bool { return c == '/' }), u.User.Username(), password)
	for _, values := range u.Query() {
		words = append(words, values...)
	}
	if u.Port() == "" { // with some services the host is a token
		words = append(words, u.Hostname())
	}
	for _, w := range words {
		if len(w) > 5 {
			secrets = append(secrets, w, url.QueryEscape(w), url.PathEscape(w))
		}
	}
	pairs := make([]string, 0, 2*len(secrets))
	for _, s := range secrets {
		pairs = append(pairs, s, "…")
	}
	return strings.NewReplacer(pairs...)
}

// Send implements Sender. Messages are sent one by one: a service that hangs has one of them, not many.
func (m *Message) Send(ctx context.Context, e apprunner.Event) error {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return errors.New("an earlier message is still being sent")
	}
	title, text := words(e)
	params := types.Params{}
	params.SetTitle(title)
	done := make(chan error, 1)
	go func() { // it cannot be ended from outside; nothing waits for it but its own end
		defer func() { <-m.turn }()
		done <- m.service.Send(text, &params)
	}()
	select {
	case err := <-done:
		if err != nil {
			return errors.New(m.hide.Replace(err.Error()))
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the service does not answer: %w", ctx.Err())
	}
}

// words are what people are told: a line, and the same with the reason.
func words(e apprunner.Event) (title, text string) {
	region := ""
	if arn, err := apprunner.ParseARN(e.ServiceARN); err == nil {
		region = " in " + arn.Region
	}
	title = "Slipway: " + e.ServiceName + region
	text = e.ServiceName + region + ": " + e.Message
	if e.Reason != "" {
		text = e.ServiceName + region + ": " + strings.TrimSuffix(e.Message, " For details, see service logs.") + " " + e.Reason
	}
	return title, text
}
