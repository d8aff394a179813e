package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

func golang(f folder) (Guess, bool) {
	if !f.has("go.mod") {
		return Guess{}, false
	}
	g := Guess{Why: []string{"go.mod makes it a project of Go."}}
	f.choose(&g, "go", "", "")
	dir := f.mainPackage()
	if dir == "" {
		return g, false
	}
	g.Build, g.Start = []string{"go build -o bin/server " + dir}, "./bin/server"
	g.say("The package %s is a program: %s", dir, g.Build[0])
	return g, true
}

var (
	mainClause = regexp.MustCompile(`(?m)^package main\b`)
	modulePath = regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)`)
)

// mainPackage finds the program: in the root, else the one under cmd, else the one that is called like
// a server or like the module.
func (f folder) mainPackage() string {
	if f.isMain(".") {
		return "."
	}
	programs := slices.DeleteFunc(f.folders("cmd"), func(dir string) bool { return !f.isMain(dir) })
	module := ""
	if m := modulePath.FindStringSubmatch(f.read("go.mod")); m != nil {
		module = path.Base(m[1])
	}
	for _, name := range []string{"server", "web", "api", "app", module} {
		if slices.Contains(programs, "cmd/"+name) {
			return "./cmd/" + name
		}
	}
	if len(programs) > 0 {
		return "./" + programs[0]
	}
	return ""
}

func (f folder) isMain(dir string) bool {
	return slices.ContainsFunc(f.files(path.Join(dir, "*.go")), func(name string) bool {
		return !strings.HasSuffix(name, "_test.go") && mainClause.MatchString(f.read(name))
	})
}
