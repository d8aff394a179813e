package provider

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Manifest describes the GitHub App that a connection is to have. Without a URL for webhooks, the App
// has none.
//
// Source: docs.github.com/apps, "Registering a GitHub App from a manifest".
func Manifest(name, home, redirect, setup, hooks string) string {
	m := map[string]any{
		"name": name, "url": home, "redirect_url": redirect, "setup_url": setup, "public": false,
		"default_permissions": map[string]string{"contents": "read", "metadata": "read", "statuses": "write"},
	}
	if hooks != "" {
		m["hook_attributes"] = map[string]any{"url": hooks, "active": true}
		m["default_events"] = []string{"push"}
	}
	text, _ := json.Marshal(m)
	return string(text)
}

// ManifestURL is the page that takes a manifest, by a form.
func ManifestURL(base, organization, state string) string {
	path := "/settings/apps/new"
	if organization != "" {
		path = "/organizations/" + url.PathEscape(organization) + path
	}
	return base + path + "?state=" + url.QueryEscape(state)
}

// InstallURL is the page where an App is given repositories.
func InstallURL(c Credential, state string) string {
	place := "/apps/"
	if c.BaseURL != publicURL[GitHub] {
		place = "/github-apps/"
	}
	return c.BaseURL + place + url.PathEscape(c.AppSlug) + "/installations/new?state=" + url.QueryEscape(state)
}

// Convert gets the App that a manifest became.
func (a *API) Convert(ctx context.Context, c Credential, code string) (Credential, error) {
	s := a.Open(GitHub, c).(github)
	var answer struct {
		ID     int64  `json:"id"`
		Slug   string `json:"slug"`
		PEM    string `json:"pem"`
		Secret string `json:"webhook_secret"`
	}
	if _, err := s.do(ctx, http.MethodPost, "/app-manifests/"+url.PathEscape(code)+"/conversions", nil, &answer); err != nil {
		return c, err
	}
	c.Kind, c.AppID, c.AppSlug, c.AppKey, c.HookSecret = ByApp, answer.ID, answer.Slug, answer.PEM, answer.Secret
	return c, nil
}

// Install gets the first token of an installation, and whose repositories it reads.
func (a *API) Install(ctx context.Context, c Credential, installation int64) (Credential, error) {
	c.Installation = installation
	var answer struct {
		Account struct {
			Login string `json:"login"`
		} `json:"account"`
	}
	if err := a.asApp(ctx, c, http.MethodGet, fmt.Sprintf("/app/installations/%d", installation), &answer); err != nil {
		return c, err
	}
	c.Account = answer.Account.Login
	return a.installationToken(ctx, c)
}

// installationToken gets a token, which is good for an hour.
func (a *API) installationToken(ctx context.Context, c Credential) (Credential, error) {
	var answer struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expires_at"`
	}
	err := a.asApp(ctx, c, http.MethodPost, fmt.Sprintf("/app/installations/%d/access_tokens", c.Installation), &answer)
	if _, gone := errors.AsType[*missing](err); gone {
		return c, &Revoked{"The GitHub App " + c.AppSlug + " is not installed any more. Install it again, or authorize the connection again."}
	}
	c.Token, c.Expires = answer.Token, answer.Expires
	return c, err
}

// asApp does a request as the App itself.
func (a *API) asApp(ctx context.Context, c Credential, method, path string, out any) error {
	signed, err := appToken(c, a.Now())
	if err != nil {
		return err
	}
	c.Kind, c.Token = ByApp, signed
	_, err = a.Open(GitHub, c).(github).do(ctx, method, path, nil, out)
	return err
}

// appToken is a JWT that the App signs for itself (RFC 7519, RS256).
func appToken(c Credential, now time.Time) (string, error) {
	block, _ := pem.Decode([]byte(c.AppKey))
	if block == nil {
		return "", errors.New("read the key of the GitHub App: it is not PEM")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("read the key of the GitHub App: %w", err)
	}
	claims, err := json.Marshal(map[string]any{
		"iat": now.Add(-time.Minute).Unix(), // clocks differ
		"exp": now.Add(9 * time.Minute).Unix(), "iss": fmt.Sprint(c.AppID),
	})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign as the GitHub App: %w", err)
	}
	return text + "." + encode(signature), nil
}
