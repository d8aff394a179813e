// Package plan is a build as data: which images it begins with, which commands run where, and what
// the image that comes out is like. A plan is made without touching the machine, printed for people,
// compared in tests, and carried out by BuildKit.
package plan

// Phase is a part of a build, as App Runner names it in the lines of a deployment log.
type Phase string

// The phases of a build, in the order of the log.
const (
	PreBuild  Phase = "PreBuild"
	Build     Phase = "Build"
	PreRun    Phase = "PreRun"
	PostBuild Phase = "PostBuild"
)

// Root is where the source repository is in every stage.
const Root = "/app"

// Plan is a build.
type Plan struct {
	Runtime string  `json:"runtime"` // name in apprunner.yaml, such as "python311"
	Version string  `json:"version"` // of the runtime, as its images have it
	Stages  []Stage `json:"stages"`  // each after those it begins from
	Image   Image   `json:"image"`
}

// Stage begins from an image or from an earlier stage, and does its steps one after another.
type Stage struct {
	Name string `json:"name"` // unique in the plan
	// Exactly one of the two says what the stage begins from.
	From  string `json:"from,omitempty"`  // an image
	Stage string `json:"stage,omitempty"` // an earlier stage

	Copies   []Copy     `json:"copies,omitempty"` // before the first command
	Dir      string     `json:"dir"`              // where the commands run: Root with the source directory
	Env      []Variable `json:"env,omitempty"`    // of the commands; not of the image
	Commands []Command  `json:"commands,omitempty"`
	// Ship marks the one stage whose files are the image. The others must succeed all the same.
	Ship bool `json:"ship,omitempty"`
}

// Copy brings files into a stage.
type Copy struct {
	Stage string `json:"stage,omitempty"` // from an earlier stage; empty for the source repository
	From  string `json:"from"`            // absolute path there
	To    string `json:"to"`
}

// Command is one step, a script for "/bin/sh -e". A step whose inputs have not changed is not run
// again.
type Command struct {
	Phase  Phase  `json:"phase"`
	Script string `json:"script"`
	// Shell is "/bin/bash" for a script that "/bin/sh" does not understand, which is bash on App
	// Runner and dash on Debian.
	Shell  string  `json:"shell,omitempty"`
	Caches []Cache `json:"caches,omitempty"`
}

// Cache is a folder that outlives the build, of a package manager for one. It is not part of the
// image, and no other service sees it. Not all package managers bear others in theirs, so one command
// has it at a time.
type Cache struct {
	Name   string `json:"name"` // such as "pip"
	Target string `json:"target"`
}

// Variable is an environment variable.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Image is what the image of the application says about itself.
type Image struct {
	Dir     string     `json:"dir"`
	Command []string   `json:"command"`
	Port    int        `json:"port"`
	Env     []Variable `json:"env,omitempty"` // what the runtime needs; never that of the service
}

// Failure is a build that failed by what the repository holds. It is the owner's to mend.
type Failure struct {
	Phase    Phase    // empty when no command failed
	Command  string   // that failed, as its owner wrote it
	ExitCode int      // 0 when it did not end by itself
	Output   []string // its last lines
	Reason   string   // a sentence: what happened, where, and what to do
}

func (f *Failure) Error() string { return f.Reason }
