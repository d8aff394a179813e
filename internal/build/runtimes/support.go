package runtimes

import (
	"fmt"
	"time"
)

// Ended reports whether App Runner has ended the runtime by now, and Slipway has nothing newer under
// the same name.
func (r Runtime) Ended(now time.Time) bool {
	return !r.EndOfSupport.IsZero() && r.Successor != r.Name && !now.Before(r.EndOfSupport)
}

// Policy is what a site does about runtimes whose support has ended.
//
// App Runner refuses a new service with such a runtime; services that are there go on, and may be
// changed and deployed. So does Slipway. Most of App Runner's runtimes have ended, and who brings a
// service from there may want to move first and upgrade later: the operator who sets
// "build.allow-ended-runtimes: true" takes such services, and every deployment then says that support
// has ended, since when, and where to go.
type Policy struct {
	AllowEnded bool
}

// Admit decides about a new service, or about one that changes to the runtime. Services that have it
// already are not asked about. The error is for the caller of the API.
func (p Policy) Admit(r Runtime, now time.Time) error {
	if p.AllowEnded || !r.Ended(now) {
		return nil
	}
	return fmt.Errorf("The runtime %s has reached its end of support on %s, so no new service can be created with it. "+
		"Use %s, or have the operator set build.allow-ended-runtimes to true.",
		r.API, r.EndOfSupport.Format("2 January 2006"), r.successor())
}

// Warning is a line for the deployment log of a service whose runtime has ended, "" for others.
func (r Runtime) Warning(now time.Time) string {
	if !r.Ended(now) {
		return ""
	}
	return fmt.Sprintf("The runtime %s has reached its end of support on %s and gets no more security fixes. Move to %s when you can.",
		r.Name, r.EndOfSupport.Format("2 January 2006"), r.Successor)
}

// successor names the runtime to go to, as apprunner.yaml and the API do.
func (r Runtime) successor() string {
	next, _ := Find(r.Successor)
	return fmt.Sprintf("%s (%s)", next.API, next.Name)
}
