package bake

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// Recipe is how the images of one runtime are made.
type Recipe struct {
	Name    string `yaml:"-"` // of its file
	Runtime string `yaml:"runtime"`
	// Unavailable is why there are no images of the runtime; then there is nothing else.
	Unavailable string `yaml:"unavailable"`
	// StandIn marks another version than the name of the runtime says. Note says which.
	StandIn bool `yaml:"stand-in"`

	Suite         string            `yaml:"suite"` // of Debian
	Packages      []string          `yaml:"packages"`
	BuildPackages []string          `yaml:"build-packages"` // in the image for building alone
	Setup         string            `yaml:"setup"`          // a script for sh, after the packages
	Archives      []Archive         `yaml:"archives"`
	Links         map[string]string `yaml:"links"` // from a path to what it names
	Env           map[string]string `yaml:"env"`
	Version       string            `yaml:"version"` // a command that prints it
	Note          string            `yaml:"note"`    // see runtimes.Images
}

// Archive is a file of a registry that is unpacked into the images.
type Archive struct {
	From   string   `yaml:"from"`   // npm, go or maven
	Path   string   `yaml:"path"`   // in the registry
	Digest string   `yaml:"digest"` // as in package-lock.json: sha256- or sha512- and base64
	Strip  int      `yaml:"strip"`  // leading elements of paths in it that are left out
	Only   []string `yaml:"only"`   // what of the rest is unpacked; empty for all
	To     string   `yaml:"to"`
	// Executable is what a registry without modes of files leaves without the right to run.
	Executable []string `yaml:"executable"`
}

// Suite is a suite of Debian.
type Suite struct {
	Updates  bool `yaml:"updates"`
	Security bool `yaml:"security"`
}

// Book is all recipes.
type Book struct {
	Base   []string         `yaml:"base"`
	Tools  []string         `yaml:"tools"`
	Suites map[string]Suite `yaml:"suites"`

	Recipes []Recipe `yaml:"-"` // by the order of runtimes
	Yum     []byte   `yaml:"-"` // the script that stands for yum
}

// Open reads the recipes of a directory.
func Open(dir fs.FS, yum []byte) (*Book, error) {
	book := &Book{Yum: yum}
	if err := read(dir, "common.yaml", book); err != nil {
		return nil, err
	}
	files, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, file := range files {
		if file == "common.yaml" {
			continue
		}
		r := Recipe{Name: strings.TrimSuffix(file, ".yaml")}
		if err := errors.Join(read(dir, file, &r), book.check(r)); err != nil {
			errs = append(errs, fmt.Errorf("recipe %s: %w", file, err))
		}
		book.Recipes = append(book.Recipes, r)
	}
	slices.SortFunc(book.Recipes, func(a, b Recipe) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Name, b.Name))
	})
	return book, errors.Join(errs...)
}

// place is where a recipe's runtime is in the list of all.
func place(r Recipe) int {
	return slices.IndexFunc(runtimes.All(), func(known runtimes.Runtime) bool { return known.Name == r.Runtime })
}

func read(dir fs.FS, file string, into any) error {
	data, err := fs.ReadFile(dir, file)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	return decoder.Decode(into)
}

// check refuses a recipe that cannot work.
func (b *Book) check(r Recipe) error {
	if _, ok := runtimes.Find(r.Runtime); !ok {
		return fmt.Errorf("there is no runtime %q", r.Runtime)
	}
	if r.Unavailable != "" {
		return nil
	}
	if _, ok := b.Suites[r.Suite]; !ok {
		return fmt.Errorf("common.yaml has no suite %q", r.Suite)
	}
	if r.Version == "" {
		return errors.New("version is missing: a command that prints it")
	}
	for _, a := range r.Archives {
		if _, ok := registries[a.From]; !ok {
			return fmt.Errorf("archive %s is from %q: only npm, go and maven are known", a.Path, a.From)
		}
		if _, _, err := a.sum(); err != nil {
			return err
		}
		if !strings.HasPrefix(a.To, "/") {
			return fmt.Errorf("archive %s goes to %q, which is no absolute path", a.Path, a.To)
		}
	}
	return nil
}

// Find returns the recipe with a name: that of a runtime, or go1-1.18 for another version of one.
func (b *Book) Find(name string) (Recipe, error) {
	if i := slices.IndexFunc(b.Recipes, func(r Recipe) bool { return r.Name == name }); i >= 0 {
		return b.Recipes[i], nil
	}
	if near := runtimes.Nearest(name); near != "" {
		return Recipe{}, fmt.Errorf("there is no recipe for %q. Did you mean %s?", name, near)
	}
	return Recipe{}, fmt.Errorf("there is no recipe for %q. \"slipway runtimes list\" shows all runtimes", name)
}

// Usual returns the recipes that make what their names say.
func (b *Book) Usual() []Recipe {
	return slices.DeleteFunc(slices.Clone(b.Recipes), func(r Recipe) bool { return r.StandIn || r.Unavailable != "" })
}
