package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/daemon"
)

const demoName = "hello"

func newDemo(g *globals) *cobra.Command {
	d := demo{globals: g}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Start Slipway if it does not run, and take a sample application to a URL",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.cmd = cmd
			return d.run(cmd.Context())
		},
	}
	program, _ := os.Executable()
	cmd.Flags().StringVar(&d.app, "app", filepath.Join(filepath.Dir(program), "hello"), "the sample application: a static Linux program that listens on PORT")
	cmd.Flags().StringVar(&d.api, "api-listen", "", "the address of the API, when Slipway is started")
	cmd.Flags().StringVar(&d.http, "http-listen", "", "the address of applications, when Slipway is started")
	return cmd
}

// demo is one run of the command.
type demo struct {
	*globals
	app, api, http string
	cmd            *cobra.Command
	client         *client
	image          string
	service        *apprunnerapi.Service
	answer         string
}

func (d *demo) run(ctx context.Context) error {
	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"Starting Slipway", d.start},
		{"Pushing the sample image into the embedded registry", d.push},
		{"Creating service " + demoName + " through the App Runner API and waiting for RUNNING", d.deploy},
		{"Calling its URL", d.call},
	}
	for i, step := range steps {
		fmt.Fprintf(d.cmd.OutOrStdout(), "[%d/%d] %s … ", i+1, len(steps), step.what)
		begin := time.Now()
		if err := step.do(ctx); err != nil {
			fmt.Fprintln(d.cmd.OutOrStdout(), "failed")
			return err
		}
		fmt.Fprintf(d.cmd.OutOrStdout(), "%.1f s\n", time.Since(begin).Seconds())
	}
	d.tell()
	return nil
}

// start runs "slipway serve" in the background unless a daemon runs already.
func (d *demo) start(ctx context.Context) error {
	dir, err := d.dir()
	if err != nil {
		return err
	}
	pid, err := daemon.Running(dir)
	if err != nil {
		return err
	}
	var ended <-chan error
	if pid == 0 {
		_ = os.Remove(filepath.Join(dir, "daemon.json")) // of a daemon that is gone
		if ended, err = d.spawn(dir); err != nil {
			return err
		}
	}
	for {
		if c, err := d.connect(); err == nil {
			_, err = c.services(ctx)
			if _, answered := errors.AsType[*apiError](err); err == nil || answered {
				d.client = c
				return err
			}
		}
		select {
		case <-ended:
			return fmt.Errorf("Slipway did not start:\n%s", tailOf(filepath.Join(dir, "slipway.log"), 4096))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// spawn starts the daemon so that it outlives this command.
func (d *demo) spawn(dir string) (<-chan error, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w. Slipway needs root: try sudo", err)
	}
	log, err := os.OpenFile(filepath.Join(dir, "slipway.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args := []string{"serve", "--data-dir", dir}
	if d.api != "" {
		args = append(args, "--api-listen", d.api)
	}
	if d.http != "" {
		args = append(args, "--http-listen", d.http)
	}
	serve := exec.Command(program, args...)
	serve.Stdout, serve.Stderr = log, log
	serve.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := serve.Start(); err != nil {
		return nil, fmt.Errorf("start Slipway: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve.Wait() }()
	return ended, nil
}

// tailOf returns the last bytes of a file.
func tailOf(file string, n int) string {
	data, _ := os.ReadFile(file)
	return strings.TrimSpace(string(data[max(0, len(data)-n):]))
}

func (d *demo) push(ctx context.Context) error {
	var err error
	d.image, err = d.client.pushProgram(ctx, d.app, demoName+":latest")
	return err
}

// deploy creates the service, or deploys the image again when there is one.
func (d *demo) deploy(ctx context.Context) error {
	found, err := d.client.lookup(ctx, demoName)
	if err != nil {
		return err
	}
	var out started
	if found == nil {
		err = d.client.call(ctx, "CreateService", apprunnerapi.CreateServiceInput{
			ServiceName: new(demoName),
			SourceConfiguration: &apprunnerapi.SourceConfiguration{
				ImageRepository: &apprunnerapi.ImageRepository{
					ImageIdentifier: &d.image, ImageRepositoryType: new(apprunnerapi.ImageRepositoryTypeEcr),
				},
				AuthenticationConfiguration: &apprunnerapi.AuthenticationConfiguration{AccessRoleArn: new(d.client.accessRole())},
			},
		}, &out)
	} else {
		err = d.again(ctx, *found, &out)
	}
	if err != nil {
		return err
	}
	var arn string
	if out.Service != nil {
		arn = *out.Service.ServiceArn
	} else {
		arn = *found.ServiceArn
	}
	if out.OperationId != nil {
		o, err := d.client.wait(ctx, arn, *out.OperationId, nil)
		if err != nil {
			return err
		}
		if o.Status != "SUCCEEDED" {
			return fmt.Errorf("the service did not start: %s", cmp.Or(o.Reason, string(o.Status)))
		}
	}
	var described apprunnerapi.DescribeServiceOutput
	err = d.client.call(ctx, "DescribeService", byArn{arn}, &described)
	d.service = described.Service
	return err
}

// again brings a service of an earlier demo to RUNNING.
func (d *demo) again(ctx context.Context, s apprunnerapi.ServiceSummary, out *started) error {
	switch *s.Status {
	case apprunnerapi.ServiceStatusPaused:
		return d.client.call(ctx, "ResumeService", byArn{*s.ServiceArn}, out)
	case apprunnerapi.ServiceStatusCreateFailed:
		return d.client.call(ctx, "UpdateService", byArn{*s.ServiceArn}, out)
	case apprunnerapi.ServiceStatusRunning:
		return nil
	}
	all, err := d.client.operations(ctx, *s.ServiceArn)
	if err == nil && len(all) > 0 {
		out.OperationId = &all[0].ID
	}
	return err
}

// call gets the page as a browser would.
func (d *demo) call(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.client.url(*d.service.ServiceUrl), nil)
	if err != nil {
		return err
	}
	// Browsers and curl know that every name under localhost is this machine; Go asks a resolver.
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, d.client.info.HTTP)
	}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return fmt.Errorf("call the service: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the answer of the service: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the service answered %s: %s", response.Status, bytes.TrimSpace(body))
	}
	d.answer = string(bytes.TrimSpace(body))
	return nil
}

// tell prints what there is now and what to try.
func (d *demo) tell() {
	program, dir := os.Args[0], ""
	if env := cmp.Or(os.Getenv("SLIPWAY_DATA_DIR"), "/var/lib/slipway"); d.dataDir != env {
		dir = " --data-dir " + d.dataDir
	}
	fmt.Fprintf(d.cmd.OutOrStdout(), `
It answers:
  %s

URL:      %s
Console:  %s   (sign in with the key that "%s env --secret%s" prints)

Try:
  curl %s
  eval "$(%[4]s env%[5]s)" && %[8]s apprunner list-services
  %[4]s logs -f %[7]s%[5]s

Slipway goes on running. Stop it: %[4]s down%[5]s
`, strings.ReplaceAll(d.answer, "\n", "\n  "), d.client.url(awsapi.Deref(d.service.ServiceUrl)), d.client.info.API, program, dir,
		d.client.url(*d.service.ServiceUrl), demoName, awsProgram())
}

// awsProgram is the AWS CLI of the machine, or the one that the build installed beside the program.
func awsProgram() string {
	own := filepath.Join(filepath.Dir(os.Args[0]), "tools/aws/bin/aws")
	if _, err := exec.LookPath("aws"); err != nil {
		if _, err := os.Stat(own); err == nil {
			return own
		}
	}
	return "aws"
}
