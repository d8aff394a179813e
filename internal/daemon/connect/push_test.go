package connect_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/test/githost"
)

func TestWebhooks(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"GITHUB", "GITLAB", "GITEA", "BITBUCKET"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			web, api := w.host.Repository("ann/web"), w.host.Repository("ann/api")
			web.Push("First", map[string]string{"a": "1"})
			api.Push("First", map[string]string{"a": "1"})
			c := w.connected("conn", provider)
			s := w.service("web", c.ARN, web.URL, true)
			other := w.service("api", c.ARN, api.URL, true)
			manual := w.service("manual", c.ARN, web.URL, false)
			w.run()
			w.Watch(t.Context())
			hooks := func() []githost.Hook {
				w.host.Lock()
				defer w.host.Unlock()
				return slices.Clone(w.host.API.Hooks)
			}
			eventually(t, "both repositories have a webhook", func() bool { return len(hooks()) == 2 })
			settled := func(want ...string) bool {
				got := w.looks()
				return len(want) == 0 && len(got) == 0 || len(want) == 1 && slices.Contains(got, want[0]) && !slices.Contains(got, manual.ID)
			}
			var polled []string
			eventually(t, "polling has seen both", func() bool {
				polled = append(polled, w.looks()...)
				return slices.Contains(polled, s.ID) && slices.Contains(polled, other.ID)
			})
			if got := web.Deliver("d1"); !slices.Equal(got, []int{204}) || !settled(s.ID) {
				t.Errorf("a delivery was answered %v", got)
			}
			if got := web.Deliver("d1"); !slices.Equal(got, []int{409}) || !settled() {
				t.Errorf("the same delivery was answered %v", got)
			}
			hook := hooks()[slices.IndexFunc(hooks(), func(h githost.Hook) bool { return h.Repository == "ann/web" })]
			if got := githost.Deliver(t, hook, "d2", "other"); got != 204 || !settled() {
				t.Errorf("a push to another branch was answered %d, and looked at", got)
			}
			forged := hook
			forged.Secret = "guess"
			if got := githost.Deliver(t, forged, "d3", "main"); got != 404 || !settled() {
				t.Errorf("a forged delivery was answered %d", got)
			}
			unknown := hook
			unknown.URL = w.url + "/slipway/v1/hooks/" + strings.Repeat("0", 32)
			if got := githost.Deliver(t, unknown, "d4", "main"); got != 404 || !settled() {
				t.Errorf("a delivery for no connection was answered %d", got)
			}
			// The webhook goes with the last service that needs it.
			s.Spec.AutoDeploy = false
			all, err := w.store.Operations(t.Context(), s.ID)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.store.Record(t.Context(), s, all[0], nil); err != nil {
				t.Fatal(err)
			}
			w.Watch(t.Context())
			eventually(t, "one webhook is left", func() bool { h := hooks(); return len(h) == 1 && h[0].Repository == "ann/api" })
		})
	}
}

func TestPolling(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.host.Repository("ann/web")
	web.Push("First", map[string]string{"a": "1"})
	web.Private()
	c := w.connected("conn", "GIT")
	one, two := w.service("one", c.ARN, web.URL, true), w.service("two", c.ARN, web.URL, true)
	w.run()
	w.Watch(t.Context())
	both := func() bool { got := w.looks(); return slices.Contains(got, one.ID) && slices.Contains(got, two.ID) }
	eventually(t, "the first look", both)
	w.host.Requests()
	web.Push("Second", map[string]string{"a": "2"})
	eventually(t, "the second push is seen", both)
	time.Sleep(300 * time.Millisecond)
	if got := w.looks(); len(got) != 0 {
		t.Errorf("looked at %v without a push", got)
	}
	// Where there is no API, a credential that no longer works shows in the running service.
	w.host.Lock()
	delete(w.host.Tokens, "s3cret")
	w.host.Unlock()
	eventually(t, "the connection is in ERROR", func() bool { return w.status("conn").Status == apprunner.ConnectionError })
	if got := w.events(); !strings.Contains(got, "one: Connection conn is ERROR. Reason: Access to repository") {
		t.Errorf("events:\n%s", got)
	}
	_, err := w.Commit(t.Context(), one, "")
	refused(t, err, "Connection conn is ERROR: Access")
	w.looks()
	w.host.Lock()
	w.host.Tokens["new"] = true
	w.host.Unlock()
	if _, err := w.Authorize(t.Context(), here, c.ARN, admin.Authorization{Method: admin.MethodToken, Token: "new", Username: "ann"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "services that waited are looked at", both)
	if _, err := w.Commit(t.Context(), one, ""); err != nil {
		t.Error(err)
	}
}

func TestRevokedToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web, gone := w.host.Repository("ann/web"), w.host.Repository("ann/other")
	web.Push("First", map[string]string{"a": "1"})
	web.Private()
	gone.Push("First", map[string]string{"a": "1"})
	c := w.connected("conn", "GITLAB")
	s := w.service("web", c.ARN, web.URL, true)
	// A repository that a good token may not read is no reason to give up the token.
	w.host.Lock()
	w.host.Tokens = map[string]bool{"s3cret": true}
	w.host.Unlock()
	lost := s
	code := *s.Spec.Code
	code.URL = strings.Replace(web.URL, "ann/web", "bob/none", 1)
	lost.Spec.Code = &code
	if _, err := w.Commit(t.Context(), lost, ""); err == nil || w.status("conn").Status != apprunner.ConnectionAvailable {
		t.Errorf("%v made it %+v", err, w.status("conn"))
	}
	w.host.Lock()
	w.host.Tokens = map[string]bool{}
	w.host.Unlock()
	_, err := w.Commit(t.Context(), s, "")
	refused(t, err, "Connection conn: GITLAB at")
	if got := w.status("conn"); got.Status != apprunner.ConnectionError || !strings.Contains(got.Reason, "Authorize the connection again") {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(w.events(), "web: Connection conn is ERROR.") {
		t.Errorf("events: %s", w.events())
	}
}

// A repository elsewhere is read without the credential.
func TestCredentialsAreForTheirHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.connected("conn", "GITHUB")
	other := githost.New(t)
	there := other.Repository("eve/trap")
	there.Push("First", map[string]string{"a": "1"})
	w.service("web", c.ARN, there.URL, true)
	for _, q := range other.Requests() {
		if q.Authorization != "" {
			t.Errorf("another host was told %q", q.Authorization)
		}
	}
}

func TestStatusOfCommits(t *testing.T) {
	t.Parallel()
	for provider, want := range map[string][]string{
		"GITHUB": {"pending", "success", "failure"}, "GITLAB": {"running", "success", "failed"},
		"GITEA": {"pending", "success", "failure"}, "BITBUCKET": {"INPROGRESS", "SUCCESSFUL", "FAILED"},
	} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			web := w.host.Repository("ann/web")
			id := web.Push("First", map[string]string{"a": "1"})
			s := w.service("web", w.connected("conn", provider).ARN, web.URL, true)
			w.run()
			all, err := w.store.Operations(t.Context(), s.ID)
			if err != nil {
				t.Fatal(err)
			}
			o := all[0]
			seen := func(n int) func() bool {
				return func() bool { w.host.Lock(); defer w.host.Unlock(); return len(w.host.API.Statuses) == n }
			}
			o.Status, o.Step = apprunner.OperationInProgress, apprunner.StepBuild
			w.Report(o)
			eventually(t, "the start is reported", seen(1))
			o.Step = apprunner.StepProvision
			w.Report(o)
			o.Status, o.Step = apprunner.OperationSucceeded, apprunner.StepDone
			w.Report(o)
			eventually(t, "the end is reported", seen(2))
			o.ID, o.Status, o.Reason = "another", apprunner.OperationFailed, "the build fails"
			w.Report(o)
			eventually(t, "the failure is reported", seen(3))
			w.host.Lock()
			defer w.host.Unlock()
			for n, got := range w.host.API.Statuses {
				if got.State != want[n] || got.Commit != id || got.Repository != "ann/web" || got.Context != "slipway/web" || got.Target != "http://web" {
					t.Errorf("reported %+v, want %s", got, want[n])
				}
			}
			if d := w.host.API.Statuses[2].Description; !strings.Contains(d, "the build fails") {
				t.Errorf("the failure is described as %q", d)
			}
		})
	}
}
