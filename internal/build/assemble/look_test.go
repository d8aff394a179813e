package assemble

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// shelf has one commit with some files.
type shelf struct {
	files map[string]string
	err   error
}

func (s shelf) Commit(context.Context, apprunner.Service, string) (apprunner.Commit, error) {
	return apprunner.Commit{ID: "c0ffee"}, s.err
}

func (s shelf) Checkout(_ context.Context, _ apprunner.Service, id, dir string) (apprunner.Commit, error) {
	for name, text := range s.files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return apprunner.Commit{}, err
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return apprunner.Commit{}, err
		}
	}
	return apprunner.Commit{ID: id}, nil
}

func TestLook(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, directory string
		files             map[string]string
		file, dockerfile  bool
		runtime, start    string
		unknown           string
	}{
		{"Node.js", "/", map[string]string{"package.json": `{"scripts": {"start": "node server.js"}}`, "server.js": ""}, false, false, "nodejs", "npm start", ""},
		{"in its directory", "/web", map[string]string{"web/requirements.txt": "flask", "web/app.py": "app = 1", "go.mod": "module x"}, false, false, "python", "", ""},
		{"a configuration file", "/", map[string]string{"apprunner.yaml": "version: 1.0"}, true, false, "", "", "Slipway cannot tell"},
		{"a Dockerfile", "/a", map[string]string{"a/Dockerfile": "FROM scratch"}, false, true, "", "", "Slipway cannot tell"},
		{"nothing", "/", map[string]string{"README": ""}, false, false, "", "", "Slipway cannot tell"},
		{"a directory that is not there", "/none", map[string]string{"go.mod": "module x"}, false, false, "", "", "Slipway cannot tell"},
		{"one that leads out stays in", "/../..", map[string]string{"Dockerfile": "FROM scratch"}, false, true, "", "", "Slipway cannot tell"},
	} {
		a := &Assembler{Sources: shelf{files: c.files}, Dir: t.TempDir()}
		s := apprunner.Service{Spec: apprunner.Spec{Code: &apprunner.CodeRepository{Directory: c.directory}}}
		got, err := a.Look(t.Context(), s)
		if err != nil || got.Commit.ID != "c0ffee" {
			t.Errorf("%s: %v, %+v", c.reason, err, got)
		}
		if got.File != c.file || got.Dockerfile != c.dockerfile || !strings.HasPrefix(got.Guess.Runtime, c.runtime) || !strings.HasPrefix(got.Unknown, c.unknown) {
			t.Errorf("%s: %+v", c.reason, got)
		}
		if c.start != "" && got.Guess.Start != c.start {
			t.Errorf("%s: starts with %q", c.reason, got.Guess.Start)
		}
		if left, _ := os.ReadDir(a.Dir); len(left) > 0 {
			t.Errorf("%s: a look leaves %v", c.reason, left)
		}
	}
	broken := &Assembler{Sources: shelf{err: errors.New("no such branch")}, Dir: t.TempDir()}
	if _, err := broken.Look(t.Context(), apprunner.Service{}); err == nil || err.Error() != "no such branch" {
		t.Errorf("a branch that is not there: %v", err)
	}
}
