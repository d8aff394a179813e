package bake

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-run/slipway/internal/build/runtimes"
	recipes "github.com/slipway-run/slipway/runtimes"
)

func open(t *testing.T) *Book {
	t.Helper()
	book, err := Open(recipes.Recipes, recipes.Yum)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// Every runtime has a recipe, or the reason why not; who stands in for another version says so.
func TestRecipes(t *testing.T) {
	t.Parallel()
	book := open(t)
	for _, r := range runtimes.All() {
		recipe, err := book.Find(r.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		if recipe.StandIn && !strings.Contains(recipe.Note, "in place of") {
			t.Errorf("%s stands in for another version, and its note is %q", r.Name, recipe.Note)
		}
	}
	for _, r := range book.Usual() {
		if r.StandIn || r.Unavailable != "" {
			t.Errorf("%s is made by --all", r.Name)
		}
	}
	if _, err := book.Find("python3.11"); err == nil || !strings.Contains(err.Error(), "Did you mean python311?") {
		t.Errorf("got %v", err)
	}
}

func TestBrokenRecipes(t *testing.T) {
	t.Parallel()
	const common = "base: [a]\ntools: [b]\nsuites: {bookworm: {}}\n"
	for _, c := range []struct{ recipe, want string }{
		{"runtime: rust\n", `recipe x.yaml: there is no runtime "rust"`},
		{"runtime: go1\nsuite: buster\nversion: v\n", `common.yaml has no suite "buster"`},
		{"runtime: go1\nsuite: bookworm\n", "version is missing"},
		{"runtime: go1\nsuite: bookworm\nversion: v\npackage: [a]\n", "field package not found"},
		{"runtime: go1\nsuite: bookworm\nversion: v\narchives: [{from: ftp, path: p}]\n", "only npm, go and maven"},
		{"runtime: go1\nsuite: bookworm\nversion: v\narchives: [{from: go, path: p, digest: md5-x}]\n", "is not sha256- or sha512-"},
	} {
		dir := fstest.MapFS{"common.yaml": {Data: []byte(common)}, "x.yaml": {Data: []byte(c.recipe)}}
		if _, err := Open(dir, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.recipe, err, c.want)
		}
	}
}

// Images share what they can, and only what is the same.
func TestDesign(t *testing.T) {
	t.Parallel()
	book := open(t)
	made := map[string]design{}
	for _, r := range book.Recipes {
		if r.Unavailable == "" {
			made[r.Name] = book.design(r)
		}
	}
	python, node, golang := made["python311"], made["nodejs22"], made["go1"]
	if python.build[0].key() != node.run[0].key() || python.build[0].key() != golang.build[0].key() {
		t.Error("images of one release of Debian have different lowest layers")
	}
	if python.build[1].key() != node.build[1].key() || python.build[1].key() != golang.run[1].key() {
		t.Error("images of one release of Debian have different compilers")
	}
	if node.build[len(node.build)-1].key() != node.run[len(node.run)-1].key() {
		t.Error("the image to run and the image to build have different files")
	}
	if len(python.run) != 2 || len(python.build) != 3 {
		t.Errorf("python311 has %d layers to run and %d to build", len(python.run), len(python.build))
	}
	keys := map[string]string{}
	for name, d := range made {
		if same := d.build[len(d.build)-1].key() == d.run[len(d.run)-1].key() && len(d.build) == len(d.run); same != known(t, d.recipe.Runtime) {
			t.Errorf("%s: build and run are the same: %v", name, same)
		}
		if other := keys[d.key()]; other != "" {
			t.Errorf("%s and %s have the same key", name, other)
		}
		keys[d.key()] = name
		for _, l := range d.build[1:] {
			if l.below != nil && l.below.SuiteName != d.recipe.Suite {
				t.Errorf("%s has a layer of %s", name, l.below.SuiteName)
			}
		}
	}
	changed := node.recipe
	changed.Archives = changed.Archives[1:]
	if d := book.design(changed); d.key() == node.key() || d.build[1].key() != node.build[1].key() {
		t.Error("a recipe that changes changes its own layers, and those alone")
	}
}

// known tells whether a runtime builds again in its run image.
func known(t *testing.T, name string) bool {
	r, ok := runtimes.Find(name)
	if !ok {
		t.Fatalf("there is no runtime %s", name)
	}
	return r.Pipeline == runtimes.Original
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"3.11.2\n", "3.11.2"}, {"go1.27.4", "1.27.4"}, {"17.0.19+10-1~deb12u2", "17.0.19.10"}, {"8u504-ga-1", "8.504"}, {"none", ""},
	} {
		if got := normalize(c[0]); got != c[1] {
			t.Errorf("normalize(%q) = %q, want %q", c[0], got, c[1])
		}
	}
}

func TestMirror(t *testing.T) {
	t.Parallel()
	m := Mirror{Main: "http://m/debian", Security: "http://m/debian-security"}
	got := strings.Join(m.lines("trixie", Suite{Updates: true, Security: true}), "; ")
	want := "deb http://m/debian trixie main; deb http://m/debian trixie-updates main; deb http://m/debian-security trixie-security main"
	if got != want {
		t.Errorf("got %s", got)
	}
	if got := strings.Join(m.lines("sid", Suite{}), "; "); got != "deb http://m/debian sid main" {
		t.Errorf("sid has no updates: got %s", got)
	}
}
