package assemble

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/config"
	"github.com/slipway-run/slipway/internal/build/detect"
	"github.com/slipway-run/slipway/internal/build/plan"
)

// Found is what the source code of a service looks like, before there is a service.
type Found struct {
	Commit     apprunner.Commit
	File       bool // there is an apprunner.yaml
	Dockerfile bool
	Guess      detect.Guess
	Unknown    string // why nothing can be guessed, "" when it can
}

// Look finds out what the newest commit of a service's branch looks like.
func (a *Assembler) Look(ctx context.Context, s apprunner.Service) (found Found, err error) {
	if found.Commit, err = a.Sources.Commit(ctx, s, ""); err != nil {
		return found, err
	}
	dir, err := os.MkdirTemp(a.Dir, "look-")
	if err != nil {
		return found, fmt.Errorf("make the checkout: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if found.Commit, err = a.Sources.Checkout(ctx, s, found.Commit.ID, dir); err != nil {
		return found, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return found, fmt.Errorf("open the checkout: %w", err)
	}
	defer root.Close()
	return found, found.read(root.FS(), s.Spec.Code.Directory)
}

func (f *Found) read(root fs.FS, directory string) error {
	tree, err := fs.Sub(root, path.Join(".", strings.TrimPrefix(path.Clean("/"+directory), "/")))
	if err != nil {
		return fmt.Errorf("open the source directory %q: %w", directory, err)
	}
	f.File, f.Dockerfile = isFile(tree, config.File), isFile(tree, "Dockerfile")
	f.Guess, err = detect.Detect(tree, "", func(string) bool { return true })
	if failure, ok := errors.AsType[*plan.Failure](err); ok {
		f.Unknown = failure.Reason
		return nil
	}
	return err
}

func isFile(tree fs.FS, name string) bool {
	info, err := fs.Stat(tree, name)
	return err == nil && info.Mode().IsRegular()
}
