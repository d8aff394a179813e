package daemon

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/source/aws"
)

// RoleConfig lists the IAM roles that there are, by name, with "*" for any characters. Slipway has no
// IAM to ask: without a list every role of the account is one.
type RoleConfig struct {
	Instance []string `yaml:"instance"` // that trust tasks.apprunner.amazonaws.com
	Access   []string `yaml:"access"`   // that trust build.apprunner.amazonaws.com

	// Policies are files with what instance roles may do, by name or ARN. A deployment of a role without
	// one may read every secret and parameter of the account; its application may do nothing.
	Policies map[string]string `yaml:"policies"`

	// AWS lists the roles whose applications get credentials of the real AWS, as Instance does.
	AWS []string `yaml:"aws"`
	// Endpoint tells applications with a role of Slipway's own to use its API instead of AWS's.
	Endpoint bool `yaml:"endpoint"`
}

// real reports whether the credentials of a role are those of AWS.
func (c RoleConfig) real(arn string) bool {
	return slices.ContainsFunc(c.AWS, func(pattern string) bool { return means(arn, pattern) })
}

// means reports whether a pattern means a role, by its name with or without its path.
func means(arn, pattern string) bool {
	_, name, _ := strings.Cut(arn, ":role/")
	whole, _ := path.Match(pattern, name)
	last, _ := path.Match(pattern, path.Base(name))
	return whole || last
}

func (c RoleConfig) validate() []error {
	var errs []error
	for name, patterns := range map[string][]string{"roles.instance": c.Instance, "roles.access": c.Access, "roles.aws": c.AWS} {
		for _, p := range patterns {
			if _, err := path.Match(p, ""); err != nil || p == "" {
				errs = append(errs, fmt.Errorf("%s: %q is not the name of a role, such as service-role/pull or pull-*", name, p))
			}
		}
	}
	return errs
}

// nobodysAccount is the default account. It is nobody's, so roles of it or of any other are as good.
const nobodysAccount = "000000000000"

// foreign says why a role cannot be assumed for one of the uses, "" when it can. Patterns are those of
// RoleConfig. The form of the ARN was checked: arn:aws:iam::123456789012:role/path/name.
func foreign(arn, account string, patterns []string) string {
	parts := strings.SplitN(arn, ":", 6)
	if owner := parts[len(parts)-2]; owner != account && account != nobodysAccount {
		return fmt.Sprintf("Role %s is of account %s, and this is account %s.", arn, owner, account)
	}
	known := func(pattern string) bool { return means(arn, pattern) }
	if len(patterns) > 0 && !slices.ContainsFunc(patterns, known) {
		return fmt.Sprintf("There is no role %s that trusts App Runner, says the configuration.", arn)
	}
	return ""
}

// roleTime is how long AWS may take to say whether a role can be assumed.
const roleTime = 5 * time.Second

// checkRoles refuses roles that cannot be assumed, as far as anybody can know. The words are those that
// clients look for: Terraform tries again while it reads the first ones.
func (d *Daemon) checkRoles(ctx context.Context, spec apprunner.Spec, here apprunner.Place) error {
	if role := spec.Instance.Role; role != "" {
		if why := foreign(role, here.Account, d.config.Roles.Instance); why != "" {
			return apprunner.Errorf(apprunner.InvalidRequest, "Error in assuming instance role. %s", why)
		}
	}
	if spec.AccessRole == "" {
		return nil
	}
	if why := foreign(spec.AccessRole, here.Account, d.config.Roles.Access); why != "" {
		return apprunner.Errorf(apprunner.InvalidRequest, "Invalid Access Role in AuthenticationConfiguration. %s", why)
	}
	ref, err := d.reference(spec, here.Region)
	if err != nil {
		return nil // the image is refused for what is wrong with it
	}
	ctx, cancel := context.WithTimeout(ctx, roleTime)
	defer cancel()
	// Only that the role is refused is its own fault. About everything else the deployment tells.
	if err := d.sources.LogIn(ctx, ref); errors.Is(err, aws.ErrRole) {
		return apprunner.Errorf(apprunner.InvalidRequest, "Invalid Access Role in AuthenticationConfiguration. %s", err)
	}
	return nil
}
