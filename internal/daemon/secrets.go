package daemon

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	"github.com/slipway-run/slipway/internal/awsapi/handlers"
	secretsapi "github.com/slipway-run/slipway/internal/awsapi/secretsmanager"
	ssmapi "github.com/slipway-run/slipway/internal/awsapi/ssm"
	"github.com/slipway-run/slipway/internal/iam"
	"github.com/slipway-run/slipway/internal/secret"
	"github.com/slipway-run/slipway/internal/source/aws"
)

// SecretsConfig is where secrets are looked for that Slipway does not have.
type SecretsConfig struct {
	// Files is a directory with a file for each secret and parameter, such as what a vault agent
	// writes; "" for none.
	Files string `yaml:"files"`
	// Environment is what the names of variables of the daemon begin with that are secrets; "" for none.
	Environment string `yaml:"environment"`
	// AWS asks the real Secrets Manager and Parameter Store, with the credentials of this machine.
	AWS bool `yaml:"aws"`
}

func (c SecretsConfig) validate() (errs []error) {
	if c.Environment != "" && !prefixForm.MatchString(c.Environment) {
		errs = append(errs, fmt.Errorf("secrets.environment %q is not what the name of a variable can begin with, such as SLIPWAY_SECRET_", c.Environment))
	}
	if c.Files == "" {
		return errs
	}
	if info, err := os.Stat(c.Files); err != nil || !info.IsDir() || !filepath.IsAbs(c.Files) {
		errs = append(errs, fmt.Errorf("secrets.files %q is not the absolute path of a directory", c.Files))
	}
	return errs
}

var prefixForm = regexp.MustCompile(`\A[A-Z_][A-Z0-9_]{3,}\z`)

// openSecrets makes what keeps secrets and parameters, and what finds them for services.
func (d *Daemon) openSecrets() (err error) {
	d.secrets = &secret.Secrets{Account: d.config.Account, Store: d.store.Secrets(), Tags: d.store, Now: time.Now, Changed: d.secretsChanged}
	d.parameters = &secret.Parameters{Account: d.config.Account, Store: d.store.Parameters(), Tags: d.store, Now: time.Now, Changed: d.secretsChanged}
	d.resolver = &secret.Resolver{Account: d.config.Account, Secrets: d.secrets, Parameters: d.parameters, Allowed: d.roleMay}
	key := []byte(d.key.Secret) // nothing is encrypted with it: it tells versions of other sources apart
	if dir := d.config.Secrets.Files; dir != "" {
		d.resolver.Elsewhere = append(d.resolver.Elsewhere, secret.Files{Dir: dir, Key: key})
	}
	if prefix := d.config.Secrets.Environment; prefix != "" {
		d.resolver.Elsewhere = append(d.resolver.Elsewhere, secret.Environment{Prefix: prefix, Key: key})
	}
	if d.config.Secrets.AWS {
		d.resolver.Elsewhere = append(d.resolver.Elsewhere, realSecrets{&aws.Secrets{Logins: aws.Logins{Credentials: aws.FromMachine}}})
	}
	d.rolePolicy, err = readPolicies(d.config.Roles.Policies)
	return err
}

func readPolicies(files map[string]string) (map[string]*iam.Policy, error) {
	policies := map[string]*iam.Policy{}
	for role, file := range files {
		document, err := os.ReadFile(file)
		if err == nil {
			policies[role], err = iam.ParsePolicy(document)
		}
		if err != nil {
			return nil, fmt.Errorf("roles.policies of %q, file %q: %w", role, file, err)
		}
	}
	return policies, nil
}

// policyOf is what the configuration says of a role, by ARN, by name with path, or by name.
func (d *Daemon) policyOf(role string) *iam.Policy {
	_, name, _ := strings.Cut(role, ":role/")
	for _, key := range []string{role, name, path.Base(name)} {
		if p := d.rolePolicy[key]; p != nil {
			return p
		}
	}
	return nil
}

// roleMay refuses what an instance role may not do. Slipway has no IAM: without a policy in the
// configuration, a role may read what is in its account.
func (d *Daemon) roleMay(ctx context.Context, role, action, resource string) error {
	policy := d.policyOf(role)
	if policy == nil {
		return nil
	}
	request := iam.Context{}
	tags, err := d.store.Tags(ctx, resource)
	if err != nil {
		return err
	}
	parts := strings.SplitN(resource, ":", 6)
	for key, value := range tags {
		request.Set("aws:ResourceTag/"+key, value)
		request.Set(parts[2]+":ResourceTag/"+key, value)
	}
	request.Set("aws:RequestedRegion", parts[3])
	request.Set("aws:PrincipalArn", role)
	request.Set("aws:SecureTransport", "true")
	if policy.Allows(iam.Request{Action: action, Resource: resource, Context: request}) == iam.Allowed {
		return nil
	}
	return secret.Errorf("AccessDeniedException", "the instance role %s may not do %s on %s, says its policy in the configuration (roles.policies). Allow it there, or set another InstanceRoleArn.", role, action, resource)
}

// checkSecret refuses references into another account, which nothing here could follow.
func (d *Daemon) checkSecret(name string, ref apprunner.SecretReference) error {
	if ref.Account == d.config.Account || len(d.resolver.Elsewhere) > 0 {
		return nil
	}
	return apprunner.Errorf(apprunner.InvalidRequest, "RuntimeEnvironmentSecrets: %s names a secret of account %s, and this Slipway has account %s. Create the secret here, or have secrets of AWS or from files looked for too: secrets.aws and secrets.files in the configuration.", name, ref.Account, d.config.Account)
}

// secretsChanged has every service looked at: which secrets it runs with is in its revision.
func (d *Daemon) secretsChanged() {
	services, err := d.store.Services(d.ctx, "")
	if err != nil {
		if d.ctx.Err() == nil {
			d.log.Error("services could not be read after a change of secrets", "error", err)
		}
		return
	}
	for _, s := range services {
		if s.Status == apprunner.ServiceRunning {
			d.redeployer.Look(s.ID)
		}
	}
}

// filesEvery is how often the directory of secrets is looked at.
const filesEvery = 5 * time.Second

// watchFiles has services looked at when files in the directory of secrets change, until ctx ends.
func (d *Daemon) watchFiles(ctx context.Context) {
	if d.config.Secrets.Files == "" {
		return
	}
	files := secret.Files{Dir: d.config.Secrets.Files}
	ticker := time.NewTicker(filesEvery)
	defer ticker.Stop()
	for last := ""; ; { // so that services are looked at once more, after what changed while the daemon began
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if now := files.Fingerprint(); now != last {
			last = now
			d.secretsChanged()
		}
	}
}

func (d *Daemon) secretsAPI() awsapi.API {
	return secretsapi.API(&handlers.Secrets{Secrets: d.secrets, TokenKey: []byte(d.key.Secret)})
}

func (d *Daemon) parametersAPI() awsapi.API {
	return ssmapi.API(&handlers.Parameters{Parameters: d.parameters, TokenKey: []byte(d.key.Secret), Caller: func(ctx context.Context) string {
		c, _ := d.caller(ctx, awsapi.CallFrom(ctx).Identity) // it never fails
		return c.ARN
	}})
}

// realSecrets are those of AWS.
type realSecrets struct{ secrets *aws.Secrets }

// Read implements secret.Source.
func (r realSecrets) Read(ctx context.Context, role string, ref apprunner.SecretReference) (secret.Value, string, error) {
	var v aws.SecretValue
	var err error
	if ref.Parameter {
		v, err = r.secrets.Parameter(ctx, role, ref.Region, ref.ID)
	} else {
		v, err = r.secrets.Secret(ctx, role, ref.Region, ref.ID, ref.Stage, ref.Version)
	}
	if err != nil {
		return secret.Value{}, "", secret.Errorf("AccessDeniedException", "%s", err)
	}
	// Nobody tells when AWS has another version, so it is not compared.
	return secret.Value{Text: v.Text, Binary: v.Binary}, "", nil
}
