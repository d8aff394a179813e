// Package console serves the console: its pages, the sign-in with an access key, and a way for these
// pages to call the APIs by their session.
package console

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
)

// Keys knows access keys.
type Keys interface {
	// Authenticate returns an error unless id and secret are those of a key.
	Authenticate(ctx context.Context, id, secret string) error
	// Name returns the name of a key, not ok when there is no such key any more.
	Name(id string) (name string, ok bool)
}

// About is what the pages need to know of this Slipway.
type About struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Scheme  string `json:"scheme"` // of service URLs
	Version string `json:"version"`
}

// Console is the handler of the console. All its fields must be set.
type Console struct {
	Keys  Keys
	About About
	// API answers the calls of the pages; CallerOf tells whose they are. A path is as that API has it: "/"
	// for calls of AWS's protocol.
	API   http.Handler
	Files fs.FS // of the pages, compressed; without any, the console says that it was not built
	Log   *slog.Logger
	// Secret signs session cookies. With a new one everybody has to sign in again.
	Secret []byte
}

// NewSecret derives a Secret from the secret of the root key, so that sessions outlive the daemon.
func NewSecret(root string) []byte {
	mac := hmac.New(sha256.New, []byte(root))
	mac.Write([]byte("sessions of the console"))
	return mac.Sum(nil)
}

// Prefix is where everything of the console is that is not a page.
const Prefix = "/console/"

// Handler returns the console. What other sites send is refused.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Prefix+"session", c.signIn)
	mux.HandleFunc("GET "+Prefix+"session", c.session)
	mux.HandleFunc("DELETE "+Prefix+"session", c.signOut)
	mux.HandleFunc(Prefix+"api/{region}/{service}/", c.call)
	mux.HandleFunc("/", c.page)
	return http.NewCrossOriginProtection().Handler(mux)
}

// failure is the body of an answer that is not 200, in the form that the AWS SDKs read as well.
type failure struct {
	Code    string
	Message string
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Amzn-Errortype", code)
	answer(w, status, failure{code, message})
}

func answer(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who has left cannot be told
}
