package detect

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/slipway-run/slipway/internal/build/runtimes"
)

var digits = regexp.MustCompile(`\d+$`)

// promised is the version that the name of a runtime promises, such as 3.11 of python311.
func promised(r runtimes.Runtime) string {
	number := digits.FindString(r.Name)
	switch r.Language {
	case "python", "php", "ruby":
		if len(number) > 1 {
			return number[:1] + "." + number[1:]
		}
	}
	return number
}

// choose picks the runtime of a language: the usual one if it is allowed by what the project wants, else
// the newest that is. The wish is a constraint as package managers write it, "" for none.
func (f folder) choose(g *Guess, language, wish, file string) {
	usual := runtimes.Nearest(language)
	best := ""
	for _, r := range runtimes.All() {
		if r.Language != language || f.available != nil && !f.available(r.Name) || !allows(wish, promised(r)) {
			continue
		}
		if best != usual {
			best = r.Name
		}
	}
	switch {
	case best == "" && wish != "":
		g.Runtime = usual
		g.say("%s wants %s, and no runtime is known to be that; %s is the usual one.", file, wish, usual)
	case best == "":
		g.Runtime = usual
	case wish != "":
		g.Runtime = best
		g.say("%s wants %s, which %s is.", file, wish, best)
	default:
		g.Runtime = best
	}
}

// allows reports whether a constraint lets a version of which only the first numbers are known pass.
func allows(wish, version string) bool {
	if wish == "" {
		return true
	}
	constraint, err := semver.NewConstraint(wish)
	if err != nil {
		return false
	}
	v := version + strings.Repeat(".999", 2-strings.Count(version, "."))
	newest, err := semver.NewVersion(v)
	if err != nil {
		return false
	}
	if constraint.Check(newest) {
		return true
	}
	oldest, err := semver.NewVersion(version)
	return err == nil && constraint.Check(oldest)
}

// Engine is the constraint on Node.js in package.json, "" for none.
func Engine(packageJSON []byte) string {
	p, _ := parsePackage(string(packageJSON))
	return strings.TrimSpace(p.Engines.Node)
}

// Allows reports whether a version of Node.js is what a constraint asks for. The error is that of a
// constraint that cannot be read.
func Allows(constraint, version string) (bool, error) {
	c, err := semver.NewConstraint(constraint)
	if err != nil {
		return false, fmt.Errorf("read the constraint %q: %w", constraint, err)
	}
	v, err := semver.NewVersion(version)
	if err != nil {
		return false, fmt.Errorf("read the version %q: %w", version, err)
	}
	return c.Check(v), nil
}
