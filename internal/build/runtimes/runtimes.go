// Package runtimes knows the managed runtimes: their names, versions and rules, and which images
// stand for them.
package runtimes

import (
	"slices"
	"time"
)

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
	// Successor is the runtime to go to after the end of support. It is the runtime itself where
	// Slipway has versions that App Runner never had, so that nothing ends.
	Successor string

	version number // that the name promises
}

// Images are what a runtime, at a version, builds and runs in.
type Images struct {
	Version string // such as "3.11.14"
	Build   string // reference of the image with compilers and package managers
	Run     string // reference of the image of the application
	// Note tells how the images are not quite what the name of the runtime says. It belongs into the
	// deployment log. Empty for images that are.
	Note string
	// Site is true for images that this site's own catalogue names, such as those built here.
	Site bool
}

// Ends of support.
//
// Source: App Runner developer guide, "Managed runtime version end of support".
var (
	endOf2025 = time.Date(2025, time.December, 1, 0, 0, 0, 0, time.UTC)
	endOfPHP  = time.Date(2025, time.December, 31, 0, 0, 0, 0, time.UTC)
)

// all is every runtime, by language and then by version. A runtime that App Runner never had builds
// like its language did there last: so a file that was written for corretto11 means the same with
// corretto17 in it.
var all = []Runtime{
	{Name: "python3", API: "PYTHON_3", Language: "python", Pipeline: Original, AWS: true, EndOfSupport: endOf2025, Successor: "python311", version: number{3, 8}},
	{Name: "python311", API: "PYTHON_311", Language: "python", Pipeline: Revised, AWS: true, version: number{3, 11}},
	{Name: "python312", API: "PYTHON_312", Language: "python", Pipeline: Revised, version: number{3, 12}},
	{Name: "python313", API: "PYTHON_313", Language: "python", Pipeline: Revised, version: number{3, 13}},
	{Name: "python314", API: "PYTHON_314", Language: "python", Pipeline: Revised, version: number{3, 14}},

	{Name: "nodejs12", API: "NODEJS_12", Language: "nodejs", Pipeline: Original, AWS: true, EndOfSupport: endOf2025, Successor: "nodejs22", version: number{12, 0}},
	{Name: "nodejs14", API: "NODEJS_14", Language: "nodejs", Pipeline: Original, AWS: true, EndOfSupport: endOf2025, Successor: "nodejs22", version: number{14, 0}},
	{Name: "nodejs16", API: "NODEJS_16", Language: "nodejs", Pipeline: Original, AWS: true, EndOfSupport: endOf2025, Successor: "nodejs22", version: number{16, 0}},
	{Name: "nodejs18", API: "NODEJS_18", Language: "nodejs", Pipeline: Revised, AWS: true, EndOfSupport: endOf2025, Successor: "nodejs22", version: number{18, 0}},
	{Name: "nodejs20", API: "NODEJS_20", Language: "nodejs", Pipeline: Revised, version: number{20, 0}},
	{Name: "nodejs22", API: "NODEJS_22", Language: "nodejs", Pipeline: Revised, AWS: true, version: number{22, 0}},
	{Name: "nodejs24", API: "NODEJS_24", Language: "nodejs", Pipeline: Revised, version: number{24, 0}},

	{Name: "corretto8", API: "CORRETTO_8", Language: "java", Pipeline: Original, AWS: true, version: number{8, 0}},
	{Name: "corretto11", API: "CORRETTO_11", Language: "java", Pipeline: Original, AWS: true, version: number{11, 0}},
	{Name: "corretto17", API: "CORRETTO_17", Language: "java", Pipeline: Original, version: number{17, 0}},
	{Name: "corretto21", API: "CORRETTO_21", Language: "java", Pipeline: Original, version: number{21, 0}},

	// App Runner ended go1 because its Go was 1.18; here it has today's Go.
	{Name: "go1", API: "GO_1", Language: "go", Pipeline: Original, AWS: true, EndOfSupport: endOf2025, Successor: "go1", version: number{1, 0}},

	{Name: "dotnet6", API: "DOTNET_6", Language: "dotnet", Pipeline: Original, AWS: true, EndOfSupport: endOf2025, Successor: "dotnet8", version: number{6, 0}},
	{Name: "dotnet8", API: "DOTNET_8", Language: "dotnet", Pipeline: Original, version: number{8, 0}},

	{Name: "php81", API: "PHP_81", Language: "php", Pipeline: Original, AWS: true, EndOfSupport: endOfPHP, Successor: "php84", version: number{8, 1}},
	{Name: "php84", API: "PHP_84", Language: "php", Pipeline: Original, version: number{8, 4}},

	{Name: "ruby31", API: "RUBY_31", Language: "ruby", Pipeline: Original, AWS: true, EndOfSupport: endOf2025, Successor: "ruby34", version: number{3, 1}},
	{Name: "ruby34", API: "RUBY_34", Language: "ruby", Pipeline: Original, version: number{3, 4}},
}

// All returns every runtime, by language and then by version.
func All() []Runtime { return slices.Clone(all) }

// Find returns the runtime with a name of apprunner.yaml. Names are exact, as App Runner takes them.
func Find(name string) (Runtime, bool) {
	return find(func(r Runtime) bool { return r.Name == name })
}

// ByAPI returns the runtime with a name of the API.
func ByAPI(api string) (Runtime, bool) {
	return find(func(r Runtime) bool { return r.API == api })
}

func find(match func(Runtime) bool) (Runtime, bool) {
	if i := slices.IndexFunc(all, match); i >= 0 {
		return all[i], true
	}
	return Runtime{}, false
}
