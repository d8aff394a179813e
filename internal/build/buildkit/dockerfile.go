package buildkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/opencontainers/go-digest"

	"github.com/slipway-run/slipway/internal/build/plan"
)

// Dockerfile is a build that the repository describes in Docker's words.
type Dockerfile struct {
	Path    string            // in the repository, such as "Dockerfile"
	Context string            // directory in the repository; empty for its root
	Target  string            // stage to build; empty for the last
	Args    map[string]string // build arguments
}

// maxDockerfile is more than anybody has written, in bytes.
const maxDockerfile = 1 << 20

// convertDockerfile reads a Dockerfile with BuildKit's own front end. That is part of this program: a
// "# syntax=" line, which names another one to download and run, is not followed.
func (b *bases) convertDockerfile(ctx context.Context, job Job, log func(string)) (_ llb.State, config []byte, err error) {
	d := job.Dockerfile
	text, err := readIn(job.Source, d.Path)
	if err != nil {
		return llb.State{}, nil, err
	}
	if frontend, _, _, ok := parser.DetectSyntax(text); ok && !strings.HasPrefix(frontend, "docker/dockerfile:1") {
		log(fmt.Sprintf("%s names the syntax %q. It is read with the front end that Slipway brings.", d.Path, frontend))
	}
	ignored, err := dockerIgnore(job.Source, d)
	if err != nil {
		return llb.State{}, nil, err
	}
	source := localSource(job.Scope, ignored)
	defer func() { // a front end in this process must not end it
		if r := recover(); r != nil {
			err = dockerfileFailure(d.Path, fmt.Errorf("it cannot be read: %v", r))
		}
	}()
	result, err := dockerfile2llb.Dockerfile2LLB(ctx, text, dockerfile2llb.ConvertOpt{
		Config:      dockerui.Config{BuildArgs: d.Args, Target: d.Target},
		MainContext: &source, MetaResolver: resolver{b},
		SourceMap: llb.NewSourceMap(nil, d.Path, "Dockerfile", text),
		Warn: func(_, description, _, message string, at []parser.Range) {
			if line := firstOf(at); line > 0 {
				log(fmt.Sprintf("%s, line %d: %s", d.Path, line, message))
			}
		},
	})
	if err != nil {
		return llb.State{}, nil, dockerfileFailure(d.Path, err)
	}
	config, err = json.Marshal(result.Image)
	return result.State, config, err
}

func firstOf(at []parser.Range) int {
	if len(at) == 0 {
		return 0
	}
	return at[0].Start.Line
}

// dockerfileFailure says what is wrong with a Dockerfile, and where.
func dockerfileFailure(file string, err error) error {
	if failure, ok := errors.AsType[*plan.Failure](err); ok {
		return failure
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if machine, ok := errors.AsType[*machineError](err); ok {
		return machine.err
	}
	where := file
	if located, ok := errors.AsType[*parser.LocationError](err); ok && len(located.Locations) > 0 {
		if line := firstOf(located.Locations[0]); line > 0 {
			where = fmt.Sprintf("%s, line %d", file, line)
		}
	}
	return refuse("%s: %s.", where, bare(err.Error()))
}

// resolver tells the front end of base images.
type resolver struct{ bases *bases }

func (r resolver) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	found, err := r.bases.get(ref)
	if err != nil {
		return "", "", nil, err
	}
	// No digest: the reference must stay the one by which the image is known here.
	return ref, "", found.config, nil
}

// contextDir returns the directory that COPY and ADD see. Symbolic links must not lead out of the
// repository.
func contextDir(source string, d *Dockerfile) (string, error) {
	dir := "."
	if d != nil && d.Context != "" {
		dir = path.Clean("/" + d.Context)[1:]
	}
	root, err := filepath.EvalSymlinks(source)
	if err != nil {
		return "", fmt.Errorf("find the source code: %w", err)
	}
	real, err := filepath.EvalSymlinks(filepath.Join(root, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return "", refuse("There is no directory %q in the repository, which is to be the build context.", d.Context)
	}
	if err != nil {
		return "", fmt.Errorf("find the build context: %w", err)
	}
	if real != root && !strings.HasPrefix(real, root+"/") {
		return "", refuse("The build context %q leads out of the repository.", d.Context)
	}
	return real, nil
}

// readIn reads a file of the repository.
func readIn(source, file string) ([]byte, error) {
	root, err := os.OpenRoot(source)
	if err != nil {
		return nil, fmt.Errorf("open the source code: %w", err)
	}
	defer root.Close()
	name := path.Clean("/" + file)[1:]
	f, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse("There is no file %q in the repository. Name the Dockerfile, relative to the root, with the tag slipway:dockerfile.", file)
	}
	if err != nil {
		return nil, refuse("%q cannot be read: %v.", file, errors.Unwrap(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, refuse("%q is not a file.", file)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxDockerfile+1))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", file, err)
	}
	if len(text) > maxDockerfile {
		return nil, refuse("%q is larger than %d bytes.", file, maxDockerfile)
	}
	return text, nil
}

// dockerIgnore reads what is left out of the context: a file named after the Dockerfile, or .dockerignore.
func dockerIgnore(source string, d *Dockerfile) ([]string, error) {
	for _, file := range []string{d.Path + ".dockerignore", path.Join(d.Context, ".dockerignore")} {
		text, err := readIn(source, file)
		if _, failed := errors.AsType[*plan.Failure](err); failed {
			continue
		}
		if err != nil {
			return nil, err
		}
		patterns, err := ignorefile.ReadAll(strings.NewReader(string(text)))
		if err != nil {
			return nil, refuse("%s: %v.", file, err)
		}
		return patterns, nil
	}
	return nil, nil
}
