// Package config reads apprunner.yaml. It accepts what App Runner accepts, with the same meaning, and
// names line, column and remedy for everything else. All problems of a file are told at once.
package config

import "github.com/slipway-run/slipway/internal/build/plan"

// File is the one name that App Runner reads, in the source directory.
const File = "apprunner.yaml"

// MaxSize is that of a file, in bytes. The largest ones in use have a few kilobytes.
const MaxSize = 256 << 10

// Config is what a file says.
//
// Source: App Runner developer guide, "App Runner configuration file reference".
type Config struct {
	Runtime      Text
	Version      Text   // run.runtime-version; empty for the newest
	PreBuild     []Text // commands
	Build        []Text
	PostBuild    []Text
	PreRun       []Text
	BuildEnv     []Variable // for all commands, and not for the application
	Start        Text
	Port         int
	PortVariable string // has the port too, besides PORT; "" for none
	Env          []Variable
	Secrets      []Secret
}

// Text is a value as it is written, and where.
type Text struct {
	Value  string
	Line   int
	Column int
}

// Variable is an environment variable, and where its value is written.
type Variable struct {
	plan.Variable
	Line   int
	Column int
}

// Secret is a variable whose value is kept elsewhere.
type Secret struct {
	Name string `json:"name"`
	From string `json:"from"` // ARN in Secrets Manager or Parameter Store, or the name of a parameter
}

// Parse reads a file. The configuration is complete unless one of the problems is an error. The name
// is how the problems speak of the file.
func Parse(name string, data []byte) (Config, Problems) {
	r := &reader{file: name}
	root := r.load(data)
	if root == nil {
		return Config{}, r.problems
	}
	c := r.top(root)
	r.settle()
	if !r.problems.Failed() {
		r.advise(c)
	}
	r.problems.sort()
	return c, r.problems
}
