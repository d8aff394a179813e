package plan

import (
	"regexp"
	"strings"
)

// cache is where a package manager keeps what it loaded, and the variable that makes it so where it
// may be elsewhere. Nothing an application runs from may be among them: what is in a cache is not in
// the image.
type cache struct{ name, target, variable string }

// caches are those of each language, for root.
var caches = map[string][]cache{
	"python": {
		{"pip", "/root/.cache/pip", "PIP_CACHE_DIR"},
		{"uv", "/root/.cache/uv", "UV_CACHE_DIR"},
		{"poetry", "/root/.cache/pypoetry/cache", ""}, // its environments are beside it
	},
	"nodejs": {
		{"npm", "/root/.npm", ""},
		{"yarn", "/usr/local/share/.cache/yarn", ""}, // of version 1; later ones run from theirs
		{"pnpm", "/root/.local/share/pnpm/store", ""},
	},
	"java": {
		{"maven", "/root/.m2/repository", ""},
		{"maven-wrapper", "/root/.m2/wrapper", ""},
		{"gradle", "/root/.gradle/caches", ""},
		{"gradle-wrapper", "/root/.gradle/wrapper", ""},
	},
	"go": {
		{"go-build", "/root/.cache/go-build", "GOCACHE"},
		{"go-modules", "/root/go/pkg/mod", "GOMODCACHE"},
	},
	"dotnet": {{"nuget", "/root/.nuget/packages", "NUGET_PACKAGES"}},
	"php":    {{"composer", "/root/.cache/composer", "COMPOSER_CACHE_DIR"}},
	"ruby":   {{"bundler", "/root/.bundle/cache", "BUNDLE_USER_CACHE"}},
}

var buildTool = regexp.MustCompile(`\b(mvnw?|gradlew?|go run|dotnet (run|watch))\b`)

// needsCaches reports whether an application is started by its build tool, which then looks for what
// it loaded during the build: that has to be in the image.
func needsCaches(start []string) bool { return buildTool.MatchString(strings.Join(start, " ")) }
