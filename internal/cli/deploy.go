package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// deployOptions is what a deployment can set. Flags that were not given leave a service as it is.
type deployOptions struct {
	name    string
	port    int
	env     []string
	start   string
	detach  bool
	changed func(flag string) bool

	// Of an image.
	role  string
	image string

	// Of a folder.
	dir        string
	runtime    string
	build      string
	dockerfile string
	source     string // directory in the folder
	commit     string
	force      bool
}

func newDeploy(g *globals) *cobra.Command {
	var opts deployOptions
	cmd := &cobra.Command{
		Use:   "deploy [PATH | IMAGE]",
		Short: "Run a folder's source code or an image as a service, or bring a service to its newest state",
		Long: `Run a folder's source code or an image as a service, or bring a service to its newest state.

PATH is a folder; without an argument it is the present one. What changed since the last time is sent,
without what .gitignore and .dockerignore leave out, and Slipway builds it: as apprunner.yaml says, from
the Dockerfile, or as the files suggest. The flags replace apprunner.yaml.

IMAGE is any image reference. A name without a host whose repository is in the embedded
registry means that one; others are Docker Hub's. A name that is a folder here too means the folder:
write nginx:latest for the image.`,
		Args: atMostOneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.changed = cmd.Flags().Changed
			what := "."
			if len(args) > 0 {
				what = args[0]
			}
			folder, err := isFolder(what)
			if err != nil {
				return err
			}
			c, err := g.connect()
			if err != nil {
				return err
			}
			if folder {
				opts.dir = what
				return c.deployFolder(cmd, opts)
			}
			return c.deployImage(cmd, opts, what)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.name, "name", "", "the name of the service; by default that of the folder, or the last part of the image's")
	flags.IntVar(&opts.port, "port", 0, "the port that the application listens on; by default 8080")
	flags.StringArrayVarP(&opts.env, "env", "e", nil, "an environment variable as NAME=VALUE; can be repeated")
	flags.StringVar(&opts.start, "start", "", "the command that starts the application")
	flags.StringVar(&opts.role, "access-role", "", "the ARN of the role that pulls from a private ECR registry")
	flags.BoolVarP(&opts.detach, "detach", "d", false, "do not wait for the end of the deployment")
	flags.StringVar(&opts.runtime, "runtime", "", "the managed runtime to build with, such as nodejs22, instead of the one that the files suggest")
	flags.StringVar(&opts.build, "build", "", "the command that builds the application")
	flags.StringVar(&opts.dockerfile, "dockerfile", "", "build this Dockerfile, also where there is an apprunner.yaml; alone: the one of that name")
	flags.Lookup("dockerfile").NoOptDefVal = "Dockerfile"
	flags.StringVar(&opts.source, "source-directory", "", "the directory below PATH to build in; all of PATH is sent")
	flags.StringVar(&opts.commit, "commit", "", "deploy this commit of the service's repository and send nothing")
	flags.BoolVar(&opts.force, "force", false, "deploy also when the service runs the same files already")
	return cmd
}

// isFolder tells a folder from an image.
func isFolder(what string) (bool, error) {
	info, err := os.Stat(what)
	switch {
	case err == nil && info.IsDir():
		return true, nil
	case err == nil:
		return false, fmt.Errorf("%q is a file. Give the folder that it is in, or an image", what)
	case strings.HasPrefix(what, "/"), strings.HasPrefix(what, "."), strings.HasPrefix(what, "~"):
		return false, fmt.Errorf("there is no folder %q", what)
	default:
		return false, nil
	}
}

// nameOf makes the name of a service from that of an image. App Runner wants four characters at
// least.
func nameOf(image string) string {
	name, _, _ := strings.Cut(path.Base(image), "@")
	name, _, _ = strings.Cut(name, ":")
	if len(name) < 4 {
		return name + "-service"
	}
	return name
}

func (c *client) deployImage(cmd *cobra.Command, opts deployOptions, image string) error {
	for _, flag := range []string{"runtime", "build", "dockerfile", "source-directory", "commit", "force"} {
		if opts.changed(flag) {
			return fmt.Errorf("--%s is for source code, and %q is no folder here, so it is taken for an image", flag, image)
		}
	}
	var embedded bool
	var err error
	if opts.image, embedded, err = c.local(cmd.Context(), image); err != nil {
		return err
	}
	if embedded && opts.role == "" {
		opts.role = c.accessRole()
	}
	if opts.name == "" {
		opts.name = nameOf(image)
	}
	source, err := opts.imageSource()
	if err != nil {
		return err
	}
	found, err := c.lookup(cmd.Context(), opts.name)
	if err != nil {
		return err
	}
	out, err := c.bring(cmd.Context(), opts.name, found, source, nil)
	if err != nil {
		return err
	}
	return c.watch(cmd, newProgress(cmd.ErrOrStderr()), opts, out)
}

// bring makes a service with a source, or changes the one that was found.
func (c *client) bring(ctx context.Context, name string, found *apprunnerapi.ServiceSummary, source *apprunnerapi.SourceConfiguration, tags []apprunnerapi.Tag) (started, error) {
	var out started
	if found == nil {
		return out, c.call(ctx, "CreateService", apprunnerapi.CreateServiceInput{ServiceName: &name, SourceConfiguration: source, Tags: tags}, &out)
	}
	return out, c.call(ctx, "UpdateService", apprunnerapi.UpdateServiceInput{ServiceArn: found.ServiceArn, SourceConfiguration: source}, &out)
}

// watch shows a deployment until it ends.
func (c *client) watch(cmd *cobra.Command, p *progress, opts deployOptions, out started) error {
	defer p.end(false)
	if opts.detach {
		p.end(true)
		fmt.Fprintln(cmd.OutOrStdout(), *out.OperationId)
		return nil
	}
	begin := time.Now()
	stop := c.streamDeployment(cmd, p, opts.name, *out.OperationId)
	o, err := c.wait(cmd.Context(), *out.Service.ServiceArn, *out.OperationId, func(o operation) {
		if phase := phases[string(o.Step)]; phase != "" {
			p.enter(phase)
		}
	})
	stop()
	if cmd.Context().Err() != nil {
		p.end(false)
		return fmt.Errorf("interrupted. The deployment goes on: see it with \"slipway operations %s\"", opts.name)
	}
	if err != nil {
		return err
	}
	p.end(o.Status == apprunner.OperationSucceeded)
	return c.conclude(cmd, *out.Service.ServiceArn, o, begin)
}

// imageSource is the SourceConfiguration of the request.
func (o deployOptions) imageSource() (*apprunnerapi.SourceConfiguration, error) {
	image := &apprunnerapi.ImageConfiguration{}
	if o.changed("port") {
		image.Port = new(strconv.Itoa(o.port))
	}
	if o.changed("start") {
		image.StartCommand = &o.start
	}
	var err error
	if image.RuntimeEnvironmentVariables, err = o.variables(); err != nil {
		return nil, err
	}
	kind := apprunnerapi.ImageRepositoryTypeEcr
	if strings.HasPrefix(o.image, "public.ecr.aws/") {
		kind = apprunnerapi.ImageRepositoryTypeEcrPublic
	}
	source := &apprunnerapi.SourceConfiguration{ImageRepository: &apprunnerapi.ImageRepository{
		ImageIdentifier: &o.image, ImageRepositoryType: &kind, ImageConfiguration: image,
	}}
	if o.role != "" {
		source.AuthenticationConfiguration = &apprunnerapi.AuthenticationConfiguration{AccessRoleArn: &o.role}
	}
	return source, nil
}

// variables are the environment variables that were given, nil for none.
func (o deployOptions) variables() (all map[string]string, err error) {
	for _, pair := range o.env {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--env %q is not NAME=VALUE", pair)
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = value
	}
	return all, nil
}

// streamDeployment shows the deployment log of an operation until the returned function is called.
func (c *client) streamDeployment(cmd *cobra.Command, p *progress, service, operationID string) (stop func()) {
	done := make(chan struct{})
	path := "services/" + url.PathEscape(service) + "/logs?" + (&logOptions{stream: "deployment/" + operationID, follow: true}).query()
	body, err := c.admin(cmd.Context(), http.MethodGet, path, nil)
	if err != nil {
		return func() {}
	}
	go func() {
		defer close(done)
		decoder := json.NewDecoder(body)
		for {
			var line admin.Line
			if decoder.Decode(&line) != nil {
				return
			}
			p.line(line.Time, line.Text)
		}
	}()
	return func() {
		_ = body.Close()
		<-done
	}
}
