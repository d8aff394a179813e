package build

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/config"
	"github.com/slipway-run/slipway/internal/build/plan"
)

// decider goes from what is asked for to a decision.
type decider struct {
	request   Request
	catalogue Catalogue
	root      tree
	src       tree   // the source directory
	dir       string // the source directory, absolute in the repository
	decision  Decision
}

func (d *decider) why(sentence string)  { d.decision.Why = append(d.decision.Why, sentence) }
func (d *decider) warn(sentence string) { d.decision.Warnings = append(d.decision.Warnings, sentence) }

// decide takes what was asked for first, and then what is found: apprunner.yaml, a Dockerfile, or what
// the files look like.
func (d *decider) decide() (Decision, error) {
	dockerfile, err := d.tagged()
	switch {
	case err != nil:
		return Decision{}, err
	case dockerfile != "":
		d.why("The tags of the service say that a Dockerfile is built.")
		return d.docker(dockerfile)
	case d.request.Code.Source == apprunner.FromAPI && d.request.Code.Values != nil:
		return d.api(*d.request.Code.Values)
	}
	data, err := d.read(config.File)
	switch {
	case err == nil:
		return d.file(data)
	case !errors.Is(err, fs.ErrNotExist):
		return Decision{}, unreadable(config.File, err)
	}
	if name := d.misnamed(); name != "" && d.request.Given == (Settings{}) {
		return Decision{}, failf("%s is not read: App Runner reads %s alone. Rename it.", path.Join(d.dir, name), config.File)
	}
	if _, err := fs.Stat(d.src, "Dockerfile"); err == nil && d.request.Given.Runtime == "" {
		d.why("There is no " + config.File + ", and there is a Dockerfile.")
		return d.docker("Dockerfile")
	}
	d.why("There is no " + config.File + ", so the files of the folder tell.")
	return d.detected()
}

// read returns a file of the source directory.
func (d *decider) read(name string) ([]byte, error) {
	info, err := fs.Stat(d.src, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is no file")
	}
	if info.Size() > config.MaxSize { // the reader says so better
		return make([]byte, config.MaxSize+1), nil
	}
	return fs.ReadFile(d.src, name)
}

func unreadable(name string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return failf("%s in the source directory cannot be read: it %v. It has to be a file of the repository.", name, err)
}

// misnamed finds a file that its owner takes for apprunner.yaml.
func (d *decider) misnamed() string {
	entries, _ := fs.ReadDir(d.src, ".")
	i := slices.IndexFunc(entries, func(e fs.DirEntry) bool {
		name := strings.ToLower(e.Name())
		return e.Name() != config.File && (name == config.File || name == "apprunner.yml" || name == "app-runner.yaml" || name == "app-runner.yml")
	})
	if i < 0 {
		return ""
	}
	return entries[i].Name()
}

// tagged returns the path of the Dockerfile that the tags ask for, "" for none.
func (d *decider) tagged() (string, error) {
	name := d.request.Tags[apprunner.TagDockerfile]
	switch kind := d.request.Tags[apprunner.TagBuild]; {
	case strings.EqualFold(kind, "dockerfile"), kind == "" && name != "":
		return cmp.Or(name, "Dockerfile"), nil
	case kind != "":
		return "", failf("The tag %s is %q. The only value it has is dockerfile; without the tag, the managed runtimes build.", apprunner.TagBuild, kind)
	default:
		return "", nil
	}
}

// docker decides for a Dockerfile. Its context is the source directory.
func (d *decider) docker(name string) (Decision, error) {
	full := path.Join(d.dir, name)
	if escapes(d.dir + "/" + name) {
		return Decision{}, failf("The Dockerfile %q leads out of the repository. The tag %s is a path from the source directory.", name, apprunner.TagDockerfile)
	}
	info, err := fs.Stat(d.root, strings.TrimPrefix(full, "/"))
	switch {
	case errors.Is(err, errOutside):
		return Decision{}, failf("The Dockerfile %s is a symbolic link that leads out of the repository. Put the file into the repository.", full)
	case err != nil || !info.Mode().IsRegular():
		return Decision{}, failf("The repository has no file %s, which is the Dockerfile to build. The tag %s names another, from the source directory %s.", full, apprunner.TagDockerfile, d.dir)
	}
	d.decision.Dockerfile = &Dockerfile{Path: full, Context: d.dir}
	d.why("Docker's own front end builds " + full + " with the context " + d.dir + ".")
	run := &d.decision.Run
	run.Port = apprunner.DefaultPort
	start := d.request.Given.Start
	if values := d.request.Code.Values; values != nil {
		run.Port, run.Env, start = cmp.Or(values.Port, run.Port), sorted(values.Variables), cmp.Or(start, values.Start)
	}
	run.Port = cmp.Or(d.request.Given.Port, run.Port)
	d.dropPort()
	if start == "" {
		return d.decision, nil
	}
	run.Command, err = d.argv(start, "")
	return d.decision, err
}

// dropPort takes variables away that lose to the port that is injected.
func (d *decider) dropPort() {
	run := &d.decision.Run
	if run.PortVariable == "PORT" {
		run.PortVariable = ""
	}
	run.Env = slices.DeleteFunc(run.Env, func(v plan.Variable) bool {
		return v.Name == "PORT" || v.Name == run.PortVariable && v.Name != ""
	})
}

// argv makes the program and arguments of a start command; place is where it is written.
func (d *decider) argv(start, place string) ([]string, error) {
	argv, err := plan.Argv(start)
	if err != nil {
		return nil, failf("%sThe start command cannot be split into a program and its arguments: %v.", place, err)
	}
	if plan.Shell(argv) {
		d.why("The start command needs a shell, and gets one. On App Runner it would have to begin with \"sh -c\".")
	}
	return argv, nil
}
