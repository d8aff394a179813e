package build

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/slipway-run/slipway/internal/build/detect"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// managed plans the build with a managed runtime.
func (d *decider) managed(s settings) (Decision, error) {
	if err := d.give(&s); err != nil {
		return Decision{}, err
	}
	images, err := d.catalogue.Pick(s.Runtime.Name, s.lock)
	if e, ok := errors.AsType[*runtimes.VersionError](err); ok {
		if s.lock != "" {
			return Decision{}, failf("%s%v", s.lockAt, e)
		}
		return Decision{}, failf("%v", e)
	} else if err != nil {
		return Decision{}, fmt.Errorf("find the images of %s: %w", s.Runtime.Name, err)
	}
	s.Images, s.Directory = images, d.dir
	if err := d.engines(s); err != nil {
		return Decision{}, err
	}
	if s.Start, err = d.argv(s.start, s.startAt); err != nil {
		return Decision{}, err
	}
	for _, note := range []string{images.Note, d.ended(s.Runtime)} {
		if note != "" {
			d.warn(note)
		}
	}
	made := plan.Make(s.Settings)
	d.decision.Plan = &made
	d.decision.Run.Command, d.decision.Run.Dir, d.decision.Run.Port = made.Image.Command, made.Image.Dir, made.Image.Port
	d.dropPort()
	return d.decision, nil
}

func (d *decider) ended(r runtimes.Runtime) string {
	if d.request.Now.IsZero() {
		return ""
	}
	return r.Warning(d.request.Now)
}

// give puts in what the command line says.
func (d *decider) give(s *settings) error {
	given := d.request.Given
	if given.Runtime != "" && given.Runtime != s.Runtime.Name && given.Runtime != s.Runtime.API {
		runtime, err := find(given.Runtime)
		if err != nil {
			return err
		}
		s.Runtime, s.lock = runtime, "" // the lock is one of the other runtime
	}
	if given.Build != "" {
		s.Build = []string{given.Build}
	}
	if given.Start != "" {
		s.start, s.startAt = given.Start, ""
	}
	s.Port = cmp.Or(given.Port, s.Port)
	return nil
}

// engines compares what package.json asks for with the version of Node.js. App Runner fails a build
// when it contradicts runtime-version.
func (d *decider) engines(s settings) error {
	if s.Runtime.Language != "nodejs" {
		return nil
	}
	data, err := d.read("package.json")
	if err != nil {
		return nil //nolint:nilerr // a project without package.json asks for nothing
	}
	engine := detect.Engine(data)
	if ok, err := detect.Allows(engine, s.Images.Version); engine == "" || err != nil || ok {
		return nil //nolint:nilerr // npm tells of a constraint that cannot be read
	}
	if s.lock != "" {
		return failf("%srun.runtime-version is %s, and engines.node of package.json is %q. Change one of them, or remove runtime-version.", s.lockAt, s.lock, engine)
	}
	d.warn(fmt.Sprintf("engines.node of package.json is %q, and %s is Node.js %s. Choose another runtime, or change package.json.", engine, s.Runtime.Name, s.Images.Version))
	return nil
}
