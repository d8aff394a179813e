package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// advise warns of what is valid and still does not do what its author thinks.
func (r *reader) advise(c Config) {
	runtime, _ := runtimes.Find(c.Runtime.Value)
	r.adviseVariables(c)
	for _, phase := range [][]Text{c.PreBuild, c.Build, c.PostBuild, c.PreRun} {
		r.advisePackages(phase)
		if runtime.Pipeline == runtimes.Revised {
			r.adviseSteps(runtime, phase)
		}
	}
	switch {
	case runtime.Pipeline == runtimes.Original && len(c.PreRun) > 0:
		r.at(c.PreRun[0], fmt.Sprintf("%q has no phase pre-run: its commands are not run.", runtime.Name), "Its build commands run again in the image of the application. Put them there.")
	case runtime.Pipeline == runtimes.Revised:
		r.adviseLost(runtime, c)
	}
}

func (r *reader) at(t Text, what, remedy string) { r.add(t.Line, t.Column, false, what, remedy) }

// adviseVariables warns of values that lose to those of App Runner.
func (r *reader) adviseVariables(c Config) {
	for _, v := range c.Env {
		if (v.Name == "PORT" || v.Name == c.PortVariable) && v.Value != fmt.Sprint(c.Port) {
			r.add(v.Line, v.Column, false, fmt.Sprintf("The variable %s is %s here; the application gets %d, the port of run.network.", v.Name, excerpt(v.Value), c.Port),
				fmt.Sprintf("Delete it, and if the application listens on %s, write:", v.Value)+yamlLines("network:", "  port: "+v.Value))
		}
		if slices.ContainsFunc(c.Secrets, func(s Secret) bool { return s.Name == v.Name }) {
			r.add(v.Line, v.Column, false, fmt.Sprintf("%q is among run.env and run.secrets.", v.Name), "The secret counts. Delete the other.")
		}
	}
}

var (
	foreign = regexp.MustCompile(`(^|[\s;&|(])(yum|dnf|microdnf|amazon-linux-extras)\s`)
	sticky  = regexp.MustCompile(`^(cd|export|source|\.|alias)\s[^;&|\n]*$`)
	venv    = regexp.MustCompile(`venv|virtualenv|virtualenvs\.in-project`)
	pip     = regexp.MustCompile(`\b(pip3?|pip3?\.\d+|python3? -m pip) install\b[^;&|]*|\b(poetry|pipenv|uv) (install|sync)\b[^;&|]*|\buv pip install\b[^;&|]*`)
	upgrade = regexp.MustCompile(`^(pip3?|python3? -m pip) install (--upgrade|-U) pip$`)
	target  = regexp.MustCompile(`\s(-t|--target|--prefix|--root)\b`)
	global  = regexp.MustCompile(`\b(npm (install|i|add)|pnpm add|yarn)\s+(-g|--global|global)\b[^;&|]*|\bnpm (install|i)\b[^;&|]*\s(-g|--global)\b[^;&|]*`)
)

// advisePackages warns of the package manager of Amazon Linux, which App Runner's images are.
func (r *reader) advisePackages(phase []Text) {
	for _, c := range phase {
		if m := foreign.FindStringSubmatch(c.Value + " "); m != nil {
			r.at(c, fmt.Sprintf("%s installs packages of Amazon Linux, and the images here are Debian.", m[2]),
				`Those that "slipway runtimes build" made have a command of that name, which installs what Debian has in their place. For others write: apt-get update && apt-get install -y PACKAGE.`)
		}
	}
}

// adviseSteps warns of commands whose effect ends with them.
func (r *reader) adviseSteps(runtime runtimes.Runtime, phase []Text) {
	for i, c := range phase[:max(len(phase)-1, 0)] {
		if m := sticky.FindStringSubmatch(c.Value); m != nil {
			r.at(c, fmt.Sprintf("%q has no effect on the next command: with %s each one is a step of its own, and begins in the source directory.", m[1], runtime.Name),
				"Join them:"+yamlLines("- "+c.Value+" && "+firstLine(phase[i+1].Value)))
		}
	}
}

// adviseLost warns of installations outside of /app, the one folder that the application gets.
func (r *reader) adviseLost(runtime runtimes.Runtime, c Config) {
	all := slices.Concat(c.PreBuild, c.Build)
	lost := Lost(runtime, values(all))
	if len(lost) == 0 || len(Lost(runtime, values(c.PreRun))) > 0 || venv.MatchString(c.Start.Value) {
		return
	}
	first := slices.IndexFunc(all, func(t Text) bool { return strings.Contains(t.Value, lost[0]) })
	lines := []string{"  pre-run:"}
	for _, command := range lost {
		lines = append(lines, "    - "+command)
	}
	r.at(all[first], fmt.Sprintf("What is installed here is not in the image of the application: with %s only /app is carried over from the build.", runtime.Name), "Add to the section run:"+yamlLines(lines...))
}

// Lost returns the parts of build commands that install packages where the revised build leaves them
// behind, outside of /app.
func Lost(runtime runtimes.Runtime, commands []string) []string {
	installs := map[string]*regexp.Regexp{"python": pip, "nodejs": global}[runtime.Language]
	if runtime.Pipeline != runtimes.Revised || installs == nil || slices.ContainsFunc(commands, venv.MatchString) {
		return nil
	}
	var lost []string
	for _, command := range commands {
		found := strings.TrimSpace(installs.FindString(command))
		if found != "" && !target.MatchString(found) && !upgrade.MatchString(command) {
			lost = append(lost, found)
		}
	}
	return lost
}

func values(texts []Text) []string {
	var all []string
	for _, t := range texts {
		all = append(all, t.Value)
	}
	return all
}
