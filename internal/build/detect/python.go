package detect

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/slipway-run/slipway/internal/build/runtimes"
)

func python(f folder) (Guess, bool) {
	file := f.first("requirements.txt", "pyproject.toml", "Pipfile", "manage.py", "setup.py")
	if file == "" {
		if file = f.first("app.py", "main.py"); file == "" {
			return Guess{}, false
		}
	}
	g := Guess{Why: []string{file + " makes it a project of Python."}}
	project := f.pyproject()
	wish, from := project.Project.RequiresPython, "requires-python of pyproject.toml"
	if version := strings.TrimSpace(f.read(".python-version")); wish == "" && version != "" {
		wish, from = minor(version), ".python-version"
	}
	f.choose(&g, "python", wish, from)
	commands := f.packages(&g, project)
	if r, _ := runtimes.Find(g.Runtime); r.Pipeline == runtimes.Revised {
		g.PreRun = commands // /app alone is carried over, and packages are elsewhere
	} else {
		g.Build = commands
	}
	needs := strings.ToLower(f.read("requirements.txt") + f.read("pyproject.toml") + f.read("Pipfile"))
	return g, f.pythonStart(&g, needs) || f.procfile() != ""
}

// minor keeps the first two numbers of a version.
func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(len(parts), 2)], ".")
}

// pyproject is what a guess needs of pyproject.toml.
type pyproject struct {
	Project struct {
		Name           string `toml:"name"`
		RequiresPython string `toml:"requires-python"`
	} `toml:"project"`
	Tool struct {
		Poetry map[string]any `toml:"poetry"`
	} `toml:"tool"`
}

func (f folder) pyproject() pyproject {
	var p pyproject
	_ = toml.Unmarshal([]byte(f.read("pyproject.toml")), &p) // what cannot be read, pip will tell of
	return p
}

// packages returns the commands that install what the project needs.
func (f folder) packages(g *Guess, p pyproject) []string {
	switch {
	case f.has("requirements.txt"):
		return []string{"pip3 install -r requirements.txt"}
	case f.has("uv.lock"):
		g.say("uv.lock is there, so uv installs the packages.")
		return []string{"pip3 install uv", "uv export --frozen --no-dev --no-emit-project -o /tmp/requirements.txt && pip3 install -r /tmp/requirements.txt"}
	case f.has("poetry.lock"), p.Tool.Poetry != nil:
		g.say("The project is one of poetry, so poetry installs the packages.")
		return []string{"pip3 install poetry", "poetry config virtualenvs.create false && poetry install --only main --no-root"}
	case f.has("Pipfile"):
		return []string{"pip3 install pipenv", "pipenv install --system --deploy"}
	case f.first("pyproject.toml", "setup.py") != "":
		return []string{"pip3 install ."}
	default:
		return nil
	}
}

var (
	application = regexp.MustCompile(`(?m)^(\w+)(?:\s*:\s*\w+)?\s*=\s*(?:\w+\.)?(?:Flask|FastAPI|Starlette|Quart|Litestar)\(`)
	factory     = regexp.MustCompile(`(?m)^def (create_app|make_app)\(`)
)

// pythonStart finds the framework and the module of the application.
func (f folder) pythonStart(g *Guess, needs string) bool {
	const bind = " --bind 0.0.0.0:8080"
	gunicorn := strings.Contains(needs, "gunicorn")
	switch module, object := f.module(); {
	case f.has("manage.py"):
		return f.django(g, gunicorn)
	case strings.Contains(needs, "streamlit"):
		g.Start = "streamlit run " + f.first("app.py", "main.py", "streamlit_app.py") + " --server.address 0.0.0.0 --server.port 8080"
		g.say("The project needs streamlit: %s", g.Start)
	case module == "":
		return f.script(g)
	case regexp.MustCompile(`fastapi|starlette|uvicorn|litestar`).MatchString(needs):
		g.Start = "uvicorn " + module + ":" + object + " --host 0.0.0.0 --port 8080"
		g.say("%s has an ASGI application: %s", module, g.Start)
	case gunicorn:
		g.Start = "gunicorn " + module + ":" + object + bind
		g.say("%s has an application, and the project needs gunicorn: %s", module, g.Start)
	default:
		g.Start = "flask --app " + module + " run --host 0.0.0.0 --port 8080"
		g.say("%s has a Flask application: %s. For more than a trial, add gunicorn.", module, g.Start)
	}
	return true
}

// module finds the file with the application, and its name in there.
func (f folder) module() (module, object string) {
	for _, name := range []string{"wsgi.py", "asgi.py", "app.py", "main.py", "application.py", "server.py", "api.py", "app/main.py", "app/__init__.py", "src/main.py", "src/app.py"} {
		source := f.read(name)
		module = strings.TrimSuffix(strings.ReplaceAll(strings.TrimSuffix(name, ".py"), "/", "."), ".__init__")
		if m := application.FindStringSubmatch(source); m != nil {
			return module, m[1]
		}
		if m := factory.FindStringSubmatch(source); m != nil {
			return module, m[1] + "()"
		}
	}
	return "", ""
}

func (f folder) django(g *Guess, gunicorn bool) bool {
	for _, dir := range f.folders(".") {
		if gunicorn && f.has(path.Join(dir, "wsgi.py")) {
			g.Start = fmt.Sprintf("gunicorn %s.wsgi --bind 0.0.0.0:8080", path.Base(dir))
			g.say("manage.py and %s/wsgi.py make it Django, and the project needs gunicorn: %s", dir, g.Start)
			return true
		}
	}
	g.Start = "python3 manage.py runserver 0.0.0.0:8080"
	g.say("manage.py makes it Django: %s. For more than a trial, add gunicorn.", g.Start)
	return true
}

// script starts a file that has one of the usual names.
func (f folder) script(g *Guess) bool {
	name := f.first("main.py", "app.py", "server.py", "run.py", "__main__.py", "src/main.py")
	if name == "" {
		return false
	}
	g.Start = "python3 " + name
	g.say("%s has a usual name: %s", name, g.Start)
	return true
}

// static serves pages as they are.
func static(f folder) (Guess, bool) {
	for _, dir := range []string{".", "public", "dist", "build", "site", "_site", "www"} {
		if !f.has(path.Join(dir, "index.html")) {
			continue
		}
		g := Guess{Start: "python3 -m http.server 8080 --bind 0.0.0.0 --directory " + dir, Port: 8080}
		g.say("%s makes it a static site, which Python's web server serves.", path.Join(dir, "index.html"))
		f.choose(&g, "python", "", "")
		return g, true
	}
	return Guess{}, false
}
