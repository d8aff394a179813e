package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/admin"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// deployOptions is what a deployment can set. Flags that were not given leave a service as it is.
type deployOptions struct {
	name    string
	port    int
	env     []string
	start   string
	detach  bool
	role    string
	image   string
	changed func(flag string) bool
}

func newDeploy(g *globals) *cobra.Command {
	var opts deployOptions
	cmd := &cobra.Command{
		Use:   "deploy IMAGE",
		Short: "Run an image as a service, or bring a service to an image",
		Long: `Run an image as a service, or bring a service to an image.

IMAGE is any image reference. A name without a host whose repository is in the embedded
registry means that one; others are Docker Hub's.`,
		Args: oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
				return fmt.Errorf("%q is a folder: this version of Slipway deploys images only. Build one, push it, and give its name", args[0])
			}
			c, err := g.connect()
			if err != nil {
				return err
			}
			var embedded bool
			if opts.image, embedded, err = c.local(cmd.Context(), args[0]); err != nil {
				return err
			}
			if embedded && opts.role == "" {
				opts.role = c.accessRole()
			}
			opts.changed = cmd.Flags().Changed
			if opts.name == "" {
				opts.name = nameOf(args[0])
			}
			return c.deploy(cmd, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.name, "name", "", "the name of the service; by default the last part of the image's")
	flags.IntVar(&opts.port, "port", 0, "the port that the application listens on; by default 8080")
	flags.StringArrayVarP(&opts.env, "env", "e", nil, "an environment variable as NAME=VALUE; can be repeated")
	flags.StringVar(&opts.start, "start", "", "the command to run instead of the image's")
	flags.StringVar(&opts.role, "access-role", "", "the ARN of the role that pulls from a private ECR registry")
	flags.BoolVarP(&opts.detach, "detach", "d", false, "do not wait for the end of the deployment")
	return cmd
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

func (c *client) deploy(cmd *cobra.Command, opts deployOptions) error {
	source, err := opts.source()
	if err != nil {
		return err
	}
	var out started
	found, err := c.lookup(cmd.Context(), opts.name)
	switch {
	case err != nil:
		return err
	case found == nil:
		err = c.call(cmd.Context(), "CreateService", apprunnerapi.CreateServiceInput{ServiceName: &opts.name, SourceConfiguration: source}, &out)
	default:
		err = c.call(cmd.Context(), "UpdateService", apprunnerapi.UpdateServiceInput{ServiceArn: found.ServiceArn, SourceConfiguration: source}, &out)
	}
	if err != nil {
		return err
	}
	if opts.detach {
		fmt.Fprintln(cmd.OutOrStdout(), *out.OperationId)
		return nil
	}
	follow := c.streamDeployment(cmd, opts.name, *out.OperationId)
	defer follow()
	return c.follow(cmd, *out.Service.ServiceArn, *out.OperationId)
}

// source is the SourceConfiguration of the request.
func (o deployOptions) source() (*apprunnerapi.SourceConfiguration, error) {
	image := &apprunnerapi.ImageConfiguration{}
	if o.changed("port") {
		image.Port = new(strconv.Itoa(o.port))
	}
	if o.changed("start") {
		image.StartCommand = &o.start
	}
	for _, pair := range o.env {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--env %q is not NAME=VALUE", pair)
		}
		if image.RuntimeEnvironmentVariables == nil {
			image.RuntimeEnvironmentVariables = map[string]string{}
		}
		image.RuntimeEnvironmentVariables[name] = value
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

// streamDeployment prints the deployment log of an operation until the returned function is called.
func (c *client) streamDeployment(cmd *cobra.Command, service, operationID string) (stop func()) {
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
			fmt.Fprintln(cmd.ErrOrStderr(), line.Time.Local().Format("15:04:05.000"), line.Text)
		}
	}()
	return func() {
		_ = body.Close()
		<-done
	}
}
