package daemon

import "github.com/slipway-run/slipway/internal/apprunner"

// own returns where a service's source code is in the repositories here, not ok when it is elsewhere. A
// service has its own repository only: who may deploy one service need not be allowed to read others.
func (d *Daemon) own(s apprunner.Service) (region, name string, ok bool, err error) {
	region, name, ok = d.remote.Own(s.Spec.Code.URL)
	if ok && (region != s.Region || name != s.Name) {
		err = apprunner.Errorf(apprunner.InvalidRequest, "Service %s cannot deploy %q: of the repositories that Slipway has itself, its own is %s.",
			s.Name, s.Spec.Code.URL, d.remoteURL(s.Region, s.Name))
	}
	return region, name, ok, err
}
