package test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// event is one of App Runner's events in EventBridge.
type event struct {
	ID     string
	Detail struct {
		ServiceName          string
		OperationStatus      string
		CurrentServiceStatus string
		Severity             string
	}
}

func (e event) String() string {
	return e.Detail.ServiceName + " " + e.Detail.OperationStatus + e.Detail.CurrentServiceStatus
}

// happened is what slipway events tells of a service, in order.
func happened(t *testing.T, s *kit.Slipway, name string) (all []event) {
	t.Helper()
	for line := range strings.Lines(s.CLI("events", "--json")) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if name == "" || e.Detail.ServiceName == name {
			all = append(all, e)
		}
	}
	return all
}

// hook is a receiver of webhooks that can be out of order.
type hook struct {
	t      *testing.T
	secret *standardwebhooks.Webhook
	slow   time.Duration // before each answer
	mu     sync.Mutex
	mode   string // "", fail, hang
	got    []event
	failed int
	leave  chan struct{}
}

func (h *hook) set(mode string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mode = mode
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = h.secret.Verify(body, r.Header)
	}
	var e event
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	if err != nil || r.Header.Get("Webhook-Id") != e.ID {
		h.t.Errorf("aaaa webhook came with %v: %s, %v", r.Header, body, err)
	}
	time.Sleep(h.slow)
	h.mu.Lock()
	mode := h.mode
	if mode == "" {
		h.got = append(h.got, e)
	} else {
		h.failed++
	}
	h.mu.Unlock()
	switch mode {
	case "fail":
		http.Error(w, "not now", http.StatusServiceUnavailable)
	case "hang":
		select {
		case <-h.leave:
		case <-r.Context().Done():
		}
	}
}

// all is what arrived, each event as often as it came.
func (h *hook) all() []event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

// once is what arrived, each event at its first time.
func (h *hook) once() []event {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := map[string]bool{}
	var all []event
	for _, e := range h.got {
		if !seen[e.ID] {
			all = append(all, e)
		}
		seen[e.ID] = true
	}
	return all
}

func (h *hook) failures() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed
}

// TestEvents has a daemon tell of services while it is killed and while nobody listens: everything
// arrives, in order for each service, and nothing that did not happen.
func TestEvents(t *testing.T) {
	t.Parallel()
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	receiver := &hook{t: t, secret: verifier, mode: "fail", leave: make(chan struct{})}
	server := httptest.NewServer(receiver)
	t.Cleanup(func() { close(receiver.leave); server.Close() })
	var clouds sync.Map
	cloud := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e struct{ SpecVersion, ID, Subject, Type string }
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil || e.SpecVersion != "1.0" || e.Subject != "bbbb" {
			t.Errorf("aaaa CloudEvent came as %+v, %v", e, err)
		}
		clouds.Store(e.ID, e.Type)
	}))
	t.Cleanup(cloud.Close)
	box := newMailbox(t)
	keyFile := filepath.Join(t.TempDir(), "hook.key")
	if err := os.WriteFile(keyFile, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := kit.New(t, fmt.Sprintf(`%s
events:
  webhooks:
    - {name: all, url: %s/hook, secret-file: %s}
    - {name: clouds, url: %s, format: cloudevents, services: [b*]}
  messages:
    - {name: mail, url: "smtp://%s/?auth=None&encryption=None&usestarttls=no&fromaddress=slipway@example.com&toaddresses=ops@example.com", failures-only: true}
`, quick, server.URL, keyFile, cloud.URL, box.address))
	s.Env = []string{"SLIPWAY_KILL_AT=CREATE_SERVICE:end-"} // all is done, and the store does not know
	s.Start()
	s.PushMimic("mimic:v1", "v1")
	a, _ := s.Create(s.Input("aaaa", "mimic:v1"))
	s.AwaitEnd(time.Minute)
	s.Env = []string{"SLIPWAY_KILL_AT=CREATE_SERVICE:end"} // the store knows, and nobody was told
	s.Spawn()
	s.AwaitEnd(time.Minute)
	s.Env = nil
	receiver.set("hang")
	s.Start()
	s.Await(*a.ServiceArn, apprunnerapi.ServiceStatusRunning)
	b := s.Run(s.Input("bbbb", "mimic:v1"))
	s.Eventually("aaaa webhook hangs", 30*time.Second, func() error {
		if receiver.failures() < 3 {
			return kit.Errorf("%d attempts failed", receiver.failures())
		}
		return nil
	})
	s.Kill()
	receiver.set("")
	s.Start()
	s.Do("PauseService", *a.ServiceArn)
	s.Await(*a.ServiceArn, apprunnerapi.ServiceStatusPaused)
	broken, _ := s.Create(s.Input("cccc", "mimic:v1", "EXIT=3"))
	s.Await(*broken.ServiceArn, apprunnerapi.ServiceStatusCreateFailed)
	s.Do("PauseService", *b.ServiceArn)
	s.Await(*b.ServiceArn, apprunnerapi.ServiceStatusPaused)

	want := map[string][]string{
		"aaaa": {"aaaa CreateServiceStarted", "aaaa CreateServiceCompletedSuccessfully", "aaaa RUNNING", "aaaa PauseServiceStarted", "aaaa OPERATION_IN_PROGRESS", "aaaa PauseServiceCompletedSuccessfully", "aaaa PAUSED"},
		"bbbb": {"bbbb CreateServiceStarted", "bbbb CreateServiceCompletedSuccessfully", "bbbb RUNNING", "bbbb PauseServiceStarted", "bbbb OPERATION_IN_PROGRESS", "bbbb PauseServiceCompletedSuccessfully", "bbbb PAUSED"},
		"cccc": {"cccc CreateServiceStarted", "cccc CreateServiceFailed", "cccc CREATE_FAILED"},
	}
	s.Eventually("every event has arrived", 30*time.Second, func() error {
		if n := len(receiver.once()); n < 17 {
			return kit.Errorf("%d have", n)
		}
		return nil
	})
	for name, events := range want {
		told, arrived := happened(t, s, name), receiver.once()
		arrived = slices.DeleteFunc(arrived, func(e event) bool { return e.Detail.ServiceName != name })
		if diff := cmp.Diff(events, texts(told)); diff != "" {
			t.Errorf("slipway events tells of %s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(told, arrived); diff != "" {
			t.Errorf("the webhook got of %s (-told +got):\n%s", name, diff)
		}
		if name == "bbbb" {
			for _, e := range told {
				if _, ok := clouds.Load(e.ID); !ok {
					t.Errorf("no CloudEvent came of %s", e)
				}
			}
		}
	}
	s.Eventually("the mail has arrived", 30*time.Second, func() error {
		if mails := box.all(); len(mails) != 1 || !strings.Contains(mails[0], "cccc in us-east-1: Service creation failed.") || !strings.Contains(mails[0], "code 3") {
			return kit.Errorf("the mails are %q", mails)
		}
		return nil
	})
	text := s.CLI("events")
	if !strings.Contains(text, "cccc: Service creation failed. For details, see service logs. ") || strings.Count(text, "\n") != 17 {
		t.Errorf("slipway events prints:\n%s", text)
	}
	if strings.Contains(s.Log(), "/hook") || strings.Contains(s.Log(), secret) {
		t.Error("the log has the path or the secret of the webhook")
	}
}

func texts(events []event) (all []string) {
	for _, e := range events {
		all = append(all, e.String())
	}
	return all
}

// mailbox is an SMTP server.
type mailbox struct {
	address string
	mu      sync.Mutex
	mails   []string
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailbox{address: l.Addr().String()}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailSession{m}, nil }))
	done := make(chan struct{})
	go func() { _ = server.Serve(l); close(done) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return m
}

func (m *mailbox) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.mails)
}

type mailSession struct{ box *mailbox }

func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }
func (s mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.mails = append(s.box.mails, string(text))
	return err
}
