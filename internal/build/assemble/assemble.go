// Package assemble makes an image of the source code of a service: it has the commit fetched, decides
// how to build it, has it built, and says how the image is run.
package assemble

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/build/runtimes"
	"github.com/slipway-run/slipway/internal/operation"
)

// Sources has the source code of services.
type Sources interface {
	// Commit finds a commit by its id, or with "" the newest of the service's branch.
	Commit(ctx context.Context, s apprunner.Service, id string) (apprunner.Commit, error)
	// Checkout writes the files of a commit into an empty directory, and returns all that is known of it.
	Checkout(ctx context.Context, s apprunner.Service, id, dir string) (apprunner.Commit, error)
}

// Job is what to build. One of Plan and Dockerfile is there.
type Job struct {
	Service    apprunner.Service
	Operation  string // id
	Source     string // directory with the repository
	Plan       *plan.Plan
	Dockerfile *build.Dockerfile
	Log        func(phase plan.Phase, line string)
}

// Builder builds jobs.
type Builder interface {
	// Build makes an image, and returns the identifier and the digest that it is pulled by, and the
	// ports that it exposes. What the repository is to blame for is a *plan.Failure.
	Build(ctx context.Context, job Job) (Built, error)
}

// Built is an image that came out of a build.
type Built struct {
	Identifier string // an ImageIdentifier
	Digest     string
	Ports      []int // that it exposes, lowest first
}

// Assembler makes images of source code. It implements operation.Builder.
type Assembler struct {
	Sources   Sources
	Builder   Builder
	Catalogue func() (build.Catalogue, error)
	Tags      func(ctx context.Context, arn string) (map[string]string, error)
	Policy    runtimes.Policy
	Dir       string // for checkouts; emptied by Clear
}

var _ operation.Builder = (*Assembler)(nil)

// Clear deletes what an earlier daemon left behind.
func (a *Assembler) Clear() error {
	if err := os.RemoveAll(a.Dir); err != nil {
		return fmt.Errorf("clear the checkouts: %w", err)
	}
	return os.MkdirAll(a.Dir, 0o700)
}

// Commit implements operation.Builder.
func (a *Assembler) Commit(ctx context.Context, s apprunner.Service, id string) (apprunner.Commit, error) {
	return a.Sources.Commit(ctx, s, id)
}

// Build implements operation.Builder. The checkout is gone when it returns.
func (a *Assembler) Build(ctx context.Context, s apprunner.Service, r apprunner.Revision, log operation.BuildLog) (_ apprunner.Revision, err error) {
	dir := filepath.Join(a.Dir, log.Operation)
	if err := os.RemoveAll(dir); err != nil { // of an earlier try
		return r, fmt.Errorf("clear the checkout: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if r, err = a.fetch(ctx, s, r, dir, log); err != nil {
		return r, err
	}
	decision, err := a.decide(ctx, s, dir, log)
	if err != nil {
		return r, err
	}
	log.Event("Starting source code build.")
	log.Step("Starting to build your application source code.")
	begin := time.Now()
	built, err := a.Builder.Build(ctx, Job{
		Service: s, Operation: log.Operation, Source: dir, Plan: decision.Plan, Dockerfile: decision.Dockerfile, Log: log.Line,
	})
	if err != nil {
		return r, err
	}
	log.Step("The build took %s.", time.Since(begin).Round(100*time.Millisecond))
	r.Digest, r.Spec.Image = built.Digest, a.image(s, decision.Run, built, log)
	return r, nil
}

// fetch brings the files of the revision's commit, and the rest of what is to be known of it.
func (a *Assembler) fetch(ctx context.Context, s apprunner.Service, r apprunner.Revision, dir string, log operation.BuildLog) (apprunner.Revision, error) {
	log.Event("Pulling source code from %s, branch %s.", s.Spec.Code.URL, s.Spec.Code.Branch)
	log.Step("Starting to pull your application source code.")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return r, fmt.Errorf("make the checkout: %w", err)
	}
	commit, err := a.Sources.Checkout(ctx, s, r.Commit.ID, dir)
	if err != nil {
		return r, err
	}
	r.Commit = &commit
	log.Event("Successfully pulled your application source code. Commit %s", commit)
	log.Step("Successfully pulled your application source code. Commit %s", commit)
	return r, nil
}

// decide finds out how to build, and tells why.
func (a *Assembler) decide(ctx context.Context, s apprunner.Service, dir string, log operation.BuildLog) (build.Decision, error) {
	tags, err := a.Tags(ctx, s.ARN)
	if err != nil {
		return build.Decision{}, err
	}
	catalogue, err := a.Catalogue()
	if err != nil { // the operator's to mend, not passing
		return build.Decision{}, &plan.Failure{Reason: err.Error()}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return build.Decision{}, fmt.Errorf("open the checkout: %w", err)
	}
	defer root.Close()
	decision, err := build.Decide(root.FS(), build.Request{Code: *s.Spec.Code, Tags: tags, Now: time.Now()}, catalogue)
	if err != nil {
		return decision, err
	}
	if err := a.admit(s, decision); err != nil {
		return decision, err
	}
	for _, why := range decision.Why {
		log.Step("%s", why)
	}
	for _, warning := range decision.Warnings {
		log.Event("Warning: %s", warning)
		log.Step("Warning: %s", warning)
	}
	log.Event("Successfully validate configuration file.") // App Runner's own words
	return decision, nil
}

// admit refuses a runtime that takes no new services, for a service that never ran.
func (a *Assembler) admit(s apprunner.Service, decision build.Decision) error {
	if decision.Plan == nil || s.RevisionID != "" {
		return nil
	}
	runtime, ok := runtimes.Find(decision.Plan.Runtime)
	if !ok {
		return nil
	}
	if err := a.Policy.Admit(runtime, time.Now()); err != nil {
		return &plan.Failure{Reason: err.Error()}
	}
	return nil
}
