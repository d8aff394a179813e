package admin

import (
	"context"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Detection asks what the files of a branch say about how they are built and run.
type Detection struct {
	ServiceName     string // whose repository it is, for one that Slipway has itself
	ConnectionARN   string `json:"ConnectionArn"` // empty for a public repository
	RepositoryURL   string `json:"RepositoryUrl"`
	Branch          string
	SourceDirectory string
}

// Detected is what they say. Its commands are empty when they say nothing, and then Why tells why.
type Detected struct {
	Commit            string
	ConfigurationFile bool // there is an apprunner.yaml
	Dockerfile        bool
	Runtime           string `json:",omitempty"` // as the API names it
	BuildCommand      string `json:",omitempty"`
	StartCommand      string `json:",omitempty"`
	Port              int    `json:",omitempty"`
	Why               []string
}

// Detector looks at source code.
type Detector interface {
	Detect(ctx context.Context, here apprunner.Place, in Detection) (Detected, error)
}

// detect looks at a branch. It reads a repository as a service would, so it needs the right to create one.
func (a *API) detect(c call) error {
	var in Detection
	if err := c.decode(&in); err != nil {
		return err
	}
	arn := apprunner.ARN{Place: c.here, Type: apprunner.TypeService, Name: in.ServiceName, ID: "*"}.String()
	if in.ServiceName == "" {
		arn = "*"
	}
	if err := a.may(c, "DetectSource", arn); err != nil {
		return err
	}
	if in.ConnectionARN != "" {
		if err := a.may(c, "ListRepositories", in.ConnectionARN); err != nil {
			return err
		}
	}
	if in.RepositoryURL == "" || in.Branch == "" {
		return apprunner.Errorf(apprunner.InvalidRequest, "RepositoryUrl and Branch say what to look at.")
	}
	found, err := a.Detector.Detect(c.r.Context(), c.here, in)
	if err != nil {
		return err
	}
	found.Why = append([]string{}, found.Why...)
	return answer(c.w, found)
}
