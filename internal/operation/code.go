package operation

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/plan"
)

// Builder makes images of source code.
type Builder interface {
	// Commit finds what to build of a service: the commit with an id, or with "" the newest of its
	// branch. More than the id may be known only when it is built.
	Commit(ctx context.Context, s apprunner.Service, id string) (apprunner.Commit, error)
	// Build makes the image of a revision's commit. It returns the revision with what came out of it:
	// the commit in full, the image's identifier and digest, and how to run it.
	Build(ctx context.Context, s apprunner.Service, r apprunner.Revision, log BuildLog) (apprunner.Revision, error)
}

// BuildLog is where a build tells how far it is.
type BuildLog struct {
	Operation string                              // id
	Event     func(format string, args ...any)    // a step, for the event log
	Step      func(format string, args ...any)    // the same for the deployment log
	Line      func(phase plan.Phase, line string) // what commands write, for the deployment log
}

// resolveCode pins the commit and makes the revision.
func (j *job) resolveCode(ctx context.Context) error {
	code := j.service.Spec.Code
	j.warn()
	j.event("Deployment Artifact: [Repo Type: Source], [Repository: %s], [Branch: %s], [SourceDirectory: %s]", code.URL, code.Branch, code.Directory)
	commit, err := j.Builder.Commit(ctx, j.service, j.operation.Commit)
	if err != nil {
		return err
	}
	revision, err := j.newRevision(ctx, "")
	if err != nil {
		return err
	}
	revision.Commit = &commit
	next := apprunner.Advance(j.operation, time.Now())
	next.RevisionID = revision.ID
	return j.record(ctx, j.service, next, &revision)
}

// build makes the image of the revision.
func (j *job) build(ctx context.Context) error {
	revision, err := j.Store.Revision(ctx, j.operation.RevisionID)
	if err != nil {
		return err
	}
	revision, err = j.Builder.Build(ctx, j.service, revision, BuildLog{
		Operation: j.operation.ID, Event: j.event, Step: j.deployment,
		Line: func(phase plan.Phase, line string) { j.Journal.Build(j.service, j.operation.ID, phase, line) },
	})
	if err != nil {
		return err
	}
	j.event("Successfully built your application source code.")
	j.deployment("Successfully built your application source code.")
	next := apprunner.Advance(j.operation, time.Now())
	next.Source = revision.Commit.String()
	return j.record(ctx, j.service, next, &revision)
}

// explainBuild tells why there is no image.
func (j *job) explainBuild(cause error, reason string) {
	j.event("Failed to build your application source code. Reason: %s", reason)
	j.deployment("Failed to build your application source code. Reason: %s", reason)
	if f, ok := errors.AsType[*plan.Failure](cause); ok {
		for _, line := range f.Output {
			j.deployment("Last lines of the build: %s", line)
		}
	}
}
