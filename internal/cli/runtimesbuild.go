package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/build/bake"
	"github.com/slipway-run/slipway/internal/build/runtimes"
	recipes "github.com/slipway-run/slipway/runtimes"
)

// builtPrefix is what the repositories of runtime images in the embedded registry begin with. Tags are
// build-VERSION and run-VERSION; what a tag named before is collected like any image without a tag.
const builtPrefix = "slipway/runtime/"

// unfinished is the directory below the data directory with what an interrupted build has finished.
const unfinished = "runtimes.unfinished"

// buildRuntimes is the flags of "runtimes build".
type buildRuntimes struct {
	all, prepare bool
	cache, suite string
	mirror       bake.Mirror
}

func newRuntimesBuild(g *globals) *cobra.Command {
	b := &buildRuntimes{}
	cmd := &cobra.Command{
		Use:   "build [NAME…]",
		Short: "Make runtime images from Debian's packages, without a registry",
		Long: `Make runtime images from Debian's packages and the package registries of languages, push them into
the embedded registry, and write them into the catalogue, so that builds use them from then on.

What was finished when it was interrupted is used again for a day. With --cache it is kept for good:
carry that directory to a machine without the Internet, and the same command makes the images there from
it. --prepare fills it on a machine that runs no Slipway.`,
		RunE: func(cmd *cobra.Command, args []string) error { return b.run(cmd, g, args) },
	}
	f := cmd.Flags()
	f.BoolVar(&b.all, "all", false, "make all that are what their names say; those that stand in for another version are made when named")
	f.StringVar(&b.cache, "cache", "", "a directory that keeps what is finished")
	f.BoolVar(&b.prepare, "prepare", false, "only fill the cache")
	f.StringVar(&b.mirror.Main, "mirror", "", "where Debian's packages come from; by default where this machine's apt has them from")
	f.StringVar(&b.mirror.Security, "security-mirror", "", "where Debian's security updates come from; by default beside --mirror")
	f.StringVar(&b.suite, "suite", "", "the release of Debian to take, instead of what the recipes say")
	return cmd
}

func (b *buildRuntimes) run(cmd *cobra.Command, g *globals, names []string) error {
	if b.prepare && b.cache == "" {
		return misused(cmd, "--prepare needs --cache")
	}
	book, err := bake.Open(recipes.Recipes, recipes.Yum)
	if err != nil {
		return err
	}
	chosen, err := b.choose(cmd, book, names)
	if err != nil {
		return err
	}
	var c *client
	if !b.prepare {
		if c, err = g.connect(); err != nil {
			return err
		}
	}
	oven, tidy, err := b.oven(cmd.Context(), g, book, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	file, err := g.cataloguePath(cmd)
	if err != nil {
		return err
	}
	err = oven.Bake(cmd.Context(), chosen, func(baked bake.Baked) error {
		if b.prepare {
			fmt.Fprintf(cmd.OutOrStdout(), "%s %s is in the cache.\n", baked.Recipe.Name, baked.Version)
			return nil
		}
		images, err := c.pushRuntime(cmd.Context(), baked)
		if err != nil {
			return err
		}
		if err := recordRuntime(file, baked.Recipe.Runtime, images); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s is built. %s\n", baked.Recipe.Name, baked.Version, baked.Recipe.Note)
		return nil
	})
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted. What is finished is kept: the same command goes on from there")
	}
	if err != nil {
		return err
	}
	return tidy()
}

// choose finds the recipes to make.
func (b *buildRuntimes) choose(cmd *cobra.Command, book *bake.Book, names []string) ([]bake.Recipe, error) {
	var chosen []bake.Recipe
	switch {
	case b.all && len(names) > 0:
		return nil, misused(cmd, "give names or --all, not both")
	case b.all:
		chosen = book.Usual()
	case len(names) == 0:
		return nil, misused(cmd, "give the names of runtimes, or --all")
	}
	for _, name := range names {
		recipe, err := book.Find(name)
		if err != nil {
			return nil, err
		}
		if recipe.Unavailable != "" {
			return nil, fmt.Errorf("%s cannot be built here: %s", name, recipe.Unavailable)
		}
		chosen = append(chosen, recipe)
	}
	if _, known := book.Suites[b.suite]; b.suite != "" && !known {
		return nil, fmt.Errorf("--suite %q is no release of Debian that is known here", b.suite)
	}
	for i := range chosen {
		if b.suite != "" {
			chosen[i].Suite = b.suite
		}
	}
	return chosen, nil
}

// oven is where to make the images. Tidy is for after success.
func (b *buildRuntimes) oven(ctx context.Context, g *globals, book *bake.Book, out io.Writer) (oven *bake.Oven, tidy func() error, err error) {
	dir, tidy := b.cache, func() error { return nil }
	if dir == "" {
		data, err := g.dir()
		if err != nil {
			return nil, nil, err
		}
		dir = filepath.Join(data, unfinished)
		tidy = func() error { return os.RemoveAll(dir) }
		if age, err := os.Stat(dir); err == nil && time.Since(age.ModTime()) > 24*time.Hour {
			if err := tidy(); err != nil { // Debian has newer packages by now
				return nil, nil, err
			}
		}
	}
	mirror := b.mirror
	switch {
	case mirror.Main == "":
		mirror = bake.DefaultMirror(ctx)
	case mirror.Security == "":
		mirror.Security = strings.TrimSuffix(mirror.Main, "/") + "-security"
	}
	var one sync.Mutex
	say := func(format string, args ...any) {
		one.Lock()
		defer one.Unlock()
		fmt.Fprintf(out, format+"\n", args...)
	}
	return &bake.Oven{Book: book, Dir: dir, Mirror: mirror, Say: say}, tidy, nil
}

// pushRuntime pushes the images of a runtime into the embedded registry. Images are recorded by digest,
// under the registry's ECR name, which stays when the daemon's address changes.
func (c *client) pushRuntime(ctx context.Context, baked bake.Baked) (runtimes.Images, error) {
	images := runtimes.Images{Version: baked.Version, Note: baked.Recipe.Note}
	for _, each := range []struct {
		image v1.Image
		tag   string
		to    *string
	}{{baked.Build, "build-", &images.Build}, {baked.Run, "run-", &images.Run}} {
		repository := builtPrefix + baked.Recipe.Runtime
		ref, err := name.ParseReference(c.registryHost()+"/"+repository+":"+each.tag+baked.Version, name.Insecure)
		if err != nil {
			return images, err
		}
		auth := &authn.Basic{Username: c.key.ID, Password: c.key.Secret}
		if err := remote.Write(ref, each.image, remote.WithAuth(auth), remote.WithContext(ctx)); err != nil {
			return images, fmt.Errorf("push %s: %w", ref, err)
		}
		digest, err := each.image.Digest()
		if err != nil {
			return images, err
		}
		*each.to = fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/%s@%s", c.info.Account, c.info.Region, repository, digest)
	}
	return images, nil
}

// recordRuntime writes images into the catalogue of the site, whole or not at all.
func recordRuntime(file, runtime string, images runtimes.Images) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s %s into the catalogue %s: %w", runtime, images.Version, file, err)
		}
	}()
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil { // another build writes it too
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if text, err = runtimes.Record(text, runtime, images); err != nil {
		return err
	}
	fresh, err := os.OpenFile(file+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fresh.Write(text)
	if err := errors.Join(err, fresh.Sync(), fresh.Close()); err != nil {
		return err
	}
	return os.Rename(fresh.Name(), file)
}
