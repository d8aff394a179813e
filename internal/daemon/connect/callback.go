package connect

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/source/provider"
)

// CallbackPath is where a browser comes back to from a provider.
const CallbackPath = admin.Prefix + "callback/"

// The pages below CallbackPath that complete a handshake, or a part of it.
const (
	stageOAuth    = "oauth"
	stageManifest = "manifest"
	stageInstall  = "install"
)

// Callbacks takes browsers that come back from a provider. What they bring in "state" lets them in: only
// who began the handshake was given it, and it is good once.
func (n *Connector) Callbacks() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+CallbackPath+"app", n.appPage)
	for stage, f := range map[string]func(context.Context, *arrival) (string, error){
		stageOAuth: n.oauthBack, stageManifest: n.manifestBack, stageInstall: n.installBack,
	} {
		mux.HandleFunc("GET "+CallbackPath+stage, func(w http.ResponseWriter, r *http.Request) { n.back(w, r, stage, f) })
	}
	return mux
}

// arrival is a browser that came back to a handshake that waited for it.
type arrival struct {
	connection apprunner.Connection
	here       apprunner.Place
	draft      draft
	query      url.Values
}

// page is what a browser shows.
var page = template.Must(template.New("page").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Slipway</title>
<body><h1>{{.Title}}</h1><p>{{.Text}}</p>{{if .Action}}<form method="post" action="{{.Action}}"><input type="hidden" name="manifest" value="{{.Manifest}}"><button autofocus>Continue</button></form>{{end}}</body></html>
`))

type pageData struct {
	Title, Text, Manifest string
	Action                string
}

func show(w http.ResponseWriter, status int, forms string, data pageData) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action "+cmp.Or(forms, "'none'"))
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = page.Execute(w, data)
}

// waiting finds the handshake that waits for a state, and leaves it waiting.
func (n *Connector) waiting(ctx context.Context, state, stage string) (a arrival, err error) {
	all, err := n.Store.Resources(ctx, apprunner.Place{})
	if err != nil {
		return a, err
	}
	for _, c := range apprunner.Living(all.Connections) {
		_, attempt, err := c.Claim(state, n.Now())
		if err != nil && (c.Attempt == nil || c.Attempt.State != state || state == "") {
			continue // another's
		}
		if err != nil {
			return a, err
		}
		a.connection = c
		if err := json.Unmarshal(attempt.Draft, &a.draft); err != nil {
			return a, err
		}
		arn, err := apprunner.ParseARN(c.ARN)
		a.here = arn.Place
		if err == nil && a.draft.Stage == stage {
			return a, nil
		}
	}
	_, _, err = apprunner.Connection{}.Claim(state, n.Now())
	return a, err
}

// back completes a handshake, or a part of it. It is taken before the provider is asked, so that what a
// browser brings is used once.
func (n *Connector) back(w http.ResponseWriter, r *http.Request, stage string, f func(context.Context, *arrival) (string, error)) {
	ctx, state := r.Context(), r.URL.Query().Get("state")
	a, err := n.waiting(ctx, state, stage)
	if err == nil {
		_, err = n.Control.ChangeConnection(ctx, a.here, a.connection.ARN, func(c apprunner.Connection) (apprunner.Connection, error) {
			c, _, err := c.Claim(state, n.Now())
			return c, err
		})
	}
	if a.query = r.URL.Query(); err == nil && a.query.Get("error") != "" {
		err = apprunner.Errorf(apprunner.InvalidRequest, "%s did not let Slipway in: %s. Begin again with \"slipway connections authorize %s\".", a.connection.Provider, cmp.Or(a.query.Get("error_description"), a.query.Get("error")), a.connection.Name)
	}
	next := ""
	if err == nil {
		next, err = f(ctx, &a)
	}
	if err = refused(err); err != nil {
		n.failed(w, err)
		return
	}
	if next != "" {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	show(w, http.StatusOK, "", pageData{Title: "Connected", Text: "Connection " + a.connection.Name + " is " + string(a.connection.Status) + ". You may close this page."})
}

func (n *Connector) failed(w http.ResponseWriter, err error) {
	if e, ok := errors.AsType[*apprunner.Error](err); ok {
		show(w, http.StatusBadRequest, "", pageData{Title: "Not connected", Text: e.Message})
		return
	}
	n.Log.Error("a handshake was not completed", "error", err)
	show(w, http.StatusInternalServerError, "", pageData{Title: "Not connected", Text: "An internal error occurred. Slipway's log has the details."})
}

func (n *Connector) oauthBack(ctx context.Context, a *arrival) (string, error) {
	credential, err := n.api.Exchange(ctx, a.connection.Provider, a.draft.Credential, a.query.Get("code"), a.draft.Redirect, a.draft.Verifier)
	if err != nil {
		return "", err
	}
	if credential.Account, err = n.api.Open(a.connection.Provider, credential).Account(ctx); err != nil {
		return "", err
	}
	return "", n.complete(ctx, a.here, &a.connection, credential)
}

// appPage sends the manifest of a GitHub App, which takes a form.
func (n *Connector) appPage(w http.ResponseWriter, r *http.Request) {
	state := r.URL.Query().Get("state")
	a, err := n.waiting(r.Context(), state, stageManifest)
	if err != nil {
		n.failed(w, err)
		return
	}
	base := a.draft.Credential.BaseURL
	manifest := provider.Manifest("slipway-"+a.connection.Name, n.origin(), n.origin()+CallbackPath+stageManifest, n.origin()+CallbackPath+stageInstall, n.hookURL(a.connection))
	show(w, http.StatusOK, base+" 'self'", pageData{
		Title: "Make a GitHub App", Text: "GitHub will make an App for connection " + a.connection.Name + ", which reads repositories and reports the status of commits.",
		Action: provider.ManifestURL(base, a.draft.Organization, state), Manifest: manifest,
	})
}

// manifestBack gets the App, and sends the browser on to install it.
func (n *Connector) manifestBack(ctx context.Context, a *arrival) (string, error) {
	credential, err := n.api.Convert(ctx, a.draft.Credential, a.query.Get("code"))
	if err != nil {
		return "", err
	}
	state, err := n.begin(ctx, a.here, a.connection.ARN, draft{Credential: credential, Stage: stageInstall})
	return provider.InstallURL(credential, state), err
}

func (n *Connector) installBack(ctx context.Context, a *arrival) (string, error) {
	installation, err := strconv.ParseInt(a.query.Get("installation_id"), 10, 64)
	if err != nil {
		return "", apprunner.Errorf(apprunner.InvalidRequest, "GitHub did not say where the App is installed. Begin again with \"slipway connections authorize %s\".", a.connection.Name)
	}
	credential, err := n.api.Install(ctx, a.draft.Credential, installation)
	if err != nil {
		return "", err
	}
	// The App's own secret signs its webhooks.
	_, err = n.Control.ChangeConnection(ctx, a.here, a.connection.ARN, func(c apprunner.Connection) (apprunner.Connection, error) {
		c.Secret = cmp.Or(credential.HookSecret, c.Secret)
		return c, nil
	})
	if err != nil {
		return "", err
	}
	return "", n.complete(ctx, a.here, &a.connection, credential)
}
