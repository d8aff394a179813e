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

// Keys knows access keys and what each may do.
type Keys interface {
	// Authenticate returns an error unless id and secret are those of a key.
	Authenticate(ctx context.Context, id, secret string) error
	// Known reports whether a key still exists.
	Known(id string) bool
	// Allowed reports whether a key may do an action of App Runner's API, such as ListServices, on a
	// resource.
	Allowed(ctx context.Context, id, action, resource string) (bool, error)
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
	Refused  bool   // the key may not list services
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
	key, signedIn := c.signedIn(r)
	v := view{Place: c.Place, SignedIn: signedIn}
	if signedIn {
		if err := c.fill(r.Context(), &v, key); err != nil {
			c.Log.Error("the console could not list services", "error", err)
			http.Error(w, "The services could not be read. Slipway's log has the details.", http.StatusInternalServerError)
			return
		}
	}
	c.show(w, http.StatusOK, v)
}

// fill adds the services, as far as a key may see them.
func (c *Console) fill(ctx context.Context, v *view, key string) error {
	may, err := c.Keys.Allowed(ctx, key, "ListServices", "*")
	if v.Refused = !may; err != nil || !may {
		return err
	}
	services, err := c.Services.Services(ctx, c.Place)
	if err != nil {
		return err
	}
	for _, s := range services {
		operation, err := c.lastOperation(ctx, s, key)
		if err != nil {
			return err
		}
		v.Services = append(v.Services, row{Service: s, URL: c.URL(s), Operation: operation})
	}
	return nil
}

// lastOperation is empty for a key that may not list operations.
func (c *Console) lastOperation(ctx context.Context, s apprunner.Service, key string) (apprunner.Operation, error) {
	may, err := c.Keys.Allowed(ctx, key, "ListOperations", s.ARN)
	if err != nil || !may {
		return apprunner.Operation{}, err
	}
	operations, err := c.Services.Operations(ctx, c.Place, s.ARN)
	if err != nil || len(operations) == 0 {
		return apprunner.Operation{}, err
	}
	return operations[0], nil
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	id := strings.TrimSpace(r.FormValue("id"))
	if err := c.Keys.Authenticate(r.Context(), id, strings.TrimSpace(r.FormValue("secret"))); err != nil {
		c.show(w, http.StatusForbidden, view{Place: c.Place, Wrong: "This access key is not known, or the secret is wrong."})
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookie, Value: c.seal(time.Now().Add(session), id), Path: "/", MaxAge: int(session.Seconds()),
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

// seal makes the value of a session cookie: when it ends and whose it is, signed.
func (c *Console) seal(until time.Time, key string) string {
	text := strconv.FormatInt(until.Unix(), 10) + "." + key
	return text + "." + base64.RawURLEncoding.EncodeToString(c.mac(text))
}

// signedIn returns the access key of the session. A key that was deleted has none any more.
func (c *Console) signedIn(r *http.Request) (key string, ok bool) {
	sent, err := r.Cookie(cookie)
	if err != nil {
		return "", false
	}
	parts := strings.Split(sent.Value, ".")
	if len(parts) != 3 {
		return "", false
	}
	end, key := parts[0], parts[1]
	got, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(got, c.mac(end+"."+key)) {
		return "", false
	}
	seconds, err := strconv.ParseInt(end, 10, 64)
	return key, err == nil && time.Now().Before(time.Unix(seconds, 0)) && c.Keys.Known(key)
}

func (c *Console) mac(text string) []byte {
	mac := hmac.New(sha256.New, c.Secret)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
