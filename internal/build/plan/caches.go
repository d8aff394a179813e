package plan

import (
	"regexp"
	"slices"
	"strings"
)

// cache is where a package manager keeps what it loaded, and the variable that makes it so where it
// may be elsewhere. Nothing an application runs from may be among them: what is in a cache is not in
// the image.
type cache struct {
	name, target, variable string
	tool                   *regexp.Regexp // how commands call the package manager
}

// caches are those of each language, for root.
var caches = map[string][]cache{
	"python": {
		{"pip", "/root/.cache/pip", "PIP_CACHE_DIR", regexp.MustCompile(`\bpip`)},
		{"uv", "/root/.cache/uv", "UV_CACHE_DIR", regexp.MustCompile(`\buvx?\s`)},
		{"poetry", "/root/.cache/pypoetry/cache", "", regexp.MustCompile(`\bpoetry\b`)}, // its environments are beside it
	},
	"nodejs": {
		{"npm", "/root/.npm", "", regexp.MustCompile(`\bnp[mx]\b`)},
		{"yarn", "/usr/local/share/.cache/yarn", "", regexp.MustCompile(`\byarn\b`)}, // of version 1; later ones run from theirs
		{"pnpm", "/root/.local/share/pnpm/store", "", regexp.MustCompile(`\bpnpm\b`)},
	},
	"java": {
		{"maven", "/root/.m2/repository", "", regexp.MustCompile(`\bmvnw?\b`)},
		{"maven-wrapper", "/root/.m2/wrapper", "", regexp.MustCompile(`\bmvnw\b`)},
		{"gradle", "/root/.gradle/caches", "", regexp.MustCompile(`\bgradlew?\b`)},
		{"gradle-wrapper", "/root/.gradle/wrapper", "", regexp.MustCompile(`\bgradlew\b`)},
	},
	"go": {
		{"go-build", "/root/.cache/go-build", "GOCACHE", regexp.MustCompile(`\bgo\s`)},
		{"go-modules", "/root/go/pkg/mod", "GOMODCACHE", regexp.MustCompile(`\bgo\s`)},
	},
	"dotnet": {{"nuget", "/root/.nuget/packages", "NUGET_PACKAGES", regexp.MustCompile(`\bdotnet\b`)}},
	"php":    {{"composer", "/root/.cache/composer", "COMPOSER_CACHE_DIR", regexp.MustCompile(`\bcomposer\b`)}},
	"ruby":   {{"bundler", "/root/.bundle/cache", "BUNDLE_USER_CACHE", regexp.MustCompile(`\bbundler?\b`)}},
}

// cachesOf returns the caches for a script: of the package managers that it calls. A script that calls
// none may call another script, and gets all.
func cachesOf(language, script string) []cache {
	called := slices.DeleteFunc(slices.Clone(caches[language]), func(c cache) bool { return !c.tool.MatchString(script) })
	if len(called) == 0 {
		return caches[language]
	}
	return called
}

var buildTool = regexp.MustCompile(`\b(mvnw?|gradlew?|go run|dotnet (run|watch))\b`)

// needsCaches reports whether an application is started by its build tool, which then looks for what
// it loaded during the build: that has to be in the image.
func needsCaches(start []string) bool { return buildTool.MatchString(strings.Join(start, " ")) }
