package remote

import (
	"errors"
	"net/http"
)

// Rights on a repository.
const (
	putSource       = "slipway:PutSource"
	getSource       = "slipway:GetSource"
	startDeployment = "apprunner:StartDeployment"
	createService   = "apprunner:CreateService"
)

// permitted lets the request pass, or answers it. A push needs the right to deploy what is pushed too:
// that is what it leads to.
func (s *Server) permitted(e *exchange, program string) bool {
	user, password, ok := e.r.BasicAuth()
	if !ok {
		deny(e.w, "Sign in with an access key id as the user and its secret as the password.")
		return false
	}
	ctx := e.r.Context()
	keyID, err := s.Authenticator.Authenticate(ctx, user, password)
	if errors.Is(err, ErrDenied) {
		deny(e.w, "The access key id or the secret is wrong.")
		return false
	}
	if err == nil {
		e.service, err = s.Services.Service(ctx, e.region, e.name)
	}
	for _, action := range needs(program, e.service.Exists) {
		if err == nil {
			err = s.Authorizer.Authorize(ctx, keyID, e.region, action, e.service.ARN)
		}
	}
	switch {
	case errors.Is(err, ErrForbidden):
		say(e.w, http.StatusForbidden, "%s", err)
	case err != nil:
		s.Log.Error("the rights of a Git client cannot be checked", "access_key", keyID, "error", err)
		say(e.w, http.StatusServiceUnavailable, "Rights cannot be checked now. Try again.")
	}
	return err == nil
}

// needs is the rights for a request; the last one is what the audit log tells.
func needs(program string, exists bool) []string {
	switch {
	case program == fetching:
		return []string{getSource}
	case exists:
		return []string{startDeployment, putSource}
	default:
		return []string{createService, putSource}
	}
}

func deny(w http.ResponseWriter, message string) {
	w.Header().Set("WWW-Authenticate", `Basic realm="slipway"`)
	say(w, http.StatusUnauthorized, "%s", message)
}
