package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/build/config"
	"github.com/slipway-run/slipway/internal/build/detect"
	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// wish is what a service is to be so that it deploys a folder.
type wish struct {
	found   *apprunnerapi.ServiceSummary // nil for none yet
	source  *apprunnerapi.SourceConfiguration
	tags    []apprunnerapi.Tag // to set
	untag   []string           // keys of tags to take away
	branch  string
	changed bool // the service is not like that
}

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
	if opts.dockerfile == "" && opts.replaces() && opts.hasDockerfile() {
		opts.dockerfile = "Dockerfile" // with settings of the API, the files do not tell any more
	}
	if opts.dockerfile != "" {
		w.tags = []apprunnerapi.Tag{{Key: new(apprunner.TagBuild), Value: new("dockerfile")}, {Key: new(apprunner.TagDockerfile), Value: &opts.dockerfile}}
	}
	var err error
	if err = c.compareTags(ctx, &w, opts); err != nil {
		return w, err
	}
	if repository.CodeConfiguration, err = opts.configuration(repository.CodeConfiguration); err != nil {
		return w, err
	}
	w.source = &apprunnerapi.SourceConfiguration{CodeRepository: repository, AutoDeploymentsEnabled: auto}
	w.changed = w.changed || before == nil || !reflect.DeepEqual(before.CodeConfiguration, repository.CodeConfiguration) || directory(before) != directory(repository)
	return w, nil
}

// compareTags finds out which tags a service has to get and to lose.
func (c *client) compareTags(ctx context.Context, w *wish, opts deployOptions) error {
	if w.found == nil || (len(w.tags) == 0 && opts.runtime == "") {
		return nil
	}
	var out apprunnerapi.ListTagsForResourceOutput
	if err := c.call(ctx, "ListTagsForResource", apprunnerapi.ListTagsForResourceInput{ResourceArn: w.found.ServiceArn}, &out); err != nil {
		return err
	}
	has := map[string]string{}
	for _, t := range out.Tags {
		has[*t.Key] = *t.Value
	}
	w.tags = slices.DeleteFunc(w.tags, func(t apprunnerapi.Tag) bool { return has[*t.Key] == *t.Value })
	if opts.dockerfile == "" {
		for _, key := range []string{apprunner.TagBuild, apprunner.TagDockerfile} {
			if _, ok := has[key]; ok {
				w.untag = append(w.untag, key)
			}
		}
	}
	w.changed = len(w.tags) > 0 || len(w.untag) > 0
	return nil
}

func directory(r *apprunnerapi.CodeRepository) string {
	if r.SourceDirectory == nil {
		return "/"
	}
	return filepath.Join("/", *r.SourceDirectory)
}

// replaces reports whether there are flags that replace what the folder says.
func (o deployOptions) replaces() bool {
	return slices.ContainsFunc([]string{"port", "env", "start", "build", "runtime"}, o.changed)
}

// hasDockerfile reports whether the folder is built from a Dockerfile when nothing else is said.
func (o deployOptions) hasDockerfile() bool {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(o.dir, o.source, name))
		return err == nil
	}
	return o.runtime == "" && has("Dockerfile") && !has("apprunner.yaml")
}

// configuration is the CodeConfiguration of the request. Without flags it stays as it is: that of the
// repository, at first.
func (o deployOptions) configuration(before *apprunnerapi.CodeConfiguration) (*apprunnerapi.CodeConfiguration, error) {
	api, repository := apprunnerapi.ConfigurationSourceApi, apprunnerapi.ConfigurationSourceRepository
	if !o.replaces() {
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
		return apiRuntime(o.runtime)
	}
	dir := filepath.Join(o.dir, o.source)
	if _, err := os.Stat(filepath.Join(dir, "apprunner.yaml")); err == nil && o.dockerfile == "" {
		return "", fmt.Errorf("%s says how to build and run, and flags would replace all of it. Change the file, or give --runtime to do without it", filepath.Join(dir, "apprunner.yaml"))
	}
	if o.dockerfile != "" {
		return anyRuntime, nil
	}
	return suggested(dir)
}

// apiRuntime is how the API names a runtime: NODEJS_22 for nodejs22.
func apiRuntime(name string) (apprunnerapi.Runtime, error) {
	if r, ok := runtimes.Find(strings.ToLower(name)); ok {
		return apprunnerapi.Runtime(r.API), nil
	}
	if r, ok := runtimes.ByAPI(strings.ToUpper(name)); ok {
		return apprunnerapi.Runtime(r.API), nil
	}
	return "", fmt.Errorf("--runtime %q is none of the managed runtimes. %s", name, config.Suggest(name))
}

// suggested is the runtime that the files of a folder suggest.
func suggested(dir string) (apprunnerapi.Runtime, error) {
	guess, err := detect.Detect(os.DirFS(dir), "", func(string) bool { return true })
	if err != nil {
		return "", err
	}
	runtime, ok := runtimes.Find(guess.Runtime)
	if !ok {
		return "", fmt.Errorf("%s looks like %s, which is no runtime. Give one with --runtime", dir, guess.Runtime)
	}
	return apprunnerapi.Runtime(runtime.API), nil
}
