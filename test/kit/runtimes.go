package kit

import (
	"cmp"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/slipway-run/slipway/internal/build/bake"
	recipes "github.com/slipway-run/slipway/runtimes"
)

// RuntimeCache keeps the images of managed runtimes that tests made, so that a machine makes each only
// once: its parts are named by all that goes into them. It may be deleted at any time.
func RuntimeCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = filepath.Join(os.TempDir(), "cache") // no home
	}
	return filepath.Join(cmp.Or(os.Getenv("SLIPWAY_TEST_CACHE"), filepath.Join(dir, "slipway-test")), "runtimes")
}

// NeedRuntimes skips the test where runtime images cannot be made, unless the environment says that
// they must.
func NeedRuntimes(t testing.TB) {
	t.Helper()
	missing := bake.Missing()
	if len(missing) == 0 {
		return
	}
	reason := missing[0].What + ": " + missing[0].Fix
	if os.Getenv("SLIPWAY_TEST_REQUIRE") != "" || os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// Runtimes returns the images of recipes, such as "python311", by the name of the recipe. What another
// test has made on this machine is used again.
func Runtimes(t testing.TB, names ...string) map[string]bake.Baked {
	t.Helper()
	NeedRuntimes(t)
	book, err := bake.Open(recipes.Recipes, recipes.Yum)
	if err != nil {
		t.Fatal(err)
	}
	var chosen []bake.Recipe
	for _, name := range names {
		recipe, err := book.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		chosen = append(chosen, recipe)
	}
	var one sync.Mutex
	say := func(format string, args ...any) {
		one.Lock()
		defer one.Unlock()
		t.Logf(format, args...)
	}
	all := map[string]bake.Baked{}
	oven := &bake.Oven{Book: book, Dir: RuntimeCache(), Mirror: bake.DefaultMirror(t.Context()), Say: say}
	err = oven.Bake(t.Context(), chosen, func(b bake.Baked) error {
		all[b.Recipe.Name] = b
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// BuildRuntimes gives the Slipway runtimes of its own, with "slipway runtimes build". It must run.
func (s *Slipway) BuildRuntimes(names ...string) {
	s.t.Helper()
	Runtimes(s.t, names...)
	s.CLI(append([]string{"runtimes", "build", "--cache", RuntimeCache()}, names...)...)
}
