package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build"
	"github.com/slipway-run/slipway/internal/build/assemble"
	"github.com/slipway-run/slipway/internal/build/buildkit"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/build/runtimes"
	"github.com/slipway-run/slipway/internal/ecr"
	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/source"
)

// builtPrefix is what the repositories of built images begin with, before the id of the service. No
// build may begin from one: what another service was built from is not for it.
const builtPrefix = "slipway/builds/"

// openBuilds makes what turns source code into images. BuildKit starts with the first build.
func (d *Daemon) openBuilds() error {
	d.builder = buildkit.New(buildkit.Options{
		Rooms: d.engine, BinDir: d.config.EngineDir, Images: d.baseImage, Limits: d.config.Build.limits(),
		CABundle: d.config.Build.bundle(), Env: d.config.Build.variables(), Proxy: buildkit.ProxyFromEnvironment(os.Getenv),
		Logger: d.log.With("component", "builds"),
	})
	d.assembler = &assemble.Assembler{
		Sources: repositories{d}, Builder: builder{d}, Catalogue: d.catalogue, Tags: d.store.Tags,
		Policy: runtimes.Policy{AllowEnded: d.config.Build.AllowEndedRuntimes},
		Dir:    filepath.Join(d.config.DataDir, "checkouts"),
	}
	return d.assembler.Clear()
}

// admit refuses a runtime that App Runner takes no more new services on, by its name in the API.
func (d *Daemon) admit(name string) error {
	runtime, ok := runtimes.ByAPI(name)
	if !ok {
		return nil // the model and the build say so better
	}
	policy := runtimes.Policy{AllowEnded: d.config.Build.AllowEndedRuntimes}
	if err := policy.Admit(runtime, time.Now()); err != nil {
		return apprunner.Errorf(apprunner.InvalidRequest, "%s", err)
	}
	return nil
}

// catalogue reads the images of the runtimes as they are now: "slipway runtimes build" adds to them.
func (d *Daemon) catalogue() (build.Catalogue, error) {
	file := d.config.Build.Catalogue
	if file == "" {
		file = filepath.Join(d.config.DataDir, runtimes.SiteFile)
	}
	text, err := os.ReadFile(file)
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || d.config.Build.Catalogue != "") {
		return nil, fmt.Errorf("read the catalogue of runtimes: %w", err)
	}
	return runtimes.Load(file, text)
}

// baseImage opens an image that a build begins from.
func (d *Daemon) baseImage(ctx context.Context, identifier string) (v1.Image, error) {
	ref, err := d.reference(apprunner.Spec{Image: apprunner.Image{Identifier: identifier}}, d.config.Region)
	if err != nil {
		return nil, &plan.Failure{Reason: err.Error()}
	}
	if ref.Embedded && strings.Contains("/"+ref.Stored(), "/"+builtPrefix) {
		return nil, &plan.Failure{Reason: fmt.Sprintf("No build may begin from %q: that is the build of a service.", identifier)}
	}
	image, err := d.sources.Image(ctx, ref)
	if engine.Is(err, engine.Unavailable) && !ref.Embedded {
		err = engine.Errorf(engine.Unavailable, "%w; where no registry can be reached, make the images of managed runtimes here: slipway runtimes build NAME", err)
	}
	return image, err
}

// builder has images built, and pushed into the embedded registry.
type builder struct{ d *Daemon }

// Build implements assemble.Builder.
func (b builder) Build(ctx context.Context, job assemble.Job) (assemble.Built, error) {
	d, s := b.d, job.Service
	repository := builtPrefix + s.ID
	here := source.Reference{Repository: ecr.Stored(d.config.Region, s.Region, repository)}
	task := buildkit.Job{
		ID: job.Operation, Scope: s.ID, Source: job.Source, Plan: job.Plan, Log: job.Log,
		Push: buildkit.Push{Repository: reachable(d.api.Addr()) + "/" + here.Repository, User: d.key.ID, Password: d.key.Secret, Insecure: true},
	}
	if job.Dockerfile != nil {
		task.Dockerfile = &buildkit.Dockerfile{Path: job.Dockerfile.Path, Context: job.Dockerfile.Context}
	}
	result, err := d.builder.Build(ctx, task)
	if err != nil {
		return assemble.Built{}, err
	}
	identifier := fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/%s@%s", d.config.Account, s.Region, repository, result.Digest)
	return assemble.Built{Identifier: identifier, Digest: result.Digest, Ports: result.Ports}, nil
}

// repositories has the source code of services: what was pushed here, and what is elsewhere.
type repositories struct{ d *Daemon }

// Commit implements assemble.Sources.
func (r repositories) Commit(ctx context.Context, s apprunner.Service, id string) (apprunner.Commit, error) {
	code := s.Spec.Code
	region, name, own, err := r.d.own(s)
	switch {
	case err != nil:
		return apprunner.Commit{}, err
	case !own:
		return r.d.connect.Commit(ctx, s, id)
	case id == "":
		return r.d.remote.Head(ctx, region, name, code.Branch, code.Directory)
	default:
		return r.d.remote.Commit(ctx, region, name, id, code.Directory)
	}
}

// Checkout implements assemble.Sources.
func (r repositories) Checkout(ctx context.Context, s apprunner.Service, id, dir string) (apprunner.Commit, error) {
	region, name, own, err := r.d.own(s)
	switch {
	case err != nil:
		return apprunner.Commit{}, err
	case own:
		return r.d.remote.Checkout(ctx, region, name, id, s.Spec.Code.Directory, dir)
	}
	return r.d.connect.Fetch(ctx, s, id, dir)
}

// checkCode refuses source code that can never be built, and new services on runtimes that have ended.
func (d *Daemon) checkCode(before *apprunner.CodeRepository, spec apprunner.Spec, _ apprunner.Place) error {
	if v := spec.Code.Values; v != nil && (before == nil || before.Values == nil || before.Values.Runtime != v.Runtime) {
		if err := d.admit(v.Runtime); err != nil {
			return err
		}
	}
	if _, _, own := d.remote.Own(spec.Code.URL); own {
		return nil
	}
	return d.connect.Check(spec)
}
