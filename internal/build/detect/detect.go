// Package detect looks at a folder without apprunner.yaml, and says how it is built and started, and
// why. A guess is plain settings, each of which can be given instead.
package detect

import (
	"cmp"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/plan"
)

// Guess is what a folder seems to be.
type Guess struct {
	Runtime string // name in apprunner.yaml
	Build   []string
	PreRun  []string // what is installed for the application outside of /app
	Start   string
	Port    int
	Env     []plan.Variable // of the application
	Why     []string        // sentences
}

// detector knows one language. It returns false for a folder that is not of it.
type detector struct {
	language string
	look     func(folder) (Guess, bool)
}

// detectors in their order. Node.js comes late, because projects of the others often have a package.json
// for the scripts of their pages.
var detectors = []detector{
	{"go", golang}, {"java", java}, {"ruby", ruby}, {"dotnet", dotnet}, {"php", composer}, {"python", python},
	{"nodejs", nodejs}, {"php", php}, {"python", static},
}

// Detect looks at the tree of a source directory. A language limits what it looks for, "" does not.
// Only available runtimes are chosen. The error is a *plan.Failure.
func Detect(tree fs.FS, language string, available func(runtime string) bool) (Guess, error) {
	f := folder{tree, available}
	for i, d := range detectors {
		if language != "" && d.language != language {
			continue
		}
		if guess, ok := d.look(f); ok {
			guess.also(f, language, detectors[i+1:])
			return f.finish(guess), nil
		}
	}
	if language != "" && f.procfile() != "" {
		var guess Guess
		f.choose(&guess, language, "", "")
		return f.finish(guess), nil
	}
	return Guess{}, unknown(language)
}

// also names the languages that were passed over.
func (g *Guess) also(f folder, language string, rest []detector) {
	if language != "" {
		return
	}
	for _, d := range rest {
		if other, ok := d.look(f); ok && strings.TrimRight(other.Runtime, "0123456789") != strings.TrimRight(g.Runtime, "0123456789") {
			g.say("It could be %s too: choose that with --runtime.", other.Runtime)
			return
		}
	}
}

func (g *Guess) say(format string, args ...any) { g.Why = append(g.Why, fmt.Sprintf(format, args...)) }

// finish honours a Procfile, and finds the port.
func (f folder) finish(g Guess) Guess {
	if web := f.procfile(); web != "" {
		g.Start = web
		g.say("Procfile has a web process: %s", web)
		g.Port = portIn(web)
	}
	g.Port = cmp.Or(g.Port, portIn(g.Start))
	if g.Port == 0 {
		g.Port = apprunner.DefaultPort
		g.say("It should listen on the port in PORT, which is %d.", g.Port)
	} else {
		g.say("It listens on port %d.", g.Port)
	}
	return g
}

var web = regexp.MustCompile(`(?m)^web\s*:\s*(\S.*?)\s*$`)

func (f folder) procfile() string {
	if m := web.FindStringSubmatch(f.read("Procfile")); m != nil {
		return m[1]
	}
	return ""
}

// unknown says what would help.
func unknown(language string) *plan.Failure {
	reason := "Slipway cannot tell how to build this folder: it has no apprunner.yaml, no Dockerfile, and none of the files that tell: " +
		"package.json, requirements.txt, pyproject.toml, go.mod, pom.xml, build.gradle, Gemfile, composer.json, a .csproj or an index.html."
	remedy := " Say it with --runtime, --build, --start and --port, or add one of them. If the application is in a folder below, give that one."
	if language != "" {
		reason = fmt.Sprintf("Slipway cannot tell how to start this folder with the language %s.", language)
		remedy = " Say it with --start, and how to build it with --build."
	}
	return &plan.Failure{Reason: reason + remedy}
}

var ports = regexp.MustCompile(`(?:(?:--?(?:\w+\.)?port|--listen|-p|-l)[= ]|(?:[\w.\]*]|//):|\bPORT=)(\d{2,5})\b`)

// portIn returns the port that a command names, 0 for none.
func portIn(command string) int {
	return number(ports, command)
}

// number returns the port that the first match of a pattern has, 0 for none.
func number(pattern *regexp.Regexp, text string) int {
	m := pattern.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	port, err := strconv.ParseUint(m[1], 10, 16)
	if err != nil {
		return 0
	}
	return int(port)
}
