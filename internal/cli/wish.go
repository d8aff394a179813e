package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// wish is what a service is to be so that it deploys a folder.
type wish struct {
	found   *apprunnerapi.ServiceSummary // nil for none yet
	source  *apprunnerapi.SourceConfiguration
	tags    []apprunnerapi.Tag
	branch  string
	changed bool // the service is not like that
}

// Tags of a service that is built from a Dockerfile.
const (
	tagBuild      = "slipway:build"
	tagDockerfile = "slipway:dockerfile"
)

// want finds what a service is to be, from the flags and from what it is.
func (c *client) want(ctx context.Context, opts deployOptions, found *apprunnerapi.ServiceSummary) (wish, error) {
	w := wish{found: found, branch: "main"}
	repository := &apprunnerapi.CodeRepository{RepositoryUrl: new(c.sourceURL(opts.name))}
	var before *apprunnerapi.CodeRepository
	auto := new(true)
	if found != nil {
		var out apprunnerapi.DescribeServiceOutput
		if err := c.call(ctx, "DescribeService", byArn{*found.ServiceArn}, &out); err != nil {
			return w, err
		}
		if s := out.Service.SourceConfiguration; s != nil && s.CodeRepository != nil && *s.CodeRepository.RepositoryUrl == *repository.RepositoryUrl {
			before, auto = s.CodeRepository, s.AutoDeploymentsEnabled
			w.branch = *before.SourceCodeVersion.Value
			repository.SourceDirectory, repository.CodeConfiguration = before.SourceDirectory, before.CodeConfiguration
		}
	}
	version := apprunnerapi.SourceCodeVersionTypeBranch
	repository.SourceCodeVersion = &apprunnerapi.SourceCodeVersion{Type: &version, Value: &w.branch}
	if opts.changed("source-directory") {
		repository.SourceDirectory = &opts.source
	}
	if opts.dockerfile != "" {
		w.tags = []apprunnerapi.Tag{{Key: new(tagBuild), Value: new("dockerfile")}, {Key: new(tagDockerfile), Value: &opts.dockerfile}}
	}
	var err error
	if w.changed, err = c.tagged(ctx, found, w.tags); err != nil {
		return w, err
	}
	if repository.CodeConfiguration, err = opts.configuration(repository.CodeConfiguration); err != nil {
		return w, err
	}
	w.source = &apprunnerapi.SourceConfiguration{CodeRepository: repository, AutoDeploymentsEnabled: auto}
	w.changed = w.changed || before == nil || !reflect.DeepEqual(before.CodeConfiguration, repository.CodeConfiguration) || directory(before) != directory(repository)
	return w, nil
}

// tagged reports whether tags are to be set that a service has not got.
func (c *client) tagged(ctx context.Context, found *apprunnerapi.ServiceSummary, tags []apprunnerapi.Tag) (bool, error) {
	if found == nil || len(tags) == 0 {
		return false, nil
	}
	var out apprunnerapi.ListTagsForResourceOutput
	if err := c.call(ctx, "ListTagsForResource", apprunnerapi.ListTagsForResourceInput{ResourceArn: found.ServiceArn}, &out); err != nil {
		return false, err
	}
	has := map[string]string{}
	for _, t := range out.Tags {
		has[*t.Key] = *t.Value
	}
	for _, t := range tags {
		if has[*t.Key] != *t.Value {
			return true, nil
		}
	}
	return false, nil
}

func directory(r *apprunnerapi.CodeRepository) string {
	if r.SourceDirectory == nil {
		return "/"
	}
	return filepath.Join("/", *r.SourceDirectory)
}

// configuration is the CodeConfiguration of the request. Without flags it stays as it is: that of the
// repository, at first.
func (o deployOptions) configuration(before *apprunnerapi.CodeConfiguration) (*apprunnerapi.CodeConfiguration, error) {
	given := false
	for _, flag := range []string{"port", "env", "start", "build", "runtime"} {
		given = given || o.changed(flag)
	}
	api, repository := apprunnerapi.ConfigurationSourceApi, apprunnerapi.ConfigurationSourceRepository
	if !given {
		if before == nil {
			before = &apprunnerapi.CodeConfiguration{ConfigurationSource: &repository}
		}
		return before, nil
	}
	values := &apprunnerapi.CodeConfigurationValues{}
	if before != nil && before.CodeConfigurationValues != nil {
		*values = *before.CodeConfigurationValues
	}
	if o.changed("port") {
		values.Port = new(strconv.Itoa(o.port))
	}
	if o.changed("start") {
		values.StartCommand = &o.start
	}
	if o.changed("build") {
		values.BuildCommand = &o.build
	}
	if o.changed("env") {
		variables, err := o.variables()
		if err != nil {
			return nil, err
		}
		values.RuntimeEnvironmentVariables = variables
	}
	if o.changed("runtime") || values.Runtime == nil {
		runtime, err := o.chosenRuntime()
		if err != nil {
			return nil, err
		}
		values.Runtime = &runtime
	}
	return &apprunnerapi.CodeConfiguration{ConfigurationSource: &api, CodeConfigurationValues: values}, nil
}

// anyRuntime is told where a Dockerfile builds: the API wants a runtime, and nothing uses it.
const anyRuntime = apprunnerapi.RuntimeGo1

// chosenRuntime is the runtime of the flags, or what the files suggest.
func (o deployOptions) chosenRuntime() (apprunnerapi.Runtime, error) {
	if o.runtime != "" {
		return apiRuntime(o.runtime), nil
	}
	dir := filepath.Join(o.dir, o.source)
	if _, err := os.Stat(filepath.Join(dir, "apprunner.yaml")); err == nil && o.dockerfile == "" {
		return "", fmt.Errorf("%s says how to build and run, and flags would replace all of it. Change the file, or give --runtime to do without it", filepath.Join(dir, "apprunner.yaml"))
	}
	if _, err := os.Stat(filepath.Join(dir, "Dockerfile")); err == nil || o.dockerfile != "" {
		return anyRuntime, nil
	}
	return suggested(dir)
}

var runtimeForm = regexp.MustCompile(`^([a-z]+)([0-9]+)$`)

// apiRuntime is how the API names a runtime: NODEJS_22 for nodejs22.
func apiRuntime(name string) apprunnerapi.Runtime {
	if m := runtimeForm.FindStringSubmatch(strings.ToLower(name)); m != nil {
		return apprunnerapi.Runtime(strings.ToUpper(m[1]) + "_" + m[2])
	}
	return apprunnerapi.Runtime(strings.ToUpper(name))
}

// suggested is the runtime that the files of a folder suggest.
func suggested(dir string) (apprunnerapi.Runtime, error) {
	return "", fmt.Errorf("--port, --env, --start and --build replace what Slipway finds in %s, so it has to be told the runtime too, such as --runtime nodejs22", dir)
}
