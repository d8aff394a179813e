package detect

import (
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
	if version := f.word(".python-version"); wish == "" && version != "" {
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
