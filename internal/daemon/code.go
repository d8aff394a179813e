package daemon

import "github.com/slipway-run/slipway/internal/apprunner"

// checkCode refuses source code that can never be built.
func (d *Daemon) checkCode(apprunner.Spec, apprunner.Place) error {
	return apprunner.Errorf(apprunner.InvalidRequest, "SourceConfiguration.CodeRepository is not supported by this version of Slipway. Give an ImageRepository.")
}
