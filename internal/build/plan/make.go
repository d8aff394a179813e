package plan

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// Settings are what a plan is made of.
type Settings struct {
	Runtime   runtimes.Runtime
	Images    runtimes.Images
	Directory string // the source directory, absolute in the repository
	PreBuild  []string
	Build     []string
	PostBuild []string
	PreRun    []string   // for the revised build only
	Env       []Variable // of all commands
	Start     []string   // program and arguments
	Port      int
}

// Names of the stages.
const (
	preBuildStage  = "pre-build-stage"
	buildStage     = "build-stage"
	packagingStage = "packaging-stage"
	postBuildStage = "post-build-stage"
)

// Make plans a build as App Runner does it. Both pipelines build in one image and bring /app to
// another. The original one runs "build" there again, the revised one "pre-run".
//
// Source: App Runner developer guide, "The App Runner build process"; c.f. the Dockerfile in the build
// logs of App Runner.
func Make(s Settings) Plan {
	everything := []Copy{{From: "/", To: Root}}
	stages := []Stage{
		{Name: preBuildStage, From: s.Images.Build, Copies: everything, Commands: s.commands(PreBuild, s.PreBuild)},
		{Name: buildStage, Stage: preBuildStage, Commands: s.commands(Build, s.Build)},
		{Name: packagingStage, From: s.Images.Run, Copies: []Copy{{Stage: buildStage, From: Root, To: Root}}, Commands: s.packaging(), Ship: true},
	}
	if len(s.PostBuild) > 0 {
		stages = append(stages, Stage{Name: postBuildStage, Stage: buildStage, Commands: s.commands(PostBuild, s.PostBuild)})
	}
	for i := range stages {
		s.furnish(&stages[i])
	}
	return Plan{
		Runtime: s.Runtime.Name, Version: s.Images.Version, Stages: stages,
		Image: Image{Dir: s.dir(), Command: s.Start, Port: s.Port},
	}
}

func (s Settings) dir() string { return path.Join(Root, s.Directory) }

func (s Settings) packaging() []Command {
	if s.Runtime.Pipeline == runtimes.Original {
		return s.commands(Build, s.Build)
	}
	return s.commands(PreRun, s.PreRun)
}

// furnish gives a stage its directory, variables and caches.
func (s Settings) furnish(stage *Stage) {
	stage.Dir = s.dir()
	stage.Env = slices.Clone(s.Env)
	if stage.Ship && needsCaches(s.Start) {
		return
	}
	for i := range stage.Commands {
		for _, c := range cachesOf(s.Runtime.Language, stage.Commands[i].Script) {
			stage.Commands[i].Caches = append(stage.Commands[i].Caches, Cache{c.name, c.target})
			stage.set(c.variable, c.target)
		}
	}
}

// set adds a variable that is not there yet.
func (s *Stage) set(name, value string) {
	if name != "" && !slices.ContainsFunc(s.Env, func(v Variable) bool { return v.Name == name }) {
		s.Env = append(s.Env, Variable{name, value})
	}
}

// commands makes the steps of a phase. In the original build its commands share a shell, so that "cd"
// holds for the next one; in the revised build each is a step of its own.
func (s Settings) commands(phase Phase, texts []string) []Command {
	if len(texts) == 0 {
		return nil
	}
	scripts := make([]string, len(texts))
	for i, text := range texts {
		scripts[i] = script(text)
	}
	if s.Runtime.Pipeline == runtimes.Original {
		scripts = []string{strings.Join(scripts, "\n")}
	}
	commands := make([]Command, len(scripts))
	for i, text := range scripts {
		commands[i] = Command{Phase: phase, Script: text, Shell: shellFor(text)}
	}
	return commands
}

// script makes a command fail when its last part does, as App Runner's shells do, which run without
// "-e". That differs only for commands of several parts on one line.
func script(command string) string {
	if !strings.Contains(command, ";") || strings.Contains(command, "\n") {
		return command
	}
	return "{ " + command + "\n} || exit"
}

var bashisms = regexp.MustCompile(`(?m)(^|[\s;&|(])(source|pushd|popd|declare|shopt|mapfile|local|function)\s|\[\[ |<<<|[<>]\(|&>|\bpipefail\b|\{\w+\.\.\w+\}|\$\{\w+(//|\^|,|\[)`)

// shellFor returns bash for a script that needs it.
func shellFor(script string) string {
	if bashisms.MatchString(script) {
		return "/bin/bash"
	}
	return ""
}
