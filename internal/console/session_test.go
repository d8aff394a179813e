package console

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	c, k := made(built)
	for name, body := range map[string]string{
		"wrong secret": `{"id": "` + id + `", "secret": "x"}`, "wrong id": `{"id": "x", "secret": "` + secret + `"}`, "nothing": `{}`,
	} {
		r := ask(c, http.MethodPost, "/console/session", body)
		if got := text(t, r); r.StatusCode != http.StatusForbidden || !strings.Contains(got, "This access key is not known, or the secret is wrong.") || len(r.Cookies()) > 0 {
			t.Errorf("%s: %s %s", name, r.Status, got)
		}
	}
	for name, body := range map[string]string{"no JSON": "id=x", "too much": `{"id": "` + strings.Repeat("x", 10000) + `"}`} {
		if r := ask(c, http.MethodPost, "/console/session", body); r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", name, r.Status)
		}
	}
	s, cookie := enter(t, c)
	if s.KeyID != id || s.Name != "ann" || s.Token == "" || s.About != c.About {
		t.Errorf("session %+v", s)
	}
	if r := ask(c, http.MethodGet, "/console/session", "", "Cookie", cookie); r.StatusCode != http.StatusOK || !strings.Contains(text(t, r), s.Token) {
		t.Errorf("the session is not found again: %s", r.Status)
	}
	if r := ask(c, http.MethodGet, "/console/session", ""); r.StatusCode != http.StatusNoContent {
		t.Errorf("a stranger: %s", r.Status)
	}
	k.gone = true
	if r := ask(c, http.MethodGet, "/console/session", "", "Cookie", cookie); r.StatusCode != http.StatusNoContent {
		t.Errorf("whose key was deleted: %s", r.Status)
	}
	if r := ask(c, http.MethodDelete, "/console/session", ""); r.Cookies()[0].MaxAge >= 0 || r.Cookies()[0].Path != Prefix {
		t.Errorf("signing out leaves %+v", r.Cookies())
	}
}

// A session is good for any daemon with the same root key, and for none with another.
func TestSecret(t *testing.T) {
	t.Parallel()
	c, _ := made(built)
	again, _ := made(built)
	_, cookie := enter(t, c)
	if r := ask(again, http.MethodGet, "/console/session", "", "Cookie", cookie); r.StatusCode != http.StatusOK {
		t.Errorf("after a restart: %s", r.Status)
	}
	again.Secret = NewSecret("other")
	if again.cookie() == c.cookie() {
		t.Error("two Slipways at one address overwrite each other's cookies")
	}
}

func TestCookies(t *testing.T) {
	t.Parallel()
	c, _ := made(built)
	good := c.seal(time.Now().Add(time.Minute), id)
	parts := strings.Split(good, ".")
	end, mac := parts[0]+"."+parts[1], parts[2]
	stranger := &Console{Secret: NewSecret("other")}
	for name, row := range map[string]struct {
		value string
		in    bool
	}{
		"ours":                   {good, true},
		"expired":                {c.seal(time.Now().Add(-time.Second), id), false},
		"of another secret":      {stranger.seal(time.Now().Add(time.Minute), id), false},
		"with a later end":       {parts[0] + "0." + parts[1] + "." + mac, false},
		"of another key":         {parts[0] + ".AKIAOTHER." + mac, false},
		"of an unknown key":      {c.seal(time.Now().Add(time.Minute), "AKIAUNKNOWN"), false},
		"without a signature":    {end, false},
		"with an empty one":      {end + ".", false},
		"empty":                  {"", false},
		"signed, without a time": {"." + parts[1] + "." + mac, false},
		"not base64":             {end + ".***", false},
	} {
		r := ask(c, http.MethodGet, "/console/api/us-east-1/slipway/v1/keys", "", "Cookie", c.cookie()+"="+row.value)
		if in := r.StatusCode == http.StatusOK; in != row.in {
			t.Errorf("a cookie %s: %s", name, r.Status)
		}
	}
}
