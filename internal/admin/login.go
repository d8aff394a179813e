package admin

import (
	"encoding/json"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Login is the credentials of a registry.
type Login struct{ User, Password string }

func (a *API) listLogins(c call) error {
	if err := a.may(c, "ListRegistryLogins", "*"); err != nil {
		return err
	}
	hosts, err := a.Logins.Logins(c.r.Context())
	if err != nil {
		return err
	}
	return answer(c.w, append([]string{}, hosts...))
}

func (a *API) setLogin(c call) error {
	if err := a.may(c, "PutRegistryLogin", c.arn("registry/"+c.r.PathValue("host"))); err != nil {
		return err
	}
	var login Login
	if err := json.Unmarshal(c.body, &login); err != nil || login.User == "" || login.Password == "" {
		return apprunner.Errorf(apprunner.InvalidRequest, "A login needs a User and a Password.")
	}
	if err := a.Logins.SetLogin(c.r.Context(), c.r.PathValue("host"), login.User, login.Password); err != nil {
		return err
	}
	return answer(c.w, struct{}{})
}

func (a *API) removeLogin(c call) error {
	host := c.r.PathValue("host")
	if err := a.may(c, "DeleteRegistryLogin", c.arn("registry/"+host)); err != nil {
		return err
	}
	found, err := a.Logins.RemoveLogin(c.r.Context(), host)
	if err != nil {
		return err
	}
	if !found {
		return apprunner.Errorf(apprunner.ResourceNotFound, "There is no login for registry %q.", host)
	}
	return answer(c.w, struct{}{})
}
