package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/admin"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/source/folder"
	"github.com/slipway-run/slipway/internal/source/remote"
)

// sourceURL is the RepositoryUrl of what is pushed for a service.
func (c *client) sourceURL(name string) string {
	return c.info.API + remote.Path(c.info.Region, c.region, name)
}

// inName is what the name of a service cannot have.
var inName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// nameOfFolder makes the name of a service from that of a folder: always the same one.
func nameOfFolder(dir string) (string, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	name := strings.Trim(inName.ReplaceAllString(filepath.Base(full), "-"), "-_")
	name = strings.TrimRight(name[:min(len(name), 40)], "-_")
	if name == "" {
		return "", fmt.Errorf("the folder %s has no name that a service can have. Give one with --name", full)
	}
	return nameOf(name), nil
}

// deployFolder sends a folder and brings its service to it.
func (c *client) deployFolder(cmd *cobra.Command, opts deployOptions) (err error) {
	if opts.name == "" {
		if opts.name, err = nameOfFolder(opts.dir); err != nil {
			return err
		}
	}
	if opts.changed("access-role") {
		return errors.New("--access-role is for images")
	}
	found, err := c.lookup(cmd.Context(), opts.name)
	if err != nil {
		return err
	}
	if opts.commit != "" {
		return c.deployCommit(cmd, opts, found)
	}
	wanted, err := c.want(cmd.Context(), opts, found)
	if err != nil {
		return err
	}
	p := newProgress(cmd.ErrOrStderr())
	defer p.end(false)
	p.enter("Send the files")
	sent, err := c.sendFolder(cmd.Context(), opts, wanted)
	if err != nil {
		return err
	}
	tellSent(p, sent)
	if sent.Same {
		p.end(true)
		fmt.Fprintf(cmd.OutOrStdout(), "Service %s runs these files already. Deploy them again with --force.\n%s\n", opts.name, c.url(*found.ServiceUrl))
		return nil
	}
	for {
		out, err := c.deploySent(cmd.Context(), opts, wanted)
		if err == nil {
			return c.watch(cmd, p, opts, out)
		}
		if !busy(err) {
			return err
		}
		p.enter("Wait for another operation") // an automatic deployment, for one
		if err := c.awaitIdle(cmd.Context(), *wanted.found.ServiceArn); err != nil {
			return err
		}
	}
}

// busy reports whether a service could not begin an operation because it has another one.
func busy(err error) bool {
	answered, ok := errors.AsType[*apiError](err)
	return ok && strings.Contains(answered.Message, "has an operation in progress")
}

// awaitIdle waits until a service has no operation under way.
func (c *client) awaitIdle(ctx context.Context, arn string) error {
	all, err := c.operations(ctx, arn)
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.EndedAt.IsZero() {
			_, err = c.wait(ctx, arn, o.ID, nil)
			return err
		}
	}
	return nil
}

// sendFolder sends the folder, unless the service runs just that.
func (c *client) sendFolder(ctx context.Context, opts deployOptions, w wish) (*folder.Snapshot, error) {
	serving := ""
	if !opts.force && !w.changed && w.found != nil && *w.found.Status == apprunnerapi.ServiceStatusRunning {
		serving = c.servingTree(ctx, opts.name)
	}
	sent, err := folder.Send(ctx, folder.Options{Dir: opts.dir, MaxFile: c.info.MaxPush, Dockerfile: opts.dockerfile, Known: serving}, folder.Target{
		URL: c.sourceURL(opts.name), User: c.key.ID, Password: c.key.Secret, Branch: w.branch, Options: []string{remote.OptionStore},
	})
	if err != nil {
		return nil, err
	}
	return sent, nil
}

// tellSent tells what was sent, and what was not.
func tellSent(p *progress, s *folder.Snapshot) {
	p.note("%d files, %s: %s", s.Files, size(s.Bytes), s.Message)
	if len(s.LeftOut) > 0 {
		p.note("Left out, since there is no .gitignore: %s", strings.Join(s.LeftOut, ", "))
	}
	if s.Ignored > 0 {
		p.note("Left out by .dockerignore: %d files", s.Ignored)
	}
	if len(s.Skipped) > 0 {
		p.note("Left out, since they are no files: %s", strings.Join(s.Skipped, ", "))
	}
}

func size(n int64) string {
	for _, unit := range []string{"bytes", "KiB", "MiB"} {
		if n < 1024 {
			return fmt.Sprintf("%d %s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%d GiB", n)
}

// servingTree is the id of the files that a service runs, "" when that cannot be told.
func (c *client) servingTree(ctx context.Context, name string) string {
	body, err := c.admin(ctx, http.MethodGet, "services/"+url.PathEscape(name)+"/revisions", nil)
	if err != nil {
		return ""
	}
	defer body.Close()
	var all []admin.Revision
	if json.NewDecoder(body).Decode(&all) != nil {
		return ""
	}
	for _, r := range all {
		if r.Serving && r.Commit != nil {
			return r.Commit.Tree
		}
	}
	return ""
}

// deploySent deploys what was sent: a new service, a changed one, or the same one.
func (c *client) deploySent(ctx context.Context, opts deployOptions, w wish) (started, error) {
	var out started
	if w.found != nil && len(w.tags) > 0 {
		var none apprunnerapi.TagResourceOutput
		if err := c.call(ctx, "TagResource", apprunnerapi.TagResourceInput{ResourceArn: w.found.ServiceArn, Tags: w.tags}, &none); err != nil {
			return out, err
		}
	}
	if len(w.untag) > 0 {
		var none apprunnerapi.UntagResourceOutput
		if err := c.call(ctx, "UntagResource", apprunnerapi.UntagResourceInput{ResourceArn: w.found.ServiceArn, TagKeys: w.untag}, &none); err != nil {
			return out, err
		}
	}
	if w.found == nil || w.changed || *w.found.Status != apprunnerapi.ServiceStatusRunning {
		return c.bring(ctx, opts.name, w.found, w.source, w.tags)
	}
	var begun struct{ OperationId *string }
	err := c.call(ctx, "StartDeployment", byArn{*w.found.ServiceArn}, &begun)
	return started{Service: &apprunnerapi.Service{ServiceArn: w.found.ServiceArn}, OperationId: begun.OperationId}, err
}

// deployCommit deploys one commit of the repository that a service has.
func (c *client) deployCommit(cmd *cobra.Command, opts deployOptions, found *apprunnerapi.ServiceSummary) error {
	if found == nil {
		return fmt.Errorf("there is no service %q in Region %s. See them with \"slipway services\"", opts.name, c.region)
	}
	id, err := c.begin(cmd.Context(), opts.name, "deploy-commit", map[string]string{"Commit": opts.commit})
	if err != nil {
		return err
	}
	out := started{Service: &apprunnerapi.Service{ServiceArn: found.ServiceArn}, OperationId: &id}
	return c.watch(cmd, newProgress(cmd.ErrOrStderr()), opts, out)
}
