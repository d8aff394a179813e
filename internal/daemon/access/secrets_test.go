package access

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	secretsapi "github.com/slipway-run/slipway/internal/awsapi/secretsmanager"
	ssmapi "github.com/slipway-run/slipway/internal/awsapi/ssm"
)

// What calls of Secrets Manager and the Parameter Store concern.
func TestSecretResources(t *testing.T) {
	t.Parallel()
	const db = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf"
	g := &Guard{Home: home, Secret: func(_ context.Context, _ apprunner.Place, id string) (string, error) {
		if id == "shop/db" || id == db || id == db[:len(db)-7] {
			return db, nil
		}
		return "", nil
	}}
	place := apprunner.Place{Account: home.Account, Region: "us-east-1"}
	secrets, parameters := "arn:aws:secretsmanager:us-east-1:"+home.Account+":secret:", "arn:aws:ssm:us-east-1:"+home.Account+":parameter/"
	for _, c := range []struct {
		reason, service, operation string
		in                         awsapi.Message
		want                       []string
	}{
		{"by name", "secretsmanager", "GetSecretValue", &secretsapi.GetSecretValueInput{SecretId: new("shop/db")}, []string{db}},
		{"by a partial ARN", "secretsmanager", "GetSecretValue", &secretsapi.GetSecretValueInput{SecretId: new(db[:len(db)-7])}, []string{db}},
		{"one that is not there", "secretsmanager", "DeleteSecret", &secretsapi.DeleteSecretInput{SecretId: new("none")}, []string{secrets + "none-??????"}},
		{"an ARN of nothing", "secretsmanager", "DeleteSecret", &secretsapi.DeleteSecretInput{SecretId: new("arn:x")}, []string{"arn:x"}},
		{"a new one", "secretsmanager", "CreateSecret", &secretsapi.CreateSecretInput{Name: new("new")}, []string{secrets + "new-??????"}},
		{"a new one of a name that is taken", "secretsmanager", "CreateSecret", &secretsapi.CreateSecretInput{Name: new("shop/db")}, []string{secrets + "shop/db-??????"}},
		{"all", "secretsmanager", "ListSecrets", &secretsapi.ListSecretsInput{}, []string{"*"}},
		{"a parameter", "ssm", "GetParameter", &ssmapi.GetParameterInput{Name: new("/a/b:3")}, []string{parameters + "a/b"}},
		{"a parameter by ARN", "ssm", "GetParameter", &ssmapi.GetParameterInput{Name: new(parameters + "a/b")}, []string{parameters + "a/b"}},
		{"several", "ssm", "DeleteParameters", &ssmapi.DeleteParametersInput{Names: []string{"x", "/y"}}, []string{parameters + "x", parameters + "y"}},
		{"a path", "ssm", "GetParametersByPath", &ssmapi.GetParametersByPathInput{Path: new("/a")}, []string{parameters + "a"}},
		{"all parameters", "ssm", "DescribeParameters", &ssmapi.DescribeParametersInput{}, []string{"*"}},
	} {
		call := awsapi.Call{Service: c.service, Operation: c.operation}
		call.Identity.Region = place.Region
		got, err := g.resources(t.Context(), call, c.in)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", c.reason, err, diff)
		}
	}
}

// A malformed ARN has no tags, and breaks nothing.
func TestContextOfMalformedARN(t *testing.T) {
	t.Parallel()
	g := &Guard{Home: home, Tags: tags{"arn:x": {"a": "b"}}}
	if _, err := g.context(t.Context(), "arn:x", nil); err != nil {
		t.Error(err)
	}
}
