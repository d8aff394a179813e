package console

import (
	"net/http"
	"testing"
)

func TestCalls(t *testing.T) {
	t.Parallel()
	c, _ := made(built)
	s, cookie := enter(t, c)
	for _, row := range []struct {
		reason, method, path string
		status               int
		want                 string
	}{
		{"App Runner", http.MethodPost, "/console/api/us-west-2/apprunner/", 200, "{" + id + " us-west-2 apprunner} true POST /"},
		{"Slipway's own API", http.MethodGet, "/console/api/eu-west-1/slipway/v1/services/web/logs?stream=events", 200, "{" + id + " eu-west-1 slipway} true GET /slipway/v1/services/web/logs?stream=events"},
		{"an escaped name", http.MethodDelete, "/console/api/eu-west-1/slipway/v1/keys/a%2Fb", 200, "{" + id + " eu-west-1 slipway} true DELETE /slipway/v1/keys/a%2Fb"},
		{"no Region", http.MethodGet, "/console/api/EU%20WEST/slipway/v1/keys", 400, ""},
		{"no path", http.MethodGet, "/console/api/eu-west-1", 200, "<title>Slipway</title>"},
	} {
		r := ask(c, row.method, row.path, "", "Cookie", cookie, TokenHeader, s.Token)
		if got := text(t, r); r.StatusCode != row.status || row.want != "" && got != row.want {
			t.Errorf("%s: %s %s", row.reason, r.Status, got)
		}
	}
}

// Only pages of the console make calls.
func TestForeignCalls(t *testing.T) {
	t.Parallel()
	c, _ := made(built)
	s, cookie := enter(t, c)
	const path = "/console/api/us-east-1/apprunner/"
	for _, row := range []struct {
		reason, method string
		status         int
		header         []string
	}{
		{"with the token", http.MethodPost, 200, []string{TokenHeader, s.Token}},
		{"from the console itself", http.MethodPost, 200, []string{TokenHeader, s.Token, "Sec-Fetch-Site", "same-origin"}},
		{"without a token", http.MethodPost, 403, nil},
		{"with an empty token", http.MethodPost, 403, []string{TokenHeader, ""}},
		{"with one that was made up", http.MethodPost, 403, []string{TokenHeader, s.Token + "x"}},
		{"from another site", http.MethodPost, 403, []string{TokenHeader, s.Token, "Sec-Fetch-Site", "cross-site"}},
		{"from an application of ours", http.MethodPost, 403, []string{TokenHeader, s.Token, "Sec-Fetch-Site", "same-site"}},
		{"from another origin", http.MethodPost, 403, []string{TokenHeader, s.Token, "Origin", "https://evil.example"}},
		{"an event stream", http.MethodGet, 200, []string{"Sec-Fetch-Site", "same-origin"}},
		{"an old browser's event stream", http.MethodGet, 200, nil},
		{"a script of another site", http.MethodGet, 403, []string{"Sec-Fetch-Site", "cross-site"}},
		{"a script of an application of ours", http.MethodGet, 403, []string{"Sec-Fetch-Site", "same-site"}},
		{"a link from elsewhere", http.MethodGet, 403, []string{"Sec-Fetch-Site", "none"}},
	} {
		if r := ask(c, row.method, path, "", append(row.header, "Cookie", cookie)...); r.StatusCode != row.status {
			t.Errorf("%s: %s", row.reason, r.Status)
		}
	}
	if r := ask(c, http.MethodPost, path, "", TokenHeader, s.Token); r.StatusCode != http.StatusUnauthorized || r.Header.Get("X-Amzn-Errortype") != signedOut {
		t.Errorf("without a cookie: %s", r.Status)
	}
	for name, value := range map[string]string{"sign-in": http.MethodPost, "sign-out": http.MethodDelete} {
		if r := ask(c, value, "/console/session", "{}", "Sec-Fetch-Site", "cross-site"); r.StatusCode != http.StatusForbidden {
			t.Errorf("%s from another site: %s", name, r.Status)
		}
	}
}
