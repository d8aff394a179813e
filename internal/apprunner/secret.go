package apprunner

import (
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// SecretReference is what a RuntimeEnvironmentSecrets entry names: a secret of Secrets Manager, or a
// parameter of the Parameter Store.
type SecretReference struct {
	Place
	Parameter bool
	ID        string // the ARN of a secret, the ARN or name of a parameter

	// Of a secret: a key of the JSON object that it is, and a version. All may be empty.
	Key, Stage, Version string
}

var (
	secretARN     = regexp.MustCompile(`^(arn:aws[\w-]*:secretsmanager:([a-z0-9-]+):([0-9]{12}):secret:[A-Za-z0-9/_+=.@!-]+)(:.*)?$`)
	parameterARN  = regexp.MustCompile(`^arn:aws[\w-]*:ssm:([a-z0-9-]+):([0-9]{12}):parameter/[A-Za-z0-9_./-]+$`)
	parameterName = regexp.MustCompile(`^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)
)

// ParseSecretReference reads the value of the entry of RuntimeEnvironmentSecrets called name, of a
// service in here.
//
// Source: CodeConfigurationValues in the API reference: the ARN of a secret, which may go on with
// :json-key:version-stage:version-id, the ARN of a parameter, or in the same Region its name.
func ParseSecretReference(name, value string, here Place) (SecretReference, error) {
	if m := secretARN.FindStringSubmatch(value); m != nil {
		return secretReference(name, value, m)
	}
	if m := parameterARN.FindStringSubmatch(value); m != nil {
		r := SecretReference{Place: Place{Region: m[1], Account: m[2]}, Parameter: true, ID: value}
		if r.Account != here.Account {
			return r, Errorf(InvalidRequest, "RuntimeEnvironmentSecrets: %s names a parameter of account %s. App Runner takes parameters of the service's own account, %s, only.", name, r.Account, here.Account)
		}
		return r, nil
	}
	if parameterName.MatchString(value) {
		return SecretReference{Place: here, Parameter: true, ID: value}, nil
	}
	return SecretReference{}, Errorf(InvalidRequest, "RuntimeEnvironmentSecrets: the value of %s is not a reference. Give the ARN of a secret (arn:aws:secretsmanager:<region>:<account>:secret:<name>, with :<json-key>:<version-stage>:<version-id> after it if needed), the ARN of a parameter (arn:aws:ssm:<region>:<account>:parameter/<name>), or the name of a parameter.", name)
}

func secretReference(name, value string, m []string) (SecretReference, error) {
	r := SecretReference{Place: Place{Region: m[2], Account: m[3]}, ID: m[1]}
	if m[4] == "" {
		return r, nil
	}
	parts := strings.Split(m[4][1:], ":")
	if len(parts) > 3 {
		return r, Errorf(InvalidRequest, "RuntimeEnvironmentSecrets: %s has %d parts after the name of the secret; at most three are known: <json-key>:<version-stage>:<version-id>.", name, len(parts))
	}
	parts = append(parts, "", "")
	r.Key, r.Stage, r.Version = parts[0], parts[1], parts[2]
	return r, nil
}

// String is the reference as people read it. It has no secret in it.
func (r SecretReference) String() string {
	if r.Parameter {
		return "parameter " + r.ID
	}
	var more strings.Builder
	for _, part := range []struct{ what, value string }{{"key", r.Key}, {"stage", r.Stage}, {"version", r.Version}} {
		if part.value != "" {
			fmt.Fprintf(&more, ", %s %s", part.what, part.value)
		}
	}
	return "secret " + r.ID + more.String()
}

// checkSecrets holds the secrets of an image or of source code to the rules, beside its variables.
func checkSecrets(secrets, variables map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		if err := checkVariable("RuntimeEnvironmentSecrets", name); err != nil {
			return err
		}
		if _, both := variables[name]; both {
			return Errorf(InvalidRequest, "RuntimeEnvironmentVariables and RuntimeEnvironmentSecrets both name %q. A name can be given once: remove one of them.", name)
		}
	}
	return nil
}

// ConfiguredSecrets are the references of the configuration. Those of an apprunner.yaml are known when
// it is built.
func (s Spec) ConfiguredSecrets() map[string]string {
	if s.Code == nil {
		return s.Image.Secrets
	}
	if s.Code.Values != nil {
		return s.Code.Values.Secrets
	}
	return nil
}

// CheckSecrets refuses references that can never be resolved for a service in here.
func (s Spec) CheckSecrets(here Place) error {
	secrets := s.ConfiguredSecrets()
	if len(secrets) > 0 && s.Instance.Role == "" {
		return NoInstanceRole()
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		if _, err := ParseSecretReference(name, secrets[name], here); err != nil {
			return err
		}
	}
	return nil
}

// NoInstanceRole is the error of secrets without a role that could read them, in App Runner's words.
func NoInstanceRole() *Error {
	return Errorf(InvalidRequest, "Instance Role have to be provided if passing in RuntimeEnvironmentSecrets. Set InstanceConfiguration.InstanceRoleArn.")
}

// ResolvedSecret is what a reference named when its revision was deployed.
type ResolvedSecret struct {
	Value   string
	Version string // of the secret or the parameter; "" from a source that has no versions
}

// Format implements fmt.Formatter: the value never prints.
func (r ResolvedSecret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "***sensitive***") }

// LogValue implements slog.LogValuer.
func (r ResolvedSecret) LogValue() slog.Value { return slog.StringValue("***sensitive***") }

// SecretState tells which versions of secrets a revision runs with. Versions replace those that it was
// deployed with, by name. Equal states have equal texts.
func (r Revision) SecretState(versions map[string]string) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.Secrets)) {
		version := r.Secrets[name].Version
		if versions != nil {
			version = versions[name]
		}
		fmt.Fprintf(&text, "%q %q %q\n", name, r.Spec.Image.Secrets[name], version)
	}
	return text.String()
}
