package plan

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Dockerfile is the plan for people who leave: "docker build" makes the same image of it.
func Dockerfile(p Plan) string {
	d := &dockerfile{}
	d.line("# syntax=docker/dockerfile:1")
	d.line("# %s %s, built as Slipway builds it. Build it in the root of the repository.", p.Runtime, p.Version)
	var must []string
	for _, s := range order(p.Stages) {
		d.stage(s, must)
		if s.Name == postBuildStage {
			must = append(must, s.Name)
		}
	}
	d.line("")
	d.line("# The application listens on PORT.")
	for _, v := range p.Image.Env {
		d.line("ENV %s=%s", v.Name, quote(v.Value))
	}
	d.line("ENV PORT=%d", p.Image.Port)
	d.line("EXPOSE %d", p.Image.Port)
	d.line("ENTRYPOINT []")
	d.line("CMD %s", jsonList(p.Image.Command))
	return d.String()
}

// order puts the stage that is the image last, because Docker builds the last one.
func order(stages []Stage) []Stage {
	sorted := slices.Clone(stages)
	slices.SortStableFunc(sorted, func(a, b Stage) int {
		switch {
		case a.Ship == b.Ship:
			return 0
		case a.Ship:
			return 1
		default:
			return -1
		}
	})
	return sorted
}

type dockerfile struct{ strings.Builder }

func (d *dockerfile) line(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

// comments say what the stages are for.
var comments = map[string]string{
	preBuildStage:  "# The whole repository, in the image with compilers and package managers.",
	buildStage:     "# The build itself.",
	packagingStage: "# The image of the application: of what was built, only " + Root + " is in it.",
	postBuildStage: "# Runs beside, and has to succeed; nothing of it is in the image.",
}

func (d *dockerfile) stage(s Stage, must []string) {
	d.line("\n%s", comments[s.Name])
	d.line("FROM %s AS %s", s.From+s.Stage, s.Name)
	if len(s.Commands) > 0 {
		d.line(`SHELL [%q, "-e", "-c"]`, s.shell())
	}
	for _, c := range s.Copies {
		if c.Stage == "" {
			d.line("COPY %s %s", "."+strings.TrimSuffix(c.From, "/"), c.To)
		} else {
			d.line("COPY --from=%s %s %s", c.Stage, c.From, c.To)
		}
	}
	if len(s.Commands) > 0 || s.Ship {
		d.line("WORKDIR %s", s.Dir)
	}
	exports := d.variables(s)
	for _, name := range must {
		d.line("RUN --mount=type=bind,from=%s,target=/mnt true # builds %s first", name, name)
	}
	for _, c := range s.Commands {
		d.run(c, exports)
	}
}

// shell is that of all commands of a stage: what is written for sh, bash understands.
func (s *Stage) shell() string {
	for _, c := range s.Commands {
		if c.Shell != "" {
			return c.Shell
		}
	}
	return "/bin/sh"
}

// variables are arguments of the build, which commands see and the image has not. What does not fit on
// a line is returned as lines of the scripts.
func (d *dockerfile) variables(s Stage) (exports string) {
	if len(s.Commands) == 0 {
		return ""
	}
	for _, v := range s.Env {
		if strings.ContainsAny(v.Value, "\r\n") {
			exports += fmt.Sprintf("export %s='%s'\n", v.Name, strings.ReplaceAll(v.Value, "'", `'\''`))
			continue
		}
		d.line("ARG %s=%s", v.Name, quote(v.Value))
	}
	return exports
}

var simple = regexp.MustCompile(`^[^\s\[#<-][^\n\r]*[^\\]$`)

func (d *dockerfile) run(c Command, exports string) {
	d.line("\n# [%s]", c.Phase)
	d.WriteString("RUN")
	for _, cache := range c.Caches {
		d.WriteString(" --mount=type=cache,sharing=locked,target=" + cache.Target)
	}
	if len(c.Caches) > 0 {
		d.WriteString(" \\\n   ")
	}
	script := exports + strings.TrimRight(c.Script, "\n")
	if simple.MatchString(script) && !strings.Contains(script, "<<") {
		d.line(" %s", script)
		return
	}
	end := "END"
	for slices.Contains(strings.Split(script, "\n"), end) {
		end += "_"
	}
	d.line(" <<'%s'\n%s\n%s", end, script, end)
}

// quote is a value as ENV and ARG take it.
func quote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(value) + `"`
}

func jsonList(words []string) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(words)
	return strings.ReplaceAll(strings.TrimSpace(out.String()), `","`, `", "`)
}
