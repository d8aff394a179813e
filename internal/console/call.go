package console

import (
	"context"
	"crypto/subtle"
	"net/http"
	"regexp"
)

// Caller is who makes a call by a session, and to whom: what a signature says otherwise.
type Caller struct {
	KeyID   string
	Region  string
	Service string // the name that signed calls would be signed for, such as "apprunner"
}

type callerKey struct{}

// CallerOf returns the caller of a request that came through the console.
func CallerOf(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}

var regionForm = regexp.MustCompile(`\A[a-z0-9-]{1,32}\z`)

// call passes a call of a page on to the API: /console/api/REGION/SERVICE/…. What follows the service is
// the path there, and Slipway's own API has its name in its paths.
func (c *Console) call(w http.ResponseWriter, r *http.Request) {
	key, value, ok := c.signedIn(r)
	region, service := r.PathValue("region"), r.PathValue("service")
	switch {
	case !ok:
		refuse(w, http.StatusUnauthorized, signedOut, "The session has ended. Sign in again.")
		return
	case !c.genuine(r, value):
		refuse(w, http.StatusForbidden, "AccessDeniedException", "The call does not come from a page of the console. Load the page again.")
		return
	case !regionForm.MatchString(region):
		refuse(w, http.StatusBadRequest, "InvalidRequestException", "That is not the name of a Region.")
		return
	}
	prefix := Prefix + "api/" + region
	if service != "slipway" {
		prefix += "/" + service
	}
	r = r.WithContext(context.WithValue(r.Context(), callerKey{}, Caller{KeyID: key, Region: region, Service: service}))
	http.StripPrefix(prefix, c.API).ServeHTTP(w, r)
}

// genuine reports whether a request comes from a page of this console. One that only reads needs no token,
// as event streams cannot send one; another site cannot read the answer, nor does a browser send it the
// cookie.
func (c *Console) genuine(r *http.Request, cookie string) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		site := r.Header.Get("Sec-Fetch-Site")
		return site == "" || site == "same-origin"
	}
	return subtle.ConstantTimeCompare([]byte(r.Header.Get(TokenHeader)), []byte(c.token(cookie))) == 1
}
