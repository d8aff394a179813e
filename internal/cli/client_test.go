package cli

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/daemon"
	"github.com/slipway-run/slipway/internal/iam"
)

// daemonOf answers with a handler, without a network.
func daemonOf(t *testing.T, handler http.HandlerFunc) *client {
	t.Helper()
	before := http.DefaultClient
	http.DefaultClient = &http.Client{Transport: roundTrip(func(r *http.Request) *http.Response {
		w := httptest.NewRecorder()
		handler(w, r)
		return w.Result()
	})}
	t.Cleanup(func() { http.DefaultClient = before })
	return &client{info: daemon.Info{API: "http://slipway.test"}, key: iam.NewKey(time.Now()), region: "us-east-1"}
}

type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

func throttled(w http.ResponseWriter) {
	w.Header().Set("X-Amzn-Errortype", "ThrottlingException")
	w.WriteHeader(http.StatusBadRequest)
}

// A caller that is told to slow down does so, and its body goes with every attempt.
func TestWaitsWhenThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		c := daemonOf(t, func(w http.ResponseWriter, r *http.Request) {
			body := make([]byte, 10)
			if n, _ := r.Body.Read(body); string(body[:n]) != "{}" {
				t.Errorf("attempt %d has the body %q", attempts, body[:n])
			}
			if attempts++; attempts < 8 {
				throttled(w)
				return
			}
			_, _ = w.Write([]byte(`{"ServiceSummaryList":[]}`))
		})
		begin := time.Now()
		var out apprunnerapi.ListServicesOutput
		if err := c.call(t.Context(), "ListServices", apprunnerapi.ListServicesInput{}, &out); err != nil || attempts != 8 {
			t.Errorf("%v after %d attempts", err, attempts)
		}
		// 50 ms, doubled six times up to 2 s, each from half to one and a half of that.
		if took := time.Since(begin); took < 2575*time.Millisecond || took > 7725*time.Millisecond {
			t.Errorf("seven pauses took %v", took)
		}
	})
}

func TestStopsWaitingWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := daemonOf(t, func(w http.ResponseWriter, _ *http.Request) { throttled(w) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := c.admin(ctx, http.MethodGet, "keys", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

func TestTellsWhatTheDaemonAnswers(t *testing.T) {
	c := daemonOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"Code":"AccessDeniedException","Message":"User x is not authorized"}`))
	})
	_, err := c.admin(t.Context(), http.MethodPost, "keys", admin.NewKey{})
	if e, ok := errors.AsType[*apiError](err); !ok || *e != (apiError{"AccessDeniedException", "User x is not authorized"}) {
		t.Errorf("%#v", err)
	}
}

// The policy of a key that is made without one says what the help says.
func TestEverything(t *testing.T) {
	p, err := iam.ParsePolicy([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	for action, want := range map[string]iam.Decision{
		"apprunner:DeleteService": iam.Allowed, "ecr:PutImage": iam.Allowed, "slipway:GetLogs": iam.Allowed, "slipway:PutRegistryLogin": iam.Allowed,
		"slipway:CreateKey": iam.Denied, "slipway:DeleteKey": iam.Denied, "slipway:ListKeys": iam.Denied,
	} {
		if got := p.Allows(iam.Request{Action: action, Resource: "*"}); got != want {
			t.Errorf("%s: decision %d, want %d", action, got, want)
		}
	}
}

// The policy that the README shows is one.
func TestPolicyOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "cat > deploy.json <<'END'\n")
	document, _, ok := strings.Cut(rest, "END\n")
	if !ok {
		t.Fatal("the README shows no policy")
	}
	if _, err := iam.ParsePolicy([]byte(document)); err != nil {
		t.Error(err)
	}
}
