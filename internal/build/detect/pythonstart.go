package detect

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

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
