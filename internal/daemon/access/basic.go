package access

import (
	"errors"
	"net/http"
)

// Basic lets those through to next who sign in with the id and the secret of an access key that may do an
// action on everything, as programs do that cannot sign requests.
func (g *Guard) Basic(action string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := trailOf(r.Context())
		t.entry.Region, t.entry.Action = g.Home.Region, action
		user, password, _ := r.BasicAuth()
		u, ok := g.signIn(r.Context(), user, password)
		if !ok {
			t.entry.AccessKeyID = keyForm.FindString(user)
			w.Header().Set("WWW-Authenticate", `Basic realm="slipway"`)
			http.Error(w, "Sign in with the id of an access key and its secret.", http.StatusUnauthorized)
			return
		}
		t.entry.AccessKeyID, t.entry.User = u.ID, u.ARN(g.Home.Account)
		err := g.may(r.Context(), u.ID, g.Home.Region, action, "*")
		if err == nil && !g.Limiter.Allow(u.ID) {
			err = errThrottled
		}
		refused, isRefusal := errors.AsType[*refusal](err)
		switch {
		case err == nil:
			next.ServeHTTP(w, r)
		case isRefusal:
			w.Header().Set("X-Amzn-Errortype", refused.code)
			http.Error(w, refused.message, refused.status)
		default:
			http.Error(w, "An internal error occurred.", http.StatusInternalServerError)
		}
	})
}
