package aws

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/slipway-run/slipway/internal/engine"
)

// Secrets reads what the real Secrets Manager and Parameter Store have, as an instance role.
type Secrets struct{ Logins Logins }

// SecretValue is what a version of a secret holds.
type SecretValue struct {
	Text   *string `json:"SecretString"`
	Binary []byte  `json:"SecretBinary"`
}

// Secret returns the secret with an ARN; stage and version may be empty.
func (s *Secrets) Secret(ctx context.Context, role, region, arn, stage, version string) (v SecretValue, err error) {
	input := map[string]string{"SecretId": arn}
	if stage != "" {
		input["VersionStage"] = stage
	}
	if version != "" {
		input["VersionId"] = version
	}
	return v, s.read(ctx, role, region, "secretsmanager", "secretsmanager.GetSecretValue", input, &v)
}

// Parameter returns the parameter with a name or an ARN, decrypted.
func (s *Secrets) Parameter(ctx context.Context, role, region, name string) (SecretValue, error) {
	var answer struct{ Parameter struct{ Value *string } }
	err := s.read(ctx, role, region, "ssm", "AmazonSSM.GetParameter", map[string]any{"Name": name, "WithDecryption": true}, &answer)
	return SecretValue{Text: answer.Parameter.Value}, err
}

func (s *Secrets) read(ctx context.Context, role, region, service, target string, input, answer any) error {
	creds, err := s.Logins.Credentials()
	if errors.Is(err, ErrNone) {
		return engine.Errorf(engine.AccessDenied, "it is looked for in AWS, and Slipway has no credentials to ask with: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the daemon's environment")
	}
	if err != nil {
		return err
	}
	if creds, err = s.Logins.assume(ctx, creds, region, role); err != nil {
		return err
	}
	body, err := json.Marshal(input)
	if err != nil {
		return err
	}
	found, fault := s.Logins.call(ctx, creds, service, region, "application/x-amz-json-1.1", target, body)
	if fault != nil {
		return fault.explain("AWS does not give it to the instance role %q", role)
	}
	if err := json.Unmarshal(found, answer); err != nil {
		return engine.Errorf(engine.Unavailable, "the answer of AWS to %s cannot be read", target)
	}
	return nil
}
