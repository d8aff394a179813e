package bake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"runtime"
	"slices"

	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// form is the way recipes are made into layers: a number, to be changed when the code makes the same
// recipe into something else than before, and the script that it runs.
var form = "1 " + insideScript

// layer is a layer that is to be made. What is exported is what makes it different from others.
type layer struct {
	Form         string
	Architecture string
	Below        string // the key of the layer that it lies on, "" for none
	Suite        Suite
	SuiteName    string
	Packages     []string          `json:",omitempty"`
	Setup        string            `json:",omitempty"`
	Archives     []Archive         `json:",omitempty"`
	Links        map[string]string `json:",omitempty"`
	Yum          string            `json:",omitempty"`

	name  string // for people
	below *layer
}

// key names a layer by all that goes into it.
func (l *layer) key() string {
	text, err := json.Marshal(l)
	if err != nil {
		panic(err) // it is nothing but texts
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12])
}

// on is a layer of packages on another one.
func (l *layer) on(name string, packages []string, setup string) *layer {
	upper := &layer{
		Form: form, Architecture: l.Architecture, Below: l.key(), Suite: l.Suite, SuiteName: l.SuiteName,
		Packages: packages, Setup: setup, name: name, below: l,
	}
	return upper
}

// chain is a layer with all below it, the lowest first.
func (l *layer) chain() []*layer {
	if l == nil {
		return nil
	}
	return append(l.below.chain(), l)
}

// design is the layers of the images of a recipe, the lowest first.
type design struct {
	recipe     Recipe
	build, run []*layer
}

// design says which layers the images of a recipe have.
func (b *Book) design(r Recipe) design {
	base := &layer{
		Form: form, Architecture: runtime.GOARCH, Suite: b.Suites[r.Suite], SuiteName: r.Suite,
		Packages: b.Base, Yum: string(b.Yum), name: "Debian " + r.Suite,
	}
	tools := base.on("compilers on "+base.name, b.Tools, "")
	build, run := tools, base
	if packages := slices.Concat(r.Packages, r.BuildPackages); len(packages) > 0 || r.Setup != "" {
		build = build.on("packages of "+r.Name, packages, r.Setup)
	}
	if len(r.Packages) > 0 || r.Setup != "" {
		run = run.on("packages of "+r.Name+", to run", r.Packages, r.Setup)
	}
	d := design{recipe: r, build: build.chain(), run: run.chain()}
	if len(r.Archives) > 0 || len(r.Links) > 0 {
		files := &layer{Form: form, Architecture: runtime.GOARCH, Archives: r.Archives, Links: r.Links, name: "files of " + r.Name}
		d.build, d.run = append(d.build, files), append(d.run, files)
	}
	if known, _ := runtimes.Find(r.Runtime); known.Pipeline == runtimes.Original {
		d.run = d.build // "build" runs there again
	}
	return d
}

// key names the images of a design.
func (d design) key() string {
	var keys []string
	for _, l := range slices.Concat(d.build, d.run) {
		keys = append(keys, l.key())
	}
	text, err := json.Marshal([]any{form, keys, d.recipe.Env, d.recipe.Version})
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12])
}
