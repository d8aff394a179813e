package provider

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// flow is the authorization code flow of a provider (RFC 6749, section 4.1).
type flow struct {
	authorize, token string // paths of the host's pages
	scope            string
	pkce             bool // RFC 7636
	basic            bool // the client's secret is sent as a password
}

var flows = map[string]flow{
	GitLab:    {authorize: "/oauth/authorize", token: "/oauth/token", scope: "api", pkce: true},
	Gitea:     {authorize: "/login/oauth/authorize", token: "/login/oauth/access_token", scope: "read:user write:repository", pkce: true},
	Bitbucket: {authorize: "/site/oauth2/authorize", token: "/site/oauth2/access_token", basic: true},
}

// HasOAuth reports whether a provider can be authorized by OAuth.
func HasOAuth(provider string) bool { return flows[provider].token != "" }

// NewVerifier makes the secret of a flow, for PKCE.
func NewVerifier() string { return rand.Text() + rand.Text() }

// AuthorizeURL is the page where somebody lets Slipway in.
func AuthorizeURL(provider string, c Credential, redirect, state, verifier string) string {
	f := flows[provider]
	query := url.Values{"client_id": {c.ClientID}, "redirect_uri": {redirect}, "response_type": {"code"}, "state": {state}}
	if f.scope != "" {
		query.Set("scope", f.scope)
	}
	if f.pkce {
		sum := sha256.Sum256([]byte(verifier))
		query.Set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
		query.Set("code_challenge_method", "S256")
	}
	return c.BaseURL + f.authorize + "?" + query.Encode()
}

// Exchange gets the tokens that a code stands for.
func (a *API) Exchange(ctx context.Context, provider string, c Credential, code, redirect, verifier string) (Credential, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}}
	if flows[provider].pkce {
		form.Set("code_verifier", verifier)
	}
	c.Kind = ByOAuth
	return a.token(ctx, provider, c, form)
}

// token asks for tokens.
func (a *API) token(ctx context.Context, provider string, c Credential, form url.Values) (Credential, error) {
	f := flows[provider]
	if !f.basic {
		form.Set("client_id", c.ClientID)
		form.Set("client_secret", c.ClientSecret)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BaseURL+f.token, strings.NewReader(form.Encode()))
	if err != nil {
		return c, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if f.basic {
		r.SetBasicAuth(c.ClientID, c.ClientSecret)
	}
	var answer struct {
		Token   string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Seconds int64  `json:"expires_in"`
	}
	if _, err := a.send(r, provider, &answer); err != nil {
		return c, err
	}
	if answer.Token == "" {
		return c, apprunner.Errorf(apprunner.InvalidRequest, "%s at %s gives no token. Check the client id and secret of the OAuth application, and authorize the connection again.", provider, r.URL.Host)
	}
	c.Token, c.Expires = answer.Token, time.Time{}
	if answer.Refresh != "" {
		c.Refresh = answer.Refresh
	}
	if answer.Seconds > 0 {
		c.Expires = a.Now().Add(time.Duration(answer.Seconds) * time.Second)
	}
	return c, nil
}

// Renew returns a credential with a token that is good for a while. What is returned must be stored:
// the old one may be worth nothing now.
func (a *API) Renew(ctx context.Context, provider string, c Credential) (Credential, error) {
	switch {
	case c.Kind == ByApp:
		return a.installationToken(ctx, c)
	case c.Refresh == "":
		return c, &Revoked{"The token of the connection has expired, and " + provider + " gave none to renew it. Authorize the connection again."}
	}
	renewed, err := a.token(ctx, provider, c, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.Refresh}})
	if apprunner.CodeOf(err) == apprunner.InvalidRequest { // invalid_grant, as RFC 6749 has it in section 5.2
		return c, &Revoked{"The token of the connection was not renewed: " + err.Error() + " Authorize the connection again."}
	}
	return renewed, err
}
