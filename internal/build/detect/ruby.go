package detect

import (
	"regexp"
	"strings"
)

var rubyVersion = regexp.MustCompile(`(?m)^\s*ruby\s+["']([^"']+)["']`)

func ruby(f folder) (Guess, bool) {
	file := f.first("Gemfile", "config.ru")
	if file == "" {
		return Guess{}, false
	}
	g := Guess{Why: []string{file + " makes it a project of Ruby."}}
	wish, from := "", "Gemfile"
	if m := rubyVersion.FindStringSubmatch(f.read("Gemfile")); m != nil {
		wish = m[1]
	} else if version := strings.TrimPrefix(f.word(".ruby-version"), "ruby-"); version != "" {
		wish, from = version, ".ruby-version"
	}
	if wish != "" && wish[0] >= '0' && wish[0] <= '9' {
		wish = minor(wish)
	}
	f.choose(&g, "ruby", wish, from)
	run := ""
	if f.has("Gemfile") {
		g.Build, run = []string{"bundle install"}, "bundle exec "
	}
	gems := f.read("Gemfile") + f.read("Gemfile.lock")
	switch script := f.first("app.rb", "server.rb", "main.rb"); {
	case f.has("config/application.rb") && strings.Contains(gems, "rails"):
		g.Build = append(g.Build, "SECRET_KEY_BASE_DUMMY=1 bundle exec rails assets:precompile")
		g.Start = run + "rails server --binding 0.0.0.0 --port 8080"
	case f.has("config.ru") && strings.Contains(gems, "puma"):
		g.Start = run + "puma --bind tcp://0.0.0.0:8080"
	case f.has("config.ru"):
		g.Start = run + "rackup --host 0.0.0.0 --port 8080"
	case script != "" && strings.Contains(gems, "sinatra"):
		g.Start = run + "ruby " + script + " -o 0.0.0.0 -p 8080"
	case script != "":
		g.Start = run + "ruby " + script
	default:
		return g, f.procfile() != ""
	}
	g.say("It starts with: %s", g.Start)
	return g, true
}
