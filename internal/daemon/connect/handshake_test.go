package connect_test

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
)

func read(t *testing.T, response *http.Response) (int, string) {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// refused checks that err is a reason for the user, with words in it.
func refused(t *testing.T, err error, words string) {
	t.Helper()
	if apprunner.CodeOf(err) != apprunner.InvalidRequest || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want a reason with %q", err, words)
	}
}

func TestHandshakeByToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.Repository("ann/web").Push("First", nil)
	for _, provider := range []string{"GITHUB", "GITLAB", "GITEA", "BITBUCKET"} {
		c := w.connection("by-"+provider, provider)
		_, err := w.Authorize(t.Context(), here, c.ARN, admin.Authorization{Method: admin.MethodToken, Token: "wr0ng"})
		refused(t, err, "refuses the credential")
		if got := w.status(c.Name); got.Status != apprunner.ConnectionPending {
			t.Errorf("%s: a token that was refused made it %+v", provider, got)
		}
		got := w.connected("with-"+provider, provider)
		if got.Status != apprunner.ConnectionAvailable || got.Account != "ann" || got.HookURL == "" {
			t.Errorf("%s: %+v", provider, got)
		}
		found, err := w.Repositories(t.Context(), here, got.ARN, "we", "")
		if err != nil || len(found.Items) != 1 || found.Items[0].Name != "ann/web" {
			t.Errorf("%s: repositories %+v, %v", provider, found, err)
		}
		for _, repository := range []string{"ann/web", w.host.URL + "/ann/web.git"} {
			branches, err := w.Branches(t.Context(), here, got.ARN, repository, "")
			if err != nil || len(branches.Items) != 1 || branches.Items[0] != "main" {
				t.Errorf("%s: branches of %s are %+v, %v", provider, repository, branches, err)
			}
		}
	}
	for _, in := range []admin.Authorization{
		{Method: admin.MethodToken}, {Method: admin.MethodToken, Token: "a\nb"}, {Method: admin.MethodPublic}, {Method: admin.MethodDeployKey},
		{Method: admin.MethodOAuth}, {Method: "magic"}, {Method: admin.MethodToken, Token: "x", BaseURL: "file:///etc"},
	} {
		_, err := w.Authorize(t.Context(), here, w.status("by-GITHUB").ARN, in)
		refused(t, err, "")
	}
	all, _ := w.Connections(t.Context(), here)
	if text, _ := json.Marshal(all); strings.Contains(string(text), "s3cret") {
		t.Error("the list of connections has a token")
	}
	for _, in := range []admin.NewConnection{{Name: "x", Provider: "GIT"}, {Name: "good", Provider: "SVN"}, {Name: "good", Provider: "GITLAB", BaseURL: "x"}} {
		_, err := w.CreateConnection(t.Context(), here, in)
		refused(t, err, "")
	}
}

func TestHandshakeByOAuth(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"GITLAB", "GITEA", "BITBUCKET"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			web := w.host.Repository("ann/web")
			web.Push("First", map[string]string{"a": "1"})
			web.Private()
			c := w.connection("oauth", provider)
			in := admin.Authorization{Method: admin.MethodOAuth, ClientID: "client", ClientSecret: "client-s3cret"}
			done, err := w.Authorize(t.Context(), here, c.ARN, in)
			if err != nil || done.Connection.Status != apprunner.ConnectionPending {
				t.Fatalf("%+v, %v", done, err)
			}
			back := follow(t, done.OpenURL)
			if code, body := browse(t, back); code != 200 || !strings.Contains(body, "Connection oauth is AVAILABLE") {
				t.Fatalf("%d %s", code, body)
			}
			if got := w.status("oauth"); got.Account != "ann" || got.Method != "oauth" {
				t.Errorf("%+v", got)
			}
			if code, body := browse(t, back); code != 400 || !strings.Contains(body, "No handshake waits") {
				t.Errorf("a second time: %d %s", code, body)
			}
			s := w.service("web", c.ARN, web.URL, true)
			// The token expires, is renewed, and what came with that is kept: each is good once.
			for range 3 {
				w.later(3 * time.Hour)
				if _, err := w.Commit(t.Context(), s, ""); err != nil {
					t.Fatal(err)
				}
			}
			// An answer that comes too late, or that nobody waits for.
			done, err = w.Authorize(t.Context(), here, c.ARN, in)
			if err != nil {
				t.Fatal(err)
			}
			back = follow(t, done.OpenURL)
			w.later(2 * time.Hour)
			if code, body := browse(t, back); code != 400 || !strings.Contains(body, "has expired") {
				t.Errorf("too late: %d %s", code, body)
			}
			for _, query := range []string{"", "?state=", "?state=guess&code=x"} {
				if code, body := browse(t, w.url+"/slipway/v1/callback/oauth"+query); code != 400 || !strings.Contains(body, "No handshake waits") {
					t.Errorf("%q: %d %s", query, code, body)
				}
			}
			if w.status("oauth").Status != apprunner.ConnectionAvailable {
				t.Error("what a stranger opened changed the connection")
			}
		})
	}
}

// follow returns where a page leads to.
func follow(t *testing.T, page string) string {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.Header.Get("Location")
}

func TestHandshakeRefusedByItsUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.connection("oauth", "GITLAB")
	done, err := w.Authorize(t.Context(), here, c.ARN, admin.Authorization{Method: admin.MethodOAuth, ClientID: "client", ClientSecret: "client-s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	page, _ := url.Parse(done.OpenURL)
	code, body := browse(t, w.url+"/slipway/v1/callback/oauth?error=access_denied&error_description=%3Cscript%3E&state="+page.Query().Get("state"))
	if code != 400 || !strings.Contains(body, "did not let Slipway in") || strings.Contains(body, "<script>") {
		t.Errorf("%d %s", code, body)
	}
}

var (
	formAction   = regexp.MustCompile(`action="([^"]+)"`)
	formManifest = regexp.MustCompile(`name="manifest" value="([^"]+)"`)
)

func TestHandshakeByApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.host.Repository("ann/web")
	web.Push("First", map[string]string{"a": "1"})
	web.Private()
	c := w.connection("app1", "GITHUB")
	done, err := w.Authorize(t.Context(), here, c.ARN, admin.Authorization{Method: admin.MethodApp})
	if err != nil || !strings.HasPrefix(done.OpenURL, w.url+"/") {
		t.Fatalf("%+v, %v", done, err)
	}
	_, form := browse(t, done.OpenURL)
	action, manifest := formAction.FindStringSubmatch(form), formManifest.FindStringSubmatch(form)
	if action == nil || manifest == nil || !strings.Contains(manifest[1], "push") {
		t.Fatalf("the page is %s", form)
	}
	// As a browser: the form, its answer's redirect, the App's installation, and back.
	response, err := browser.PostForm(html.UnescapeString(action[1]), url.Values{"manifest": {html.UnescapeString(manifest[1])}})
	if err != nil {
		t.Fatal(err)
	}
	if code, body := read(t, response); code != 200 || !strings.Contains(body, "Connection app1 is AVAILABLE") {
		t.Fatalf("%d %s", code, body)
	}
	if got := w.status("app1"); got.Account != "ann-org" || got.Method != "app" {
		t.Errorf("%+v", got)
	}
	s := w.service("web", c.ARN, web.URL, true)
	w.later(2 * time.Hour)
	if _, err := w.Commit(t.Context(), s, ""); err != nil {
		t.Errorf("with a new token: %v", err)
	}
	w.host.Lock()
	w.host.API.Uninstalled = true
	w.host.Unlock()
	w.later(2 * time.Hour)
	_, err = w.Commit(t.Context(), s, "")
	refused(t, err, "not installed any more")
	if got := w.status("app1"); got.Status != apprunner.ConnectionError {
		t.Errorf("%+v", got)
	}
}

func TestHandshakeByDeployKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.host.ServeSSH(t)
	w.host.Repository("ann/web").Push("First", map[string]string{"a": "1"})
	at := "ssh://git@" + server.Address + "/ann/web.git"
	c, err := w.CreateConnection(t.Context(), here, admin.NewConnection{Name: "keyed", Provider: "GIT"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Authorize(t.Context(), here, c.ARN, admin.Authorization{Method: admin.MethodDeployKey})
	refused(t, err, "Which server")
	done, err := w.Authorize(t.Context(), here, c.ARN, admin.Authorization{Method: admin.MethodDeployKey, Repository: at})
	if err != nil || len(done.HostKeys) != 1 || !strings.HasPrefix(done.Connection.PublicKey, "ssh-ed25519 ") || done.HookSecret == "" {
		t.Fatalf("%+v, %v", done, err)
	}
	_, err = w.Branches(t.Context(), here, c.ARN, at, "")
	refused(t, err, "refuses the ssh key")
	server.Allow(done.Connection.PublicKey)
	if got, err := w.Branches(t.Context(), here, c.ARN, at, ""); err != nil || len(got.Items) != 1 {
		t.Errorf("branches %+v, %v", got, err)
	}
	s := w.service("web", c.ARN, at, true)
	dir := t.TempDir() + "/source"
	if got, err := w.Fetch(t.Context(), s, "main", dir); err != nil || got.Message != "First" {
		t.Errorf("fetched %+v, %v", got, err)
	}
	if text, _ := json.Marshal(w.status("keyed")); strings.Contains(string(text), "PRIVATE") {
		t.Error("the connection shows its private key")
	}
}
