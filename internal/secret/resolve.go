package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Resolver finds what the RuntimeEnvironmentSecrets of a service name.
type Resolver struct {
	Account    string // twelve digits
	Secrets    *Secrets
	Parameters *Parameters
	// Allowed refuses what a role may not do; the error says so.
	Allowed func(ctx context.Context, role, action, resource string) error
	// Elsewhere are asked in turn for what is not here.
	Elsewhere []Source
}

// Source has secrets that are not Slipway's.
type Source interface {
	// Read returns the value that a reference names, with its version if the source has versions.
	// It is ErrAbsent when the source does not have it.
	Read(ctx context.Context, role string, ref apprunner.SecretReference) (value Value, version string, err error)
}

// Local is a Source on this machine. It can be asked often, so changes of it are noticed, and it asks
// nobody what a role may do, so the policy of the role says so.
type Local interface {
	Source
	// where says where it looks for what a reference names.
	where(ref apprunner.SecretReference) string
}

// ErrAbsent is the error of a Source that does not have what it is asked for.
var ErrAbsent = errors.New("there is none")

// Resolve returns what each of refs names, as a role and for a service in here. What cannot be resolved
// is an *apprunner.Error that says the name, why, and what to do.
func (r *Resolver) Resolve(ctx context.Context, role string, here apprunner.Place, refs map[string]string) (map[string]apprunner.ResolvedSecret, error) {
	if role == "" && len(refs) > 0 {
		return nil, apprunner.NoInstanceRole()
	}
	all := make(map[string]apprunner.ResolvedSecret, len(refs))
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		ref, err := apprunner.ParseSecretReference(name, refs[name], here)
		if err != nil {
			return nil, err
		}
		value, version, err := r.read(ctx, role, ref)
		var text string
		if err == nil {
			text, err = textOf(value, ref)
		}
		if err != nil {
			return nil, explain(name, ref, err)
		}
		all[name] = apprunner.ResolvedSecret{Value: text, Version: version}
	}
	return all, nil
}

// explain tells of a reference that cannot be resolved which it is. What is the machine's fault stays so.
func explain(name string, ref apprunner.SecretReference, err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return apprunner.Errorf(apprunner.InvalidRequest, "The environment secret %s cannot be resolved to %s: %s", name, ref, e.Message)
	}
	return fmt.Errorf("resolve the environment secret %s to %s: %w", name, ref, err)
}

// Versions returns the version that each of refs names now; "" for what is not on this machine.
func (r *Resolver) Versions(ctx context.Context, here apprunner.Place, refs map[string]string) (map[string]string, error) {
	all := make(map[string]string, len(refs))
	for name, value := range refs {
		ref, err := apprunner.ParseSecretReference(name, value, here)
		if err != nil {
			return nil, err
		}
		at, _, _, err := r.find(ctx, ref)
		if absent(err) {
			at.version, err = r.versionElsewhere(ctx, ref)
		}
		if err != nil {
			return nil, explain(name, ref, err)
		}
		all[name] = at.version
	}
	return all, nil
}

// place is where a value is.
type place struct {
	arn     string // of the secret or the parameter
	version string
}

// find finds what a reference names here, and how to read it.
func (r *Resolver) find(ctx context.Context, ref apprunner.SecretReference) (at place, action string, read func() (Value, error), err error) {
	if ref.Account != r.Account {
		return at, "", nil, ErrAbsent
	}
	if !ref.Parameter {
		s, v, err := r.Secrets.Which(ctx, ref.Place, ref.ID, ref.Version, ref.Stage)
		return place{s.ARN, v.ID}, "secretsmanager:GetSecretValue", func() (Value, error) {
			_, _, value, err := r.Secrets.Get(ctx, ref.Place, ref.ID, v.ID, "")
			return value, err
		}, err
	}
	g, err := r.Parameters.Which(ctx, ref.Place, ref.ID)
	if err != nil {
		return at, "", nil, err
	}
	// A parameter that was deleted and made again counts its versions from 1.
	at = place{ParameterARN(ref.Place, g.Name), fmt.Sprintf("%d/%d", g.Version, g.ChangedAt.UnixMilli())}
	return at, "ssm:GetParameters", func() (Value, error) {
		got, err := r.Parameters.read(ctx, g, true)
		return got.Value, err
	}, nil
}

// absent reports whether err says that there is no such secret or parameter here.
func absent(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return errors.Is(err, ErrAbsent) || ok && (e.Code == notFound || e.Code == parameterMissing)
}

func (r *Resolver) read(ctx context.Context, role string, ref apprunner.SecretReference) (Value, string, error) {
	at, action, read, err := r.find(ctx, ref)
	switch {
	case err == nil:
		if err := r.Allowed(ctx, role, action, at.arn); err != nil {
			return Value{}, "", err
		}
		value, err := read()
		return value, at.version, err
	case !absent(err):
		return Value{}, "", err
	}
	for _, source := range r.Elsewhere {
		value, version, err := source.Read(ctx, role, ref)
		if errors.Is(err, ErrAbsent) {
			continue
		}
		if _, ok := source.(Local); ok && err == nil {
			err = r.Allowed(ctx, role, actionOf(ref), arnOf(ref))
		}
		if err != nil {
			return Value{}, "", err
		}
		return value, version, nil
	}
	return Value{}, "", r.none(ref, err)
}

// versionElsewhere is the version of what is not here but on this machine, "" when it is not.
func (r *Resolver) versionElsewhere(ctx context.Context, ref apprunner.SecretReference) (string, error) {
	for _, source := range r.Elsewhere {
		if _, ok := source.(Local); !ok {
			return "", nil // it comes first, and nobody tells when it has another version
		}
		if _, version, err := source.Read(ctx, "", ref); !errors.Is(err, ErrAbsent) {
			return version, err
		}
	}
	return "", nil
}

func actionOf(ref apprunner.SecretReference) string {
	if ref.Parameter {
		return "ssm:GetParameters"
	}
	return "secretsmanager:GetSecretValue"
}

// arnOf is the ARN that policies know a secret by which has none. Its random end is six question marks, as
// policies have them, unless the reference has one.
func arnOf(ref apprunner.SecretReference) string {
	if ref.Parameter {
		return ParameterARN(ref.Place, ParameterName(ref.Place, ref.ID))
	}
	all := names(ref.Place, ref.ID)
	switch len(all) {
	case 0:
		return ref.ID
	case 1:
		return arnPrefix(ref.Place) + all[0] + "-??????"
	default:
		return arnPrefix(ref.Place) + all[1]
	}
}

// none tells what can be done about a reference to nothing.
func (r *Resolver) none(ref apprunner.SecretReference, err error) error {
	what := "secret"
	create := "aws secretsmanager create-secret --name <name> --secret-string file://<file>"
	if ref.Parameter {
		what, create = "parameter", "aws ssm put-parameter --type SecureString --name "+ParameterName(ref.Place, ref.ID)+" --value file://<file>"
	}
	if ref.Account != r.Account {
		return Errorf(notFound, "there is no such %s: this Slipway has the account %s, and no other source of secrets that is configured has it. Correct the reference, or configure the secrets of AWS or a directory of secrets.", what, r.Account)
	}
	if e, ok := errors.AsType[*Error](err); ok && strings.Contains(e.Message, "value for") { // the secret is there
		return Errorf(notFound, "%s. Correct the stage or the version in the reference.", e.Message)
	}
	return Errorf(notFound, "there is no such %s in Region %s%s. Create it, such as with: %s, or correct the reference.", what, ref.Region, r.whereElse(ref), create)
}

// whereElse tells where on this machine there is none either.
func (r *Resolver) whereElse(ref apprunner.SecretReference) (text string) {
	for _, source := range r.Elsewhere {
		if l, ok := source.(Local); ok {
			text += ", nor " + l.where(ref)
		}
	}
	if text != "" && !present(ref) {
		text += ", which would have no version but " + Current
	}
	return text
}

// present reports whether a reference names the present version, which is all that files and variables have.
func present(ref apprunner.SecretReference) bool {
	return (ref.Stage == "" || ref.Stage == Current) && ref.Version == ""
}

// namesOf are the names that a reference may mean, as other sources have them.
func namesOf(ref apprunner.SecretReference) []string {
	if ref.Parameter {
		return []string{strings.TrimPrefix(ParameterName(ref.Place, ref.ID), "/")}
	}
	return names(ref.Place, ref.ID)
}

// textOf is the text that the application gets of a value.
func textOf(v Value, ref apprunner.SecretReference) (string, error) {
	text := string(v.Binary)
	if v.Text != nil {
		text = *v.Text
	}
	if ref.Key != "" {
		var err error
		if text, err = member(text, ref.Key); err != nil {
			return "", err
		}
	}
	if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
		return "", Errorf(invalidRequest, "its value is no text, which an environment variable must be. Store it as text, such as base64, and have the application decode it.")
	}
	return text, nil
}

// member selects a key of a JSON object. What is not a string is returned as JSON.
func member(text, key string) (string, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil || object == nil {
		return "", Errorf(invalidRequest, "its value is not a JSON object, so that there is no key %q in it. Leave the key out of the reference, or store the secret as an object.", key)
	}
	raw, ok := object[key]
	if !ok {
		return "", Errorf(notFound, "the JSON object that it is has no key %q. Add the key to the secret, or correct the reference.", key)
	}
	var s string
	if json.Unmarshal(raw, &s) == nil && string(raw) != "null" {
		return s, nil
	}
	return string(raw), nil
}
