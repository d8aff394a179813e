package daemon

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/build/runtimes"
	"github.com/slipway-run/slipway/internal/engine"
)

// detector looks at source code for the admin API.
type detector struct{ d *Daemon }

// Detect implements admin.Detector.
func (l detector) Detect(ctx context.Context, here apprunner.Place, in admin.Detection) (admin.Detected, error) {
	s := apprunner.Service{Region: here.Region, Name: in.ServiceName, Spec: apprunner.Spec{
		Connection: in.ConnectionARN,
		Code:       &apprunner.CodeRepository{URL: in.RepositoryURL, Branch: in.Branch, Directory: cmp.Or(in.SourceDirectory, "/")},
	}}
	if _, _, own := l.d.remote.Own(in.RepositoryURL); !own {
		if err := l.d.connect.Check(s.Spec); err != nil {
			return admin.Detected{}, err
		}
	}
	found, err := l.d.assembler.Look(ctx, s)
	if err != nil {
		return admin.Detected{}, looked(err)
	}
	out := admin.Detected{
		Commit: found.Commit.ID, ConfigurationFile: found.File, Dockerfile: found.Dockerfile,
		BuildCommand: strings.Join(found.Guess.Build, " && "), StartCommand: found.Guess.Start, Port: found.Guess.Port, Why: found.Guess.Why,
	}
	if r, ok := runtimes.Find(found.Guess.Runtime); ok {
		out.Runtime = r.API
	}
	if found.Unknown != "" && !found.File && !found.Dockerfile {
		out.Why = []string{found.Unknown}
	}
	return out, nil
}

// looked turns what the repository or its host is to blame for into an answer.
func looked(err error) error {
	_, failed := errors.AsType[*plan.Failure](err)
	if _, source := errors.AsType[*engine.Error](err); failed || source {
		return apprunner.Errorf(apprunner.InvalidRequest, "%v", err)
	}
	return err
}
