package daemon

import (
	"fmt"
	"path"
	"regexp"
)

var targetName = regexp.MustCompile(`\A[A-Za-z0-9_-]{1,40}\z`)

// targetNames are the names of the targets of one kind that were checked, to find one that is there twice.
type targetNames map[string]bool

// check says what is wrong with what every target has: a name of its own, under which its state is kept, and
// the services that it wants, all of them if it lists none. Setting is where in the configuration the target is.
func (n targetNames) check(setting, name string, services []string) (errs []error) {
	switch {
	case !targetName.MatchString(name):
		errs = append(errs, fmt.Errorf("%s: the name %q must have 1 to 40 letters, digits, _ and -", setting, name))
	case n[name]:
		errs = append(errs, fmt.Errorf("%s: there is another target with the name %q", setting, name))
	}
	n[name] = true
	for _, pattern := range services {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			errs = append(errs, fmt.Errorf("%s %q: %q in services is not the name of a service, such as web or web-*", setting, name, pattern))
		}
	}
	return errs
}
