package provider_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/source/provider"
	"github.com/slipway-run/slipway/test/githost"
)

var hosts = []string{provider.GitHub, provider.GitLab, provider.Gitea, provider.Bitbucket}

func api() *provider.API { return &provider.API{Transport: http.DefaultTransport, Now: time.Now} }

func TestHosts(t *testing.T) {
	t.Parallel()
	for _, name := range hosts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := githost.New(t)
			h.Tokens["s3cret"] = true
			h.API.Page = 2
			web := h.Repository("ann/web")
			commit := web.Push("First", nil)
			web.Git("push", "-q", "origin", "HEAD:dev")
			h.Repository("ann/api")
			h.Repository("bob/web-shop").Private()
			host := api().Open(name, provider.Credential{Kind: provider.ByToken, BaseURL: h.URL, Token: "s3cret"})
			if who, err := host.Account(t.Context()); err != nil || who != "ann" {
				t.Errorf("account %q, %v", who, err)
			}
			var names []string
			for page, pages := "", 0; pages < 5; pages++ {
				some, next, err := host.Repositories(t.Context(), "WEB", page)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range some {
					names = append(names, r.Name)
					if r.Branch != "main" || r.URL != h.URL+"/"+r.Name+".git" || r.Private != (r.Name == "bob/web-shop") {
						t.Errorf("listed %+v", r)
					}
				}
				if page = next; page == "" {
					break
				}
			}
			if slices.Sort(names); name != provider.Gitea && name != provider.GitHub && !slices.Equal(names, []string{"ann/web", "bob/web-shop"}) {
				t.Errorf("repositories %q", names) // the other two tell pages apart by their size, which this host makes smaller
			}
			branches, _, err := host.Branches(t.Context(), "ann/web", "")
			if err != nil || !slices.Equal(branches, []string{"dev", "main"}) {
				t.Errorf("branches %q, %v", branches, err)
			}
			for _, state := range []provider.State{provider.Pending, provider.Success, provider.Failure} {
				err := host.SetStatus(t.Context(), "ann/web", commit, provider.Status{State: state, Context: "slipway/web", Description: strings.Repeat("é", 300), TargetURL: "http://x"})
				if err != nil {
					t.Error(err)
				}
			}
			if all := h.API.Statuses; len(all) != 3 || all[0].Commit != commit || all[0].Repository != "ann/web" || all[0].Context != "slipway/web" || all[0].Target != "http://x" {
				t.Errorf("statuses %+v", all)
			}
			for _, secret := range []string{"one", "two"} {
				if err := host.PutHook(t.Context(), "ann/web", "http://slipway/hook", secret); err != nil {
					t.Fatal(err)
				}
			}
			if all := h.API.Hooks; len(all) != 1 || all[0].Secret != "two" || all[0].URL != "http://slipway/hook" {
				t.Errorf("webhooks %+v, want one with the newest secret", all)
			}
			if err := host.DeleteHook(t.Context(), "ann/web", "http://slipway/hook"); err != nil || len(h.API.Hooks) != 0 {
				t.Errorf("webhooks %+v, %v", h.API.Hooks, err)
			}
			_, _, err = host.Branches(t.Context(), "ann/none", "")
			if apprunner.CodeOf(err) != apprunner.InvalidRequest {
				t.Errorf("no repository: %v", err)
			}
			revoked := api().Open(name, provider.Credential{Kind: provider.ByToken, BaseURL: h.URL, Token: "old"})
			_, err = revoked.Account(t.Context())
			if _, ok := errors.AsType[*provider.Revoked](err); !ok || !strings.Contains(err.Error(), "Authorize the connection again") {
				t.Errorf("a revoked token: %v", err)
			}
		})
	}
}

func TestOAuth(t *testing.T) {
	t.Parallel()
	for _, name := range []string{provider.GitLab, provider.Gitea, provider.Bitbucket} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := githost.New(t)
			c := provider.Credential{BaseURL: h.URL, ClientID: "client", ClientSecret: "client-s3cret"}
			verifier := provider.NewVerifier()
			code, state := allow(t, provider.AuthorizeURL(name, c, "http://back.example/callback", "st4te", verifier))
			if state != "st4te" {
				t.Errorf("state %q", state)
			}
			got, err := api().Exchange(t.Context(), name, c, code, "http://back.example/callback", verifier)
			if err != nil || got.Token == "" || got.Stale(time.Now()) || !got.Stale(time.Now().Add(2*time.Hour)) {
				t.Fatalf("got %+v, %v", got, err)
			}
			if who, err := api().Open(name, got).Account(t.Context()); err != nil || who != "ann" {
				t.Errorf("account %q, %v", who, err)
			}
			if _, err := api().Exchange(t.Context(), name, c, code, "http://back.example/callback", verifier); err == nil {
				t.Error("a code was good twice")
			}
			renewed, err := api().Renew(t.Context(), name, got)
			if err != nil || renewed.Token == got.Token || renewed.Refresh == got.Refresh {
				t.Errorf("renewed %+v, %v", renewed, err)
			}
			_, err = api().Renew(t.Context(), name, got)
			if _, ok := errors.AsType[*provider.Revoked](err); !ok {
				t.Errorf("an old refresh token: %v", err)
			}
		})
	}
	h := githost.New(t)
	c := provider.Credential{BaseURL: h.URL, ClientID: "client", ClientSecret: "client-s3cret"}
	code, _ := allow(t, provider.AuthorizeURL(provider.GitLab, c, "http://back.example/callback", "s", "mine"))
	if _, err := api().Exchange(t.Context(), provider.GitLab, c, code, "http://back.example/callback", "another"); err == nil {
		t.Error("a code was good without the secret of its flow")
	}
}

// allow follows a redirect as a browser does, and returns what comes back.
func allow(t *testing.T, page string) (code, state string) {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	back, err := url.Parse(response.Header.Get("Location"))
	if err != nil || back.Host != "back.example" {
		t.Fatalf("%s leads to %q, %v", page, back, err)
	}
	return back.Query().Get("code"), back.Query().Get("state")
}

func TestGitHubApp(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	c := provider.Credential{BaseURL: h.URL}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	manifest := provider.Manifest("slipway", "http://home", "http://back.example/callback", "http://back.example/setup", "http://hooks")
	response, err := client.PostForm(provider.ManifestURL(h.URL, "", "st4te"), url.Values{"manifest": {manifest}})
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	back, _ := url.Parse(response.Header.Get("Location"))
	if back.Query().Get("state") != "st4te" {
		t.Fatalf("leads to %v", back)
	}
	app, err := api().Convert(t.Context(), c, back.Query().Get("code"))
	if err != nil || app.AppID != 4711 || app.HookSecret != "hook-s3cret" {
		t.Fatalf("app %+v, %v", app, err)
	}
	if u := provider.InstallURL(app, "x"); u != h.URL+"/github-apps/slipway-test/installations/new?state=x" {
		t.Errorf("installed at %s", u)
	}
	installed, err := api().Install(t.Context(), app, 77)
	if err != nil || installed.Account != "ann-org" || installed.Token == "" || installed.Stale(time.Now()) {
		t.Fatalf("installed %+v, %v", installed, err)
	}
	if _, err := api().Open(provider.GitHub, installed).Account(t.Context()); err != nil {
		t.Error(err)
	}
	renewed, err := api().Renew(t.Context(), provider.GitHub, installed)
	if err != nil || renewed.Token == installed.Token {
		t.Errorf("renewed %+v, %v", renewed, err)
	}
	h.API.Uninstalled = true
	_, err = api().Renew(t.Context(), provider.GitHub, installed)
	if _, ok := errors.AsType[*provider.Revoked](err); !ok {
		t.Errorf("uninstalled: %v", err)
	}
}

// Examples of the hosts' documentation, with the signature of each.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	// docs.github.com: "Validating webhook deliveries".
	const secret, body = "It's a Secret to Everybody", "Hello, World!"
	const signed = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	for _, c := range []struct {
		why, header, value string
		good               bool
	}{
		{"GitHub", "X-Hub-Signature-256", "sha256=" + signed, true},
		{"Bitbucket", "X-Hub-Signature", "sha256=" + signed, true},
		{"Gitea", "X-Gitea-Signature", signed, true},
		{"Forgejo", "X-Forgejo-Signature", signed, true},
		{"GitLab", "X-Gitlab-Token", secret, true},
		{"nothing", "X-None", "", false},
		{"another signature", "X-Hub-Signature-256", "sha256=" + strings.Repeat("0", 64), false},
		{"a signature that is cut", "X-Hub-Signature-256", "sha256=" + signed[:60], false},
		{"the secret in another place", "X-Hub-Signature-256", secret, false},
		{"a wrong token", "X-Gitlab-Token", "secret", false},
	} {
		h := http.Header{}
		h.Set(c.header, c.value)
		if got := provider.Verify(h, []byte(body), secret); got != c.good {
			t.Errorf("%s: %v", c.why, got)
		}
	}
	if provider.Verify(http.Header{"X-Gitlab-Token": {""}}, nil, "") {
		t.Error("without a secret everybody is let in")
	}
	for _, c := range []struct {
		why    string
		header http.Header
		body   string
		want   provider.Push
	}{
		{"GitHub", http.Header{"X-Github-Event": {"push"}, "X-Github-Delivery": {"d1"}}, `{"ref":"refs/heads/feature/x","repository":{"full_name":"ann/web"}}`, provider.Push{"d1", "ann/web", "feature/x", false}},
		{"a tag", http.Header{"X-Github-Event": {"push"}}, `{"ref":"refs/tags/v1","repository":{"full_name":"ann/web"}}`, provider.Push{"", "ann/web", "", true}},
		{"a ping", http.Header{"X-Github-Event": {"ping"}}, `{"zen":"x","repository":{"full_name":"ann/web"}}`, provider.Push{"", "ann/web", "", true}},
		{"GitLab", http.Header{"X-Gitlab-Event": {"Push Hook"}, "X-Gitlab-Event-Uuid": {"d2"}}, `{"ref":"refs/heads/main","project":{"path_with_namespace":"a/b/c"}}`, provider.Push{"d2", "a/b/c", "main", false}},
		{"Bitbucket", http.Header{"X-Event-Key": {"repo:push"}, "X-Request-Uuid": {"d3"}}, `{"repository":{"full_name":"w/r"},"push":{"changes":[{"new":{"type":"branch","name":"main"}}]}}`, provider.Push{"d3", "w/r", "main", false}},
		{"Bitbucket, two branches", http.Header{"X-Event-Key": {"repo:push"}}, `{"repository":{"full_name":"w/r"},"push":{"changes":[{"new":{"type":"branch","name":"main"}},{"new":null}]}}`, provider.Push{"", "w/r", "", false}},
		{"no JSON", http.Header{}, `hello`, provider.Push{}},
	} {
		if got := provider.ReadPush(c.header, []byte(c.body)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.why, got, c.want)
		}
	}
}

func FuzzReadPush(f *testing.F) {
	f.Add(`{"ref":"refs/heads/main","repository":{"full_name":"ann/web"},"push":{"changes":[{"new":null}]}}`)
	f.Fuzz(func(_ *testing.T, body string) { provider.ReadPush(http.Header{}, []byte(body)) })
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ provider, base, want string }{
		{provider.GitHub, "", "https://github.com"},
		{provider.GitLab, "https://Git.Example.com/", "https://git.example.com"},
		{provider.GitLab, "https://example.com/gitlab", "https://example.com/gitlab"},
		{provider.Git, "ssh://git.example.com:2222", "ssh://git.example.com:2222"},
		{provider.GitLab, "ssh://git.example.com", "refused"},
		{provider.GitLab, "https://user:password@git.example.com", "refused"},
		{provider.GitLab, "git.example.com", "refused"},
		{provider.Gitea, "file:///etc", "refused"},
		{provider.Gitea, "https://x?y=z", "refused"},
	} {
		got, err := provider.BaseURL(c.provider, c.base)
		if (err != nil) != (c.want == "refused") || (err == nil && got != c.want) {
			t.Errorf("%s %q: %q, %v", c.provider, c.base, got, err)
		}
	}
	for url, want := range map[string]string{
		"https://github.com/ann/web.git": "ann/web", "git@github.com:ann/web.git": "ann/web", "ssh://git@h:22/a/b/c": "a/b/c", "https://h/a/b/": "a/b",
	} {
		if got := provider.Name(url); got != want {
			t.Errorf("%s is %q", url, got)
		}
	}
}
