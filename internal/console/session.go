package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// lifetime is how long a session lasts.
const lifetime = 12 * time.Hour

// Session is what a page learns about its session.
type Session struct {
	KeyID string `json:"keyId"`
	Name  string `json:"name"` // of the key
	// Token goes with every call that changes something, in the header TokenHeader. No other site can send
	// it, as it can neither read it nor set a header without asking.
	Token string `json:"token"`
	About About  `json:"about"`
}

// TokenHeader is the name of the header with a session's token.
const TokenHeader = "X-Slipway-Token"

// cookie is the name of the session cookie. Cookies know no ports: without a part of its own, two
// Slipways on one machine would sign each other's users out.
func (c *Console) cookie() string { return "slipway-" + hex.EncodeToString(c.mac("name")[:4]) }

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	var in struct{ ID, Secret string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestException", "An access key and its secret are expected.")
		return
	}
	id := strings.TrimSpace(in.ID)
	if err := c.Keys.Authenticate(r.Context(), id, strings.TrimSpace(in.Secret)); err != nil {
		refuse(w, http.StatusForbidden, "AccessDeniedException", "This access key is not known, or the secret is wrong.")
		return
	}
	value := c.seal(time.Now().Add(lifetime), id)
	c.setCookie(w, r, value, int(lifetime.Seconds()))
	answer(w, http.StatusOK, c.describe(id, value))
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	c.setCookie(w, r, "", -1)
	answer(w, http.StatusOK, struct{}{})
}

func (c *Console) setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: c.cookie(), Value: value, Path: Prefix, MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
}

func (c *Console) session(w http.ResponseWriter, r *http.Request) {
	key, value, ok := c.signedIn(r)
	if !ok {
		w.WriteHeader(http.StatusNoContent) // nothing is wrong: that is what the page wants to know
		return
	}
	answer(w, http.StatusOK, c.describe(key, value))
}

// signedOut is the code of an answer to who has no session (any more).
const signedOut = "SignedOutException"

func (c *Console) describe(key, cookie string) Session {
	name, _ := c.Keys.Name(key)
	return Session{KeyID: key, Name: name, Token: c.token(cookie), About: c.About}
}

// token belongs to one session cookie.
func (c *Console) token(cookie string) string {
	return base64.RawURLEncoding.EncodeToString(c.mac("token " + cookie))
}

// seal makes the value of a session cookie: when it ends and whose it is, signed.
func (c *Console) seal(until time.Time, key string) string {
	text := strconv.FormatInt(until.Unix(), 10) + "." + key
	return text + "." + base64.RawURLEncoding.EncodeToString(c.mac(text))
}

// signedIn returns the access key of a session and its cookie. A key that was deleted has none any more.
func (c *Console) signedIn(r *http.Request) (key, value string, ok bool) {
	sent, err := r.Cookie(c.cookie())
	if err != nil {
		return "", "", false
	}
	parts := strings.Split(sent.Value, ".")
	if len(parts) != 3 {
		return "", "", false
	}
	end, key := parts[0], parts[1]
	got, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(got, c.mac(end+"."+key)) {
		return "", "", false
	}
	seconds, err := strconv.ParseInt(end, 10, 64)
	if err != nil || !time.Now().Before(time.Unix(seconds, 0)) {
		return "", "", false
	}
	_, ok = c.Keys.Name(key)
	return key, sent.Value, ok
}

func (c *Console) mac(text string) []byte {
	mac := hmac.New(sha256.New, c.Secret)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
