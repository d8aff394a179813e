// Package build decides how the source code of a service is built and run: from its settings and its
// files to a plan, or to a Dockerfile. It only reads, and runs nothing.
package build

import (
	"io/fs"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/config"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// Catalogue has the images of the runtimes.
type Catalogue interface {
	// Pick returns the images of a runtime for a version lock, "" for the newest. A *VersionError
	// is the fault of who wrote the lock.
	Pick(runtime, lock string) (runtimes.Images, error)
}

// Request is what a service says of its build.
type Request struct {
	Code apprunner.CodeRepository
	Tags map[string]string
	// Given are settings that win over those of a file and of detection: the flags of the command line.
	Given Settings
	// Now is the time for warnings of the end of support; the zero time warns of nothing.
	Now time.Time
}

// Settings are those that the command line has flags for. The zero value sets nothing.
type Settings struct {
	Runtime string // as apprunner.yaml or the API names it
	Build   string
	Start   string
	Port    int
}

// Decision is how a service is built and run. Exactly one of Plan and Dockerfile is there.
type Decision struct {
	Plan       *plan.Plan  `json:"plan,omitempty"`
	Dockerfile *Dockerfile `json:"dockerfile,omitempty"`
	Run        Run         `json:"run"`
	Why        []string    `json:"why"` // sentences: what was found, and what follows from it
	Warnings   []string    `json:"warnings,omitempty"`
}

// Dockerfile is a build that BuildKit's own front end does. Both are absolute in the repository.
type Dockerfile struct {
	Path    string `json:"path"`
	Context string `json:"context"`
}

// Run is how the application runs.
type Run struct {
	Command      []string        `json:"command,omitempty"` // program and arguments; nothing for those of the image
	Dir          string          `json:"dir,omitempty"`     // "" for that of the image
	Port         int             `json:"port"`
	PortVariable string          `json:"portVariable,omitempty"` // has the port too, besides PORT
	Env          []plan.Variable `json:"env,omitempty"`          // without PORT and PortVariable
	Secrets      []config.Secret `json:"secrets,omitempty"`
}

// Decide reads the tree of a repository. What is wrong with it, or with the settings, is a
// *plan.Failure; other errors are those of reading.
func Decide(src fs.FS, request Request, catalogue Catalogue) (Decision, error) {
	d := decider{request: request, catalogue: catalogue, root: tree{src, "."}}
	if err := d.enter(request.Code.Directory); err != nil {
		return Decision{}, err
	}
	return d.decide()
}
