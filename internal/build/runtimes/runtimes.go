// Package runtimes knows the managed runtimes: their names, versions and rules, and which images
// stand for them.
package runtimes

import "time"

// Pipeline is how a runtime builds.
//
// Source: App Runner developer guide, "App Runner managed runtime versions and build process".
type Pipeline string

// The pipelines. In the original one, commands of a phase share a shell, and "build" runs again in the
// run image. In the revised one, each command is a step of its own, and only /app is carried over.
const (
	Original Pipeline = "original"
	Revised  Pipeline = "revised"
)

// Runtime is one managed runtime.
type Runtime struct {
	Name     string // in apprunner.yaml, such as "python311"
	API      string // in the API, such as "PYTHON_311"
	Language string // python, nodejs, java, go, dotnet, php or ruby
	Pipeline Pipeline
	// AWS is false for a runtime that App Runner never had.
	AWS bool
	// EndOfSupport is when App Runner stopped to take new services; zero for never.
	EndOfSupport time.Time
}

// Images are what a runtime, at a version, builds and runs in.
type Images struct {
	Version string // such as "3.11.14"
	Build   string // reference of the image with compilers and package managers
	Run     string // reference of the image of the application
}
