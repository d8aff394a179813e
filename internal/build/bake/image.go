package bake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
)

// bake makes what is missing for the images of a recipe.
func (r *run) bake(parent context.Context, recipe Recipe) (Baked, error) {
	if recipe.Unavailable != "" {
		return Baked{}, errors.New(recipe.Unavailable)
	}
	d := r.Book.design(recipe)
	file := filepath.Join(r.Dir, "images", d.key()+".json")
	baked := Baked{Recipe: recipe}
	if err := r.remembered(file, &baked.Version); err != nil {
		return Baked{}, err
	}
	group, ctx := errgroup.WithContext(parent)
	for _, l := range slices.Concat(d.build, d.run) {
		group.Go(func() error { return r.layer(ctx, l) })
	}
	if err := group.Wait(); err != nil {
		return Baked{}, err
	}
	if baked.Version == "" {
		version, err := r.version(parent, d)
		if err != nil {
			return Baked{}, err
		}
		if err := remember(file, version); err != nil {
			return Baked{}, err
		}
		baked.Version = version
	}
	var err error
	if baked.Build, err = r.image(d.build, recipe, baked.Version); err != nil {
		return Baked{}, err
	}
	baked.Run, err = r.image(d.run, recipe, baked.Version)
	return baked, err
}

func (r *run) remembered(file string, version *string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, json.Unmarshal(text, version))
}

func remember(file, version string) error {
	text, err := json.Marshal(version)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// version asks the image itself which version of the language it has.
func (r *run) version(ctx context.Context, d design) (string, error) {
	release, err := r.slot(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	for _, l := range d.run {
		if err := r.unpacked(ctx, l); err != nil {
			return "", err
		}
	}
	tmp := filepath.Join(r.Dir, "tmp", "version-"+d.key())
	lists := filepath.Join(r.Dir, "tmp", "lists-none")
	if err := os.MkdirAll(lists, 0o755); err != nil {
		return "", err
	}
	err = r.overlay(ctx, tmp, d.run, map[string]string{
		"do": "run", "setup": "version=$(" + d.recipe.Version + `); echo "$version" >/version`, "lists": "../lists-none",
		"environment": strings.Join(environment(d.recipe), " "),
	})
	if err != nil {
		return "", fmt.Errorf("ask for its version with %q: %w", d.recipe.Version, err)
	}
	text, err := os.ReadFile(filepath.Join(tmp, "files", "version"))
	if err != nil {
		return "", err
	}
	version := normalize(string(text))
	if version == "" {
		return "", fmt.Errorf("%q printed %q, which has no version in it", d.recipe.Version, text)
	}
	return version, os.RemoveAll(tmp)
}

var versionForm = regexp.MustCompile(`[0-9]+([.u+][0-9]+)*`)

// normalize finds a version in the forms that programs print it, and Debian has it: go1.27.4,
// 17.0.19+10-1~deb12u2, 8u504-ga-1.
func normalize(text string) string {
	return strings.NewReplacer("u", ".", "+", ".").Replace(versionForm.FindString(text))
}

// environment is the environment of the images of a recipe.
func environment(r Recipe) []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	for _, name := range slices.Sorted(maps.Keys(r.Env)) {
		env = append(env, name+"="+r.Env[name])
	}
	return env
}

// image puts layers together.
func (r *run) image(layers []*layer, recipe Recipe, version string) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, l := range layers {
		finished, err := openLayer(r.dir(l))
		if err != nil {
			return nil, err
		}
		image, err = mutate.Append(image, mutate.Addendum{Layer: finished, MediaType: types.OCILayerZStd})
		if err != nil {
			return nil, err
		}
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created, file.History = "linux", runtime.GOARCH, v1.Time{Time: fixed}, nil
	file.Config = v1.Config{
		Env: environment(recipe), Cmd: []string{"/bin/sh"}, WorkingDir: "/",
		Labels: map[string]string{"org.opencontainers.image.title": recipe.Runtime, "org.opencontainers.image.version": version},
	}
	return mutate.ConfigFile(image, file)
}
