package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"go.yaml.in/yaml/v4"

	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// runtime reads the name of the runtime and looks it up.
func (r *reader) runtime(s section) Text {
	n := s.get("runtime")
	if n == nil {
		r.need(s, "runtime", "Name the runtime that builds and runs the application:"+yamlLines("runtime: python311"))
		return Text{}
	}
	name := r.text(n, "runtime", "runtime: python311")
	if n.Kind != yaml.ScalarNode || slices.ContainsFunc(r.known, func(k runtimes.Runtime) bool { return k.Name == name.Value }) {
		return name
	}
	r.fail(n, fmt.Sprintf("There is no runtime %s.", excerpt(name.Value)), Suggest(name.Value, r.known))
	return name
}

var (
	container = regexp.MustCompile(`(?i)docker|^image$|container|^custom$`)
	wordless  = regexp.MustCompile(`[^a-z0-9]`)
	digits    = regexp.MustCompile(`\d+`)
)

// languages are what people call those of the runtimes.
var languages = map[string]string{
	"node": "nodejs", "nodejs": "nodejs", "js": "nodejs", "javascript": "nodejs", "typescript": "nodejs", "npm": "nodejs", "bun": "nodejs",
	"python": "python", "py": "python", "java": "java", "corretto": "java", "jdk": "java", "openjdk": "java", "jvm": "java", "kotlin": "java",
	"go": "go", "golang": "go", "dotnet": "dotnet", "net": "dotnet", "dotnetcore": "dotnet", "aspnet": "dotnet", "csharp": "dotnet",
	"php": "php", "ruby": "ruby", "rails": "ruby",
}

// Suggest says what to write instead of the name of a runtime that is not there.
func Suggest(name string, known []runtimes.Runtime) string {
	if container.MatchString(name) {
		return `A Dockerfile is built when the service has the tag slipway:build=dockerfile; then this file is not read. Otherwise write one of: ` + list(known) + "."
	}
	if found, ok := nearest(name, known); ok {
		return fmt.Sprintf("Write runtime: %s. There are %s.", found, list(known))
	}
	return fmt.Sprintf("Write one of: %s. Other languages build from a Dockerfile, with the tag slipway:build=dockerfile.", list(known))
}

func list(known []runtimes.Runtime) string {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = k.Name
	}
	return strings.Join(names, ", ")
}

// nearest finds the runtime of the same language with the nearest version, the newest without one.
func nearest(name string, known []runtimes.Runtime) (string, bool) {
	plain := wordless.ReplaceAllString(strings.ToLower(name), "")
	language := languages[strings.TrimRight(plain, "0123456789")]
	version, _ := strconv.Atoi(digits.FindString(plain))
	best, distance := "", 1<<30
	for _, k := range known {
		d := levenshtein.Distance(k.Name, plain, nil)
		if k.Name == plain || strings.EqualFold(k.API, name) {
			return k.Name, true
		}
		if language != "" {
			d = 1 << 29
			if k.Language == language {
				own, _ := strconv.Atoi(digits.FindString(k.Name))
				d = away(own, version)
			}
		} else if d > 2 {
			continue
		}
		if d <= distance {
			best, distance = k.Name, d
		}
	}
	return best, best != "" && distance < 1<<29
}

// away is how far a runtime is from the one that was wanted. Older ones are further than newer ones,
// because what was written for a version mostly runs on the next.
func away(own, wanted int) int {
	switch {
	case wanted == 0:
		return 1000 - own
	case own < wanted:
		return 2 * (wanted - own)
	default:
		return own - wanted
	}
}
