// Package console serves the console: sign-in with an access key, and the services of a Region with
// their state, address and last operation.
package console

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Services finds services and their operations.
type Services interface {
	Services(ctx context.Context, here apprunner.Place) ([]apprunner.Service, error)
	Operations(ctx context.Context, here apprunner.Place, arn string) ([]apprunner.Operation, error)
}

// Keys tells whether an access key is valid.
type Keys interface {
	Authenticate(ctx context.Context, id, secret string) error
}

// Console is the handler of the console's pages.
type Console struct {
	Services Services
	Keys     Keys
	Place    apprunner.Place
	URL      func(apprunner.Service) string // with scheme
	Log      *slog.Logger
	// Secret signs session cookies. With a new one everybody has to sign in again.
	Secret []byte
}

// NewSecret makes a Secret.
func NewSecret() []byte {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	return secret
}

const (
	cookie  = "slipway-session"
	session = 12 * time.Hour
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// view is what the page shows.
type view struct {
	Place    apprunner.Place
	SignedIn bool
	Wrong    string // why the sign-in failed
	Services []row
}

type row struct {
	apprunner.Service
	URL       string
	Operation apprunner.Operation
}

// Handler returns the console: GET / is the page, POST /sign-in and /sign-out its forms. Forms from
// other sites are refused.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.home)
	mux.HandleFunc("POST /sign-in", c.signIn)
	mux.HandleFunc("POST /sign-out", c.signOut)
	return http.NewCrossOriginProtection().Handler(mux)
}

func (c *Console) home(w http.ResponseWriter, r *http.Request) {
	v := view{Place: c.Place, SignedIn: c.signedIn(r)}
	if v.SignedIn {
		var err error
		if v.Services, err = c.rows(r.Context()); err != nil {
			c.Log.Error("the console could not list services", "error", err)
			http.Error(w, "The services could not be read. Slipway's log has the details.", http.StatusInternalServerError)
			return
		}
	}
	c.show(w, http.StatusOK, v)
}

func (c *Console) rows(ctx context.Context) ([]row, error) {
	services, err := c.Services.Services(ctx, c.Place)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, s := range services {
		operations, err := c.Services.Operations(ctx, c.Place, s.ARN)
		if err != nil {
			return nil, err
		}
		r := row{Service: s, URL: c.URL(s)}
		if len(operations) > 0 {
			r.Operation = operations[0]
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	if err := c.Keys.Authenticate(r.Context(), strings.TrimSpace(r.FormValue("id")), strings.TrimSpace(r.FormValue("secret"))); err != nil {
		c.show(w, http.StatusForbidden, view{Place: c.Place, Wrong: "This access key is not known, or the secret is wrong."})
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookie, Value: c.seal(time.Now().Add(session)), Path: "/", MaxAge: int(session.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: cookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (c *Console) show(w http.ResponseWriter, status int, v view) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := page.Execute(w, v); err != nil {
		c.Log.Debug("the console's page was not sent", "error", err)
	}
}

// seal makes the value of a session cookie: when it ends, signed.
func (c *Console) seal(until time.Time) string {
	end := strconv.FormatInt(until.Unix(), 10)
	return fmt.Sprintf("%s.%s", end, base64.RawURLEncoding.EncodeToString(c.mac(end)))
}

func (c *Console) signedIn(r *http.Request) bool {
	sent, err := r.Cookie(cookie)
	if err != nil {
		return false
	}
	end, mac, _ := strings.Cut(sent.Value, ".")
	got, err := base64.RawURLEncoding.DecodeString(mac)
	if err != nil || !hmac.Equal(got, c.mac(end)) {
		return false
	}
	seconds, err := strconv.ParseInt(end, 10, 64)
	return err == nil && time.Now().Before(time.Unix(seconds, 0))
}

func (c *Console) mac(text string) []byte {
	mac := hmac.New(sha256.New, c.Secret)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
