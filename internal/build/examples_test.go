package build

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/plan"
)

var update = flag.Bool("update", false, "write the expected plans anew")

const examples = "../../examples"

// services are the examples, and the source directories of those that have more than one.
var services = map[string][]string{
	"python311": {"/"}, "nodejs22": {"/"}, "go1": {"/"}, "corretto17": {"/"}, "ruby31": {"/"}, "php81": {"/"}, "dotnet6": {"/"},
	"dockerfile": {"/"}, "monorepo": {"/services/web", "/services/api"}, "static": {"/"}, "procfile": {"/"}, "python": {"/"},
}

// Every example is planned as its files beside this test say: the decision, and the plan for people and
// as a Dockerfile.
func TestExamples(t *testing.T) {
	t.Parallel()
	folders, err := os.ReadDir(examples)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if f.Name() == "hello" { // an image is made of it, for "make demo"
			continue
		}
		if services[f.Name()] == nil {
			t.Errorf("examples/%s has no row here", f.Name())
		}
		for _, directory := range services[f.Name()] {
			name := strings.Trim(f.Name()+strings.ReplaceAll(directory, "/", "-"), "-")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				planned(t, f.Name(), directory, filepath.Join("testdata", "examples", name))
			})
		}
	}
}

func planned(t *testing.T, folder, directory, file string) {
	t.Helper()
	request := Request{Code: apprunner.CodeRepository{Source: apprunner.FromRepository, Directory: directory}, Now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	d, err := Decide(os.DirFS(filepath.Join(examples, folder)), request, catalogue)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, file+".json", string(text)+"\n")
	for _, warning := range d.Warnings {
		if !strings.Contains(warning, "end of support") {
			t.Errorf("an example is no model: %s", warning)
		}
	}
	if d.Plan == nil {
		return
	}
	golden(t, file+".txt", d.Plan.String())
	dockerfile := plan.Dockerfile(*d.Plan)
	golden(t, file+".Dockerfile", dockerfile)
	parsed(t, dockerfile)
}

// parsed reads a Dockerfile as BuildKit does.
func parsed(t *testing.T, text string) {
	t.Helper()
	result, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if _, _, err := instructions.Parse(result.AST, nil); err != nil || len(result.Warnings) > 0 {
		t.Errorf("%v, %v in\n%s", err, result.Warnings, text)
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); -update writes it anew:\n%s", file, diff)
	}
}
