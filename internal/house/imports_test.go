package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/slipway-run/slipway"

// pkg is what "go list" knows of a package. Imports are those of the package without its tests.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Standard     bool
}

// name is how rules speak of a package: its path in the module.
func (p pkg) name() string { return local(p.ImportPath) }

func local(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

func ours(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// list asks go for the packages of the module and all they need.
func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports,Standard"}, args...)...)
	cmd.Dir, cmd.Stderr = "../..", &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var all []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("read what go list says: %v", err)
		}
		all = append(all, p)
	}
}

// under reports whether a package is one of the trees, or in one.
func under(name string, trees ...string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool { return name == tree || strings.HasPrefix(name, tree+"/") })
}

// tree returns the member of trees that a package is in, "" for none.
func tree(name string, trees []string) string {
	for _, t := range trees {
		if under(name, t) {
			return t
		}
	}
	return ""
}

// adapters are the packages that know one technology each. They never import each other.
var adapters = []string{
	"internal/sqlite", "internal/engine/containerd", "internal/registry", "internal/router", "internal/source",
	"internal/telemetry", "internal/vault", "internal/iam", "internal/awsapi", "internal/admin", "internal/console",
	"internal/notify", "internal/otlp", "internal/ship", "internal/audit", "internal/certificate", "internal/resolver", "internal/build/bake", "internal/build/buildkit",
}

// documented are the imports of adapters beyond the rule, and why.
var documented = map[[2]string]string{
	{"internal/admin", "internal/awsapi/sigv4"}:      "the admin API is signed like the others",
	{"internal/source/aws", "internal/awsapi/sigv4"}: "AWS is asked with signed requests",
}

// composers are the packages that put others together.
var composers = []string{"internal/daemon", "internal/cli", "cmd", "test", "bench"}

// wanted are packages that are not adapters and still know one, and why.
var wanted = map[[2]string]string{
	{"internal/operation", "internal/source"}: "an operation speaks of images by reference",
}

// pure are the packages that decide how source code is built. They run nothing and reach nothing: a
// plan is made of what they are given.
var pure = []string{"internal/build/config", "internal/build/detect", "internal/build/plan", "internal/build/runtimes"}

// impure are the imports that would let them.
var impure = []string{"os", "os/exec", "net", "net/http", "syscall", "golang.org/x/sys/unix", "unsafe"}

// decides reports whether a package is one of those, or internal/build itself.
func decides(name string) bool { return name == "internal/build" || slices.Contains(pure, name) }

func TestRulesOfTheHouse(t *testing.T) {
	t.Parallel()
	packages := list(t, "./...")
	if len(packages) < 20 {
		t.Fatalf("go list found %d packages only", len(packages))
	}
	standard := map[string]bool{}
	for _, p := range list(t, "std") {
		standard[p.ImportPath] = true
	}
	for _, p := range packages {
		for _, path := range p.Imports {
			for _, broken := range judge(p.name(), path, standard) {
				t.Errorf("%s imports %s: %s", p.name(), local(path), broken)
			}
		}
	}
}

// judge returns the rules that an import breaks.
func judge(importer, path string, standard map[string]bool) (broken []string) {
	imported := local(path)
	say := func(rule string) { broken = append(broken, rule) }
	if importer == "internal/apprunner" && !standard[path] {
		say("the domain imports the standard library alone")
	}
	if path == "database/sql" && importer != "internal/sqlite" {
		say("internal/sqlite is the only place with SQL")
	}
	if decides(importer) && slices.Contains(impure, path) {
		say("what decides about builds runs nothing and reaches nothing")
	}
	if !ours(path) {
		return broken
	}
	if decides(importer) && imported != "internal/apprunner" && !slices.Contains(pure, imported) {
		say("what decides about builds knows the domain alone")
	}
	if slices.Contains([]string{"internal/autoscale", "internal/trial", "internal/engine", "internal/handover", "internal/metrics/formula"}, importer) {
		say("decisions, contracts and tools import nothing of ours")
	}
	if under(imported, "test", "bench", "examples", "internal/house") && !under(importer, "test", "bench") {
		say("tests, measurements and examples are imported by nobody")
	}
	if under(imported, "internal/engine/enginetest") {
		say("the suite of engines is for tests")
	}
	if under(imported, "internal/certificate/acmetest") && !under(importer, "test", "bench") {
		say("the ACME server is for tests")
	}
	if under(imported, "internal/daemon", "internal/cli") && !under(importer, composers...) {
		say("nobody imports those who put the parts together")
	}
	to := tree(imported, adapters)
	if to == "" || under(importer, composers...) || importer == "cmd/slipway-log" {
		return broken
	}
	switch from := tree(importer, adapters); {
	case from == to:
	case documented[[2]string{importer, imported}] != "", wanted[[2]string{importer, imported}] != "":
	case from != "":
		say("adapters never import each other")
	default:
		say("only internal/daemon and internal/cli know adapters")
	}
	return broken
}

// The rules find what they are there to find.
func TestJudge(t *testing.T) {
	t.Parallel()
	standard := map[string]bool{"fmt": true, "database/sql": true}
	for _, c := range []struct {
		importer, imported string
		broken             int
	}{
		{"internal/apprunner", "fmt", 0},
		{"internal/apprunner", "gopkg.in/yaml.v3", 1},
		{"internal/apprunner", module + "/internal/engine", 1},
		{"internal/sqlite", "database/sql", 0},
		{"internal/control", "database/sql", 1},
		{"internal/sqlite", module + "/internal/apprunner", 0},
		{"internal/sqlite", module + "/internal/vault", 1},
		{"internal/source", module + "/internal/engine", 0},
		{"internal/source", module + "/internal/engine/containerd/images", 1},
		{"internal/source/remote", module + "/internal/apprunner", 0},
		{"internal/source/remote", module + "/internal/iam", 1},
		{"internal/source/folder", module + "/internal/registry", 1},
		{"internal/operation", module + "/internal/source/remote", 1},
		{"internal/cli", module + "/internal/source/folder", 0},
		{"internal/engine/containerd", module + "/internal/engine/containerd/network", 0},
		{"internal/awsapi/handlers", module + "/internal/control", 0},
		{"internal/admin", module + "/internal/awsapi/sigv4", 0},
		{"internal/admin", module + "/internal/awsapi", 1},
		{"internal/console", module + "/internal/awsapi/sigv4", 1},
		{"internal/control", module + "/internal/sqlite", 1},
		{"internal/handover", module + "/internal/apprunner", 1},
		{"internal/fleet", module + "/internal/router", 1},
		{"internal/operation", module + "/internal/source", 0},
		{"internal/daemon", module + "/internal/sqlite", 0},
		{"internal/fleet", module + "/internal/daemon", 1},
		{"internal/daemon", module + "/test/kit", 1},
		{"internal/trial", module + "/internal/fleet", 1},
		{"internal/autoscale", module + "/internal/apprunner", 1},
		{"internal/daemon", module + "/internal/certificate", 0},
		{"internal/certificate", module + "/internal/certificate/acmetest", 1},
		{"internal/domain", module + "/internal/resolver", 1},
		{"internal/admin", module + "/internal/metrics", 0},
		{"internal/metrics", module + "/internal/router", 1},
		{"internal/metrics/formula", module + "/internal/metrics", 1},
		{"internal/cli", module + "/internal/build/bake", 0},
		{"internal/build/runtimes", module + "/internal/build/bake", 2},
		{"internal/build", module + "/internal/build/plan", 0},
		{"internal/build", module + "/internal/build/buildkit", 2},
		{"internal/build/plan", "os/exec", 1},
		{"internal/build/detect", module + "/internal/build", 1},
		{"internal/build/config", "go.yaml.in/yaml/v4", 0},
		{"internal/secret", module + "/internal/apprunner", 0},
		{"internal/secret", module + "/internal/source/aws", 1},
		{"internal/sqlite", module + "/internal/secret", 0},
		{"test", module + "/test/kit", 0},
	} {
		if broken := judge(c.importer, c.imported, standard); len(broken) != c.broken {
			t.Errorf("%s imports %s: broken rules %q, want %d", c.importer, c.imported, broken, c.broken)
		}
	}
}

// The writer of logs runs once for each instance, so it links next to nothing.
func TestLogWriterIsSmall(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "-deps", "./cmd/slipway-log") {
		switch {
		case p.Standard, p.name() == "cmd/slipway-log", p.name() == "internal/engine/containerd/logfile":
		case strings.HasPrefix(p.ImportPath, "golang.org/x/sys/"):
		default:
			t.Errorf("cmd/slipway-log links %s: it may link the standard library, golang.org/x/sys and internal/engine/containerd/logfile", p.ImportPath)
		}
	}
}

// What stands in for runc becomes runc at once: it links the standard library alone.
func TestStandInForRuncIsSmall(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "-deps", "./cmd/slipway-runc") {
		if !p.Standard && p.name() != "cmd/slipway-runc" {
			t.Errorf("cmd/slipway-runc links %s: it may link the standard library alone", p.ImportPath)
		}
	}
}

// Tests of a package stay as far from other adapters as the package, but for the store and the vault,
// which tests use as they are. testify is nowhere.
func TestTestsUseTheStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			for _, banned := range []string{"github.com/stretchr/testify", "gotest.tools", "github.com/onsi", "github.com/golang/mock", "go.uber.org/mock"} {
				if strings.HasPrefix(path, banned) {
					t.Errorf("tests of %s import %s: use the standard library and go-cmp", p.name(), path)
				}
			}
		}
	}
}
