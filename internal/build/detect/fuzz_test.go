package detect

import (
	"testing"

	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// Whatever the files hold: no panic, a runtime that there is, a command that can be started, a port.
func FuzzDetect(f *testing.F) {
	names := []string{"package.json", "requirements.txt", "pyproject.toml", "go.mod", "pom.xml", "build.gradle", "Gemfile", "composer.json", "Shop.csproj", "Procfile", "app.py", "main.go", ".nvmrc", "config.ru", "index.php"}
	for i := range names {
		f.Add(i, `{"scripts":{"start":"node x -p 99999"},"engines":{"node":">=1"}}`, "web: x :70000")
	}
	f.Add(4, "<project><artifactId>a</artifactId><version>1</version></project>", "web: x")
	f.Add(2, "[project]\nrequires-python = \">=3\"", "app = Flask(__name__)")
	f.Fuzz(func(t *testing.T, i int, text, other string) {
		if i < 0 {
			return
		}
		g, err := Detect(tree(names[i%len(names)], text, "Procfile", other, "app.py", other, ".python-version", text), "", nil)
		if err != nil {
			return
		}
		if _, ok := runtimes.Find(g.Runtime); !ok || g.Start == "" || g.Port < 1 || g.Port > 65535 {
			t.Errorf("%+v", g)
		}
		_, _ = plan.Argv(g.Start) // an open quote of a Procfile is told of later
	})
}
