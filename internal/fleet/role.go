package fleet

import (
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
)

// Variables are what an instance is told of the credentials of its role. What it is told in Secrets is in
// no file.
type Variables struct{ Env, Secrets []string }

// lend lets an instance find the credentials of its role, if it has one. What the service sets itself
// stays.
func (f *Fleet) lend(spec *engine.Spec, s apprunner.Service, r apprunner.Revision) {
	if r.Spec.Instance.Role == "" || f.opts.Role == nil {
		return
	}
	told := f.opts.Role(spec.ID, s, r)
	own := slices.Concat(spec.Env, spec.Secrets)
	missing := func(all []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(v string) bool { return sets(own, v) })
	}
	spec.Env = append(spec.Env, missing(told.Env)...)
	spec.Secrets = append(spec.Secrets, missing(told.Secrets)...)
	spec.Forward = append(spec.Forward, apprunner.CredentialPort)
}

// sets reports whether an environment has the variable that an assignment is to.
func sets(env []string, assignment string) bool {
	name, _, _ := strings.Cut(assignment, "=")
	return slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
}

// Instance returns the service and the revision of an instance, until nothing is left of it.
func (f *Fleet) Instance(id string) (apprunner.Service, apprunner.Revision, bool) {
	for _, g := range f.all() {
		if m := g.member(id); m != nil {
			return g.serviceNow(), m.revision, true
		}
	}
	return apprunner.Service{}, apprunner.Revision{}, false
}

// InstanceIDs returns the ids of all instances.
func (f *Fleet) InstanceIDs() []string {
	var ids []string
	for _, g := range f.all() {
		for _, m := range g.those(func(*member) bool { return true }) {
			ids = append(ids, m.id)
		}
	}
	return ids
}
