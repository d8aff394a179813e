package detect

import (
	"encoding/json"
	"regexp"
	"strings"
)

// packageJSON is what a guess needs of package.json.
type packageJSON struct {
	Main            string            `json:"main"`
	Scripts         map[string]string `json:"scripts"`
	Dependencies    map[string]string `json:"dependencies"`
	DevDependencies map[string]string `json:"devDependencies"`
	PackageManager  string            `json:"packageManager"`
	Engines         struct {
		Node string `json:"node"`
	} `json:"engines"`
}

func parsePackage(text string) (packageJSON, bool) {
	var p packageJSON
	return p, json.Unmarshal([]byte(text), &p) == nil
}

func (p packageJSON) uses(name string) bool {
	return p.Dependencies[name] != "" || p.DevDependencies[name] != ""
}

func nodejs(f folder) (Guess, bool) {
	if !f.has("package.json") {
		return Guess{}, false
	}
	p, ok := parsePackage(f.read("package.json"))
	g := Guess{Why: []string{"package.json makes it a project of Node.js."}}
	if !ok {
		g.say("package.json is not valid JSON, so nothing could be read from it.")
	}
	wish, file := strings.TrimSpace(p.Engines.Node), "engines.node of package.json"
	if version := strings.TrimPrefix(f.word(".nvmrc"), "v"); wish == "" && version != "" && version[0] >= '0' && version[0] <= '9' {
		wish, file = strings.SplitN(version, ".", 2)[0], ".nvmrc"
	}
	f.choose(&g, "nodejs", wish, file)
	run := f.install(&g, p)
	if p.Scripts["build"] != "" {
		g.Build = append(g.Build, run+" build")
		g.say("package.json has a build script: %s build", run)
	}
	return g, f.nodeStart(&g, p)
}

// install adds the command of the package manager, and returns how that runs scripts.
func (f folder) install(g *Guess, p packageJSON) (run string) {
	switch {
	case f.has("pnpm-lock.yaml"):
		pnpm := "npx --yes " + p.manager("pnpm")
		g.Build = append(g.Build, pnpm+" install --frozen-lockfile")
		g.say("pnpm-lock.yaml is there, so pnpm installs the packages.")
		return pnpm + " run"
	case f.has("yarn.lock") && f.has(".yarnrc.yml"):
		g.Build = append(g.Build, "corepack enable && yarn install --immutable")
		g.say("yarn.lock and .yarnrc.yml are there, so a current yarn installs the packages.")
		return "corepack enable && yarn run"
	case f.has("yarn.lock"):
		g.Build = append(g.Build, "yarn install --frozen-lockfile")
		g.say("yarn.lock is there, so yarn installs the packages.")
		return "yarn run"
	case f.first("package-lock.json", "npm-shrinkwrap.json") != "":
		g.Build = append(g.Build, "npm ci")
		g.say("%s is there, so npm ci installs exactly its packages.", f.first("package-lock.json", "npm-shrinkwrap.json"))
	default:
		g.Build = append(g.Build, "npm install")
		g.say("There is no lock file, so npm install takes the newest packages that package.json allows.")
	}
	return "npm run"
}

// manager is the package manager with its version, if the project names it.
func (p packageJSON) manager(name string) string {
	if strings.HasPrefix(p.PackageManager, name+"@") {
		version, _, _ := strings.Cut(p.PackageManager, "+")
		return version
	}
	return name
}

var runsFile = regexp.MustCompile(`\bnode (?:--\S+ )*([\w./-]+\.[cm]?js)\b`)

// nodeStart finds how the project starts.
func (f folder) nodeStart(g *Guess, p packageJSON) bool {
	entry := f.first(strings.TrimPrefix(p.Main, "./"), "server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs", "src/index.js", "src/server.js")
	switch script := p.Scripts["start"]; {
	case script != "":
		g.Start = "npm start"
		g.say("package.json has a start script: npm start")
		g.Port = portIn(script)
		if m := runsFile.FindStringSubmatch(script); m != nil {
			entry = m[1]
		}
	case entry != "":
		g.Start = "node " + entry
		g.say("There is no start script, and %s is there: %s", entry, g.Start)
	case p.Scripts["build"] != "" && (p.uses("vite") || p.uses("react-scripts")):
		f.pages(g, p)
		return true
	case f.procfile() == "":
		return false
	}
	if g.Port == 0 {
		g.Port = listens(f.read(entry))
	}
	return true
}

// pages serves what a bundler writes.
func (f folder) pages(g *Guess, p packageJSON) {
	dir := "dist"
	if p.uses("react-scripts") {
		dir = "build"
	}
	g.Build = append(g.Build, "npm install --no-save serve")
	g.Start = "node_modules/.bin/serve --single " + dir + " --listen 8080"
	g.say("There is no start script, and the build writes pages to %s, which serve serves.", dir)
}

var listening = regexp.MustCompile(`\.listen\(\s*(\d{2,5})\b`)

// listens returns the port that a program listens on whatever PORT says, 0 when it minds PORT.
func listens(source string) int {
	if strings.Contains(source, "env.PORT") {
		return 0
	}
	return number(listening, source)
}
