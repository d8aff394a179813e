package registry

import (
	"encoding/json"
	"errors"
	"net/http"
)

// authorized lets the request pass, or answers it.
func (r *Registry) authorized(w http.ResponseWriter, req *http.Request) bool {
	if r.auth == nil {
		return true
	}
	user, password, ok := req.BasicAuth()
	if !ok {
		deny(w, "authentication required: run docker login with an access key id and its secret")
		return false
	}
	keyID, err := r.auth.Authenticate(req.Context(), user, password)
	switch {
	case err == nil:
		return r.rights == nil || r.permitted(w, req, keyID)
	case errors.Is(err, ErrDenied):
		deny(w, "the access key id or the secret is wrong")
	default:
		r.log.Error("cannot check the credentials of a registry client", "user", user, "error", err)
		writeError(w, http.StatusServiceUnavailable, "UNAVAILABLE", "credentials cannot be checked now; try again")
	}
	return false
}

func deny(w http.ResponseWriter, message string) {
	w.Header().Set("WWW-Authenticate", `Basic realm="slipway"`)
	writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", message)
}

// writeError answers in the form of the distribution specification.
func writeError(w http.ResponseWriter, status int, code, message string) {
	type item struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	h := w.Header()
	h.Set("Docker-Distribution-API-Version", "registry/2.0")
	h.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string][]item{"errors": {{code, message}}})
}
