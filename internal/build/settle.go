package build

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/config"
	"github.com/slipway-run/slipway/internal/build/detect"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// settings are all that a build with a managed runtime is made of.
type settings struct {
	plan.Settings
	start string
	lock  string // runtime-version
	// Where they are written, as the beginning of a message; "" for the API and for guesses.
	startAt, lockAt string
}

// file decides by apprunner.yaml.
func (d *decider) file(data []byte) (Decision, error) {
	name := strings.TrimPrefix(path.Join(d.dir, config.File), "/")
	c, problems := config.Parse(name, data)
	if problems.Failed() {
		return Decision{}, failf("%s", problems)
	}
	for _, p := range problems {
		d.warn(p.String())
	}
	d.why(config.File + " says how to build and run.")
	runtime, _ := runtimes.Find(c.Runtime.Value)
	s := settings{
		start: c.Start.Value, startAt: place(name, c.Start), lock: c.Version.Value, lockAt: place(name, c.Version),
		Settings: plan.Settings{
			Runtime: runtime, PreBuild: texts(c.PreBuild), Build: texts(c.Build), PostBuild: texts(c.PostBuild), PreRun: texts(c.PreRun),
			Env: variables(c.BuildEnv), Port: c.Port,
		},
	}
	secret := func(v plan.Variable) bool {
		return slices.ContainsFunc(c.Secrets, func(s config.Secret) bool { return s.Name == v.Name })
	}
	d.decision.Run = Run{PortVariable: c.PortVariable, Env: slices.DeleteFunc(variables(c.Env), secret), Secrets: c.Secrets}
	return d.managed(s)
}

func place(file string, t config.Text) string {
	return fmt.Sprintf("%s:%d:%d: error: ", file, t.Line, t.Column)
}

// api decides by the settings of the request. What it leaves open, the files tell.
func (d *decider) api(values apprunner.CodeValues) (Decision, error) {
	d.why("The service's own settings say how to build and run; " + config.File + " is not read.")
	runtime, err := find(values.Runtime)
	if err != nil {
		return Decision{}, err
	}
	s := settings{start: values.Start, Settings: plan.Settings{Runtime: runtime, Port: cmp.Or(values.Port, apprunner.DefaultPort)}}
	if values.Build != "" {
		s.Build = []string{values.Build}
	}
	if lost := config.Lost(runtime, s.Build); len(lost) > 0 {
		s.PreRun = lost
		d.why("What the build command installs outside of /app is installed for the application as well: " + strings.Join(lost, "; "))
	}
	d.decision.Run.Env = sorted(values.Variables)
	if port := values.Variables["PORT"]; port != "" && port != strconv.Itoa(s.Port) {
		d.warn(fmt.Sprintf("RuntimeEnvironmentVariables has PORT %q; the application gets %d, the Port of the settings. Delete the variable, or change Port.", port, s.Port))
	}
	if s.start == "" && d.request.Given.Start == "" {
		guess, err := d.guess(runtime.Language)
		if err != nil {
			return Decision{}, err
		}
		s.start = guess.Start
		if values.Build == "" {
			s.Build, s.PreRun = guess.Build, guess.PreRun
		}
		d.decision.Run.Env = append(d.decision.Run.Env, guess.Env...)
	}
	return d.managed(s)
}

// find looks up a runtime by the name of apprunner.yaml or of the API.
func find(name string) (runtimes.Runtime, error) {
	if r, ok := runtimes.Find(name); ok {
		return r, nil
	}
	if r, ok := runtimes.ByAPI(name); ok {
		return r, nil
	}
	return runtimes.Runtime{}, failf("There is no runtime %q. %s", name, config.Suggest(name))
}

// detected decides by what the files look like.
func (d *decider) detected() (Decision, error) {
	given := d.request.Given
	var runtime runtimes.Runtime
	if given.Runtime != "" {
		var err error
		if runtime, err = find(given.Runtime); err != nil {
			return Decision{}, err
		}
	}
	guess, err := d.guess(runtime.Language)
	if err != nil {
		if given.Runtime == "" || given.Start == "" {
			return Decision{}, err
		}
		guess = detect.Guess{Port: apprunner.DefaultPort}
	}
	if given.Runtime == "" {
		runtime, _ = runtimes.Find(guess.Runtime)
	}
	build, preRun := guess.Build, guess.PreRun
	if runtime.Pipeline == runtimes.Original && len(preRun) > 0 { // another runtime than the guessed one
		build, preRun = slices.Concat(build, preRun), nil
	}
	d.decision.Run.Env = guess.Env
	return d.managed(settings{start: guess.Start, Settings: plan.Settings{Runtime: runtime, Build: build, PreRun: preRun, Port: guess.Port}})
}

func (d *decider) guess(language string) (detect.Guess, error) {
	guess, err := detect.Detect(d.src, language, func(runtime string) bool {
		_, err := d.catalogue.Pick(runtime, "")
		return err == nil
	})
	for _, sentence := range guess.Why {
		d.why(sentence)
	}
	return guess, err
}

func texts(all []config.Text) []string {
	var list []string
	for _, t := range all {
		list = append(list, t.Value)
	}
	return list
}

func variables(all []config.Variable) []plan.Variable {
	var list []plan.Variable
	for _, v := range all {
		list = append(list, v.Variable)
	}
	return list
}

func sorted(variables map[string]string) []plan.Variable {
	var list []plan.Variable
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		list = append(list, plan.Variable{Name: name, Value: variables[name]})
	}
	return list
}
