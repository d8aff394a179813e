package bake

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	recipes "github.com/slipway-run/slipway/runtimes"
)

func TestTry(t *testing.T) {
	if os.Getenv("TRY") == "" {
		t.Skip()
	}
	book, err := Open(recipes.Recipes, recipes.Yum)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	o := &Oven{Book: book, Dir: os.Getenv("TRY_DIR"), Mirror: DefaultMirror(t.Context()), Say: func(f string, a ...any) {
		fmt.Printf("%6.1f "+f+"\n", append([]any{time.Since(begin).Seconds()}, a...)...)
	}}
	var all []Recipe
	for _, n := range strings.Fields(os.Getenv("TRY")) {
		r, err := book.Find(n)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	err = o.Bake(t.Context(), all, func(b Baked) error {
		d1, _ := b.Build.Digest()
		d2, _ := b.Run.Digest()
		size := func(i interface{ Size() (int64, error) }) int64 { n, _ := i.Size(); return n }
		var total [2]int64
		for k, i := range []interface{}{b.Build, b.Run} {
			_ = i
			_ = k
		}
		ls, _ := b.Build.Layers()
		for _, l := range ls {
			total[0] += size(l)
		}
		ls, _ = b.Run.Layers()
		for _, l := range ls {
			total[1] += size(l)
		}
		fmt.Printf("%6.1f == %s %s build %s %d MB run %s %d MB\n", time.Since(begin).Seconds(), b.Recipe.Name, b.Version, d1.Hex[:12], total[0]>>20, d2.Hex[:12], total[1]>>20)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
