package console

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

const id, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

// world is what the console shows.
type world struct {
	services   []apprunner.Service
	operations []apprunner.Operation
	err        error
	may        func(id, action, resource string) bool // nil: everything
	gone       bool                                   // the key was deleted
}

func (w *world) Known(got string) bool { return got == id && !w.gone }

func (w *world) Allowed(_ context.Context, id, action, resource string) (bool, error) {
	return w.may == nil || w.may(id, action, resource), nil
}

func (w *world) Services(context.Context, apprunner.Place) ([]apprunner.Service, error) {
	return w.services, w.err
}

func (w *world) Operations(context.Context, apprunner.Place, string) ([]apprunner.Operation, error) {
	return w.operations, nil
}

func (w *world) Authenticate(_ context.Context, gotID, gotSecret string) error {
	if gotID != id || gotSecret != secret {
		return errors.New("denied")
	}
	return nil
}

// site is a console and a browser that follows no redirect.
type site struct {
	*Console
	url    string
	client *http.Client
}

func open(t *testing.T, w *world) *site {
	t.Helper()
	c := &Console{
		Services: w, Keys: w, Place: apprunner.Place{Account: "123456789012", Region: "eu-west-1"},
		URL: func(s apprunner.Service) string { return "http://" + s.Subdomain + ".localhost:8080" },
		Log: slog.New(slog.DiscardHandler), Secret: NewSecret(),
	}
	server := httptest.NewServer(c.Handler())
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &site{Console: c, url: server.URL, client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// do sends a request and returns the answer and its body.
func (s *site) do(t *testing.T, method, path string, form url.Values, header http.Header) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	response, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

var right = url.Values{"id": {" " + id + " "}, "secret": {secret + "\n"}} // as they are pasted

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := open(t, &world{services: []apprunner.Service{{Name: "secret-service"}}})
	if _, body := s.do(t, http.MethodGet, "/", nil, nil); strings.Contains(body, "secret-service") || !strings.Contains(body, "Sign in") {
		t.Errorf("a stranger sees:\n%s", body)
	}
	for name, form := range map[string]url.Values{
		"wrong secret": {"id": {id}, "secret": {"x"}}, "wrong id": {"id": {"x"}, "secret": {secret}}, "nothing": {},
		"too much": {"id": {id}, "secret": {strings.Repeat("x", 10000)}},
	} {
		response, body := s.do(t, http.MethodPost, "/sign-in", form, nil)
		if response.StatusCode != http.StatusForbidden || !strings.Contains(body, "This access key is not known, or the secret is wrong.") || len(response.Cookies()) > 0 {
			t.Errorf("%s: %s, cookies %v", name, response.Status, response.Cookies())
		}
	}
	response, _ := s.do(t, http.MethodPost, "/sign-in", right, nil)
	if response.StatusCode != http.StatusSeeOther || len(response.Cookies()) != 1 {
		t.Fatalf("the right key: %s", response.Status)
	}
	if c := response.Cookies()[0]; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 12*60*60 || strings.Contains(c.Value, secret) {
		t.Errorf("cookie %+v", c)
	}
	if _, body := s.do(t, http.MethodGet, "/", nil, nil); !strings.Contains(body, "secret-service") {
		t.Errorf("who is signed in sees:\n%s", body)
	}
	s.do(t, http.MethodPost, "/sign-out", url.Values{}, nil)
	if _, body := s.do(t, http.MethodGet, "/", nil, nil); strings.Contains(body, "secret-service") {
		t.Error("who signed out still sees services")
	}
}

func TestCookies(t *testing.T) {
	t.Parallel()
	s := open(t, &world{services: []apprunner.Service{{Name: "secret-service"}}})
	good := s.seal(time.Now().Add(time.Minute), id)
	parts := strings.Split(good, ".")
	end, mac := parts[0]+"."+parts[1], parts[2]
	stranger := &Console{Secret: NewSecret()}
	for name, c := range map[string]struct {
		value string
		in    bool
	}{
		"ours":                   {good, true},
		"expired":                {s.seal(time.Now().Add(-time.Second), id), false},
		"of another secret":      {stranger.seal(time.Now().Add(time.Minute), id), false},
		"with a later end":       {parts[0] + "0." + parts[1] + "." + mac, false},
		"of another key":         {parts[0] + ".AKIAOTHER." + mac, false},
		"of an unknown key":      {s.seal(time.Now().Add(time.Minute), "AKIAUNKNOWN"), false},
		"without a signature":    {end, false},
		"with an empty one":      {end + ".", false},
		"empty":                  {"", false},
		"signed, without a time": {"." + parts[1] + "." + mac, false},
		"not base64":             {end + ".***", false},
	} {
		_, body := s.do(t, http.MethodGet, "/", nil, http.Header{"Cookie": {cookie + "=" + c.value}})
		if in := strings.Contains(body, "secret-service"); in != c.in {
			t.Errorf("a cookie %s lets in: %v", name, in)
		}
	}
}

func TestCrossOriginForms(t *testing.T) {
	t.Parallel()
	s := open(t, &world{})
	for name, c := range map[string]struct {
		header http.Header
		status int
	}{
		"another site":       {http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
		"another subdomain":  {http.Header{"Sec-Fetch-Site": {"same-site"}}, http.StatusForbidden}, // a service of ours
		"another origin":     {http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
		"the console itself": {http.Header{"Sec-Fetch-Site": {"same-origin"}}, http.StatusSeeOther},
	} {
		for _, path := range []string{"/sign-in", "/sign-out"} {
			if response, _ := s.do(t, http.MethodPost, path, right, c.header); response.StatusCode != c.status {
				t.Errorf("POST %s from %s: %s, want %d", path, name, response.Status, c.status)
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := open(t, &world{})
	response, _ := s.do(t, http.MethodGet, "/", nil, nil)
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, path := range []string{"/x", "/sign-in", "/../etc"} {
		if response, _ := s.do(t, http.MethodGet, path, nil, nil); response.StatusCode == http.StatusOK {
			t.Errorf("GET %s: %s", path, response.Status)
		}
	}
}

// Nothing that a user chose is taken for markup.
func TestMarkupIsText(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script><img src=x onerror='alert(2)'>`
	service := apprunner.Service{Name: evil, Status: evil, Subdomain: evil}
	service.Spec.Image.Identifier = evil
	s := open(t, &world{services: []apprunner.Service{service}, operations: []apprunner.Operation{{ID: "1", Type: evil, Status: evil, Reason: evil}}})
	s.do(t, http.MethodPost, "/sign-in", right, nil)
	_, body := s.do(t, http.MethodGet, "/", nil, nil)
	if strings.Contains(body, "<script") || strings.Contains(body, "<img") || strings.Contains(body, "onerror='") {
		t.Errorf("the page has the markup of a user:\n%s", body)
	}
	if !strings.Contains(body, "&lt;script&gt;") {
		t.Error("the page does not show the text at all")
	}
	s.URL = func(apprunner.Service) string { return "javascript:alert(1)" }
	if _, body := s.do(t, http.MethodGet, "/", nil, nil); strings.Contains(body, `href="javascript:`) {
		t.Error("the page links to a script")
	}
}

func TestServicesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := open(t, &world{err: errors.New("database: secret path")})
	s.do(t, http.MethodPost, "/sign-in", right, nil)
	response, body := s.do(t, http.MethodGet, "/", nil, nil)
	if response.StatusCode != http.StatusInternalServerError || strings.Contains(body, "secret path") {
		t.Errorf("%s: %s", response.Status, body)
	}
}

// A session shows no more than its key may see, and ends with the key.
func TestRights(t *testing.T) {
	t.Parallel()
	w := &world{
		services:   []apprunner.Service{{Name: "web", ARN: "arn:web"}, {Name: "other", ARN: "arn:other"}},
		operations: []apprunner.Operation{{ID: "1", Type: "UPDATE_SERVICE"}},
	}
	s := open(t, w)
	s.do(t, http.MethodPost, "/sign-in", right, nil)
	page := func() string { _, body := s.do(t, http.MethodGet, "/", nil, nil); return body }
	w.may = func(got, action, resource string) bool {
		return got == id && (action == "ListServices" && resource == "*" || action == "ListOperations" && resource == "arn:web")
	}
	if body := page(); !strings.Contains(body, "other") || strings.Count(body, "UPDATE_SERVICE") != 1 {
		t.Errorf("who may see the operations of one service sees:\n%s", body)
	}
	w.may = func(string, string, string) bool { return false }
	if body := page(); strings.Contains(body, "other") || !strings.Contains(body, "may not list services") {
		t.Errorf("who may see nothing sees:\n%s", body)
	}
	w.may, w.gone = nil, true
	if body := page(); strings.Contains(body, "other") || !strings.Contains(body, "Sign in") {
		t.Errorf("whose key was deleted sees:\n%s", body)
	}
}
