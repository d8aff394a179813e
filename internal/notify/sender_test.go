package notify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/slipway-run/slipway/internal/apprunner"
)

func failure() apprunner.Event {
	s := apprunner.Service{ID: apprunner.NewID(), Name: "web", Status: apprunner.ServiceRunning}
	s.ARN = "arn:aws:apprunner:eu-west-1:000000000000:service/web/" + s.ID
	return apprunner.OperationChanged(s, apprunner.Operation{Type: apprunner.StartDeployment, Status: apprunner.OperationRollbackSucceeded, Reason: "It never listened on port 8080.", UpdatedAt: time.Now()})
}

// The signature is what the library of Standard Webhooks verifies, and only for what was sent.
func TestWebhookIsSigned(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseKey(secret + "\n")
	if err != nil {
		t.Fatal(err)
	}
	e := failure()
	for format, mediaType := range map[string]string{"": "application/json", CloudEvents: "application/cloudevents+json; charset=utf-8"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || verifier.Verify(body, r.Header) != nil || verifier.Verify(append(body, ' '), r.Header) == nil {
				t.Errorf("the signature of %s does not fit: %v", body, err)
			}
			if r.Method != http.MethodPost || r.Header.Get("Content-Type") != mediaType || r.Header.Get("Webhook-Id") != e.ID || !json.Valid(body) {
				t.Errorf("%s %v %s", r.Method, r.Header, body)
			}
			w.WriteHeader(http.StatusAccepted)
		}))
		if err := (&Webhook{URL: server.URL + "/hook", Key: key, Format: format, Client: NewClient()}).Send(t.Context(), e); err != nil {
			t.Error(err)
		}
		server.Close()
	}
}

func TestWebhookFailures(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved/secret" {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for to, words := range map[string]string{
		server.URL + "/moved/secret": "redirects are not followed", server.URL + "/secret": "503 Service Unavailable",
		closed.URL + "/secret": "connection refused", "http://nobody.invalid/secret": "nobody.invalid", "http://%zz/secret": "invalid URL escape",
	} {
		err := (&Webhook{URL: to, Client: NewClient()}).Send(t.Context(), failure())
		if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "/secret") {
			t.Errorf("%s: %v, want %q and not the path", to, err, words)
		}
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 24)): true, base64.StdEncoding.EncodeToString(make([]byte, 16)): true,
		"": false, "whsec_": false, "hunter2 hunter2 hunter2": false, base64.StdEncoding.EncodeToString(make([]byte, 15)): false,
	} {
		if key, err := ParseKey(text); (err == nil) != ok {
			t.Errorf("%q: %x, %v", text, key, err)
		}
	}
}

// mailbox is the part of an SMTP server that takes mails.
type mailbox struct {
	mu    sync.Mutex
	mails []string
	full  bool
}

func (m *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &delivery{box: m}, nil }

type delivery struct {
	box *mailbox
	to  []string
}

func (d *delivery) Mail(string, *smtp.MailOptions) error { return nil }
func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = append(d.to, to)
	return nil
}
func (d *delivery) Reset()        {}
func (d *delivery) Logout() error { return nil }
func (d *delivery) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	if d.box.full {
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "the mailbox is full"}
	}
	d.box.mails = append(d.box.mails, strings.Join(d.to, " ")+"\n"+string(text))
	return nil
}

func TestMail(t *testing.T) {
	t.Parallel()
	box := &mailbox{}
	server := smtp.NewServer(box)
	server.AllowInsecureAuth = true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	defer func() { _ = server.Close(); <-done }()
	m, err := NewMessage("smtp://" + l.Addr().String() + "/?auth=None&encryption=None&usestarttls=no&fromaddress=slipway@example.com&toaddresses=ops@example.com,boss@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Send(t.Context(), failure()); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(box.mails, "")
	for _, want := range []string{"ops@example.com", "boss@example.com", "Slipway: web in eu-west-1", "web in eu-west-1: Deployment failed. It never listened on port 8080."} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in the mails:\n%s", want, all)
		}
	}
	box.full = true
	if err := m.Send(t.Context(), failure()); err == nil || !strings.Contains(err.Error(), "mailbox is full") {
		t.Errorf("a full mailbox: %v", err)
	}
}

func TestNtfy(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.URL.Path + " " + r.Header.Get("Title") + ": " + string(body)
		_, _ = io.WriteString(w, `{"id":"x","event":"message"}`)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	m, err := NewMessage("ntfy://" + host + "/topic?scheme=http")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Send(t.Context(), failure()); err != nil {
		t.Fatal(err)
	}
	if text := <-got; !strings.HasPrefix(text, "/topic Slipway: web in eu-west-1") || !strings.Contains(text, "It never listened") {
		t.Errorf("it got %q", text)
	}
}

// A message of shoutrrr cannot be ended. The next one does not pile up behind it.
func TestMessageThatHangs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	m, err := NewMessage("generic+http://" + l.Addr().String() + "/hook")
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"does not answer", "still being sent"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := m.Send(ctx, failure()); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want %q", err, words)
		}
		cancel()
	}
}

func TestMessageErrorsTellNoSecret(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"slack://s3cretToken@channel", "nothing://s3cretToken@host/s3cretToken", "discord://s3cretToken", "telegram://s3cretToken@telegram",
		"smtp://user:s3cretToken@mail.example/?fromaddress=", "ht tp://s3cretToken", "generic://s3cretToken:port",
	} {
		if m, err := NewMessage(raw); err == nil || strings.Contains(err.Error(), "s3cretToken") || strings.Contains(err.Error(), url.QueryEscape(raw)) {
			t.Errorf("%s: %v, %v", raw, m, err)
		}
	}
	m, err := NewMessage("ntfy://user:s3cretToken@127.0.0.1:1/s3cretTokenTopic?scheme=http")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Send(t.Context(), failure()); err == nil || strings.Contains(err.Error(), "s3cretToken") {
		t.Errorf("got %v", err)
	}
}
