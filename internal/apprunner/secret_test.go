package apprunner

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var secretPlace = Place{Account: "123456789012", Region: "us-east-1"}

const dbARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCdEf"

func TestParseSecretReference(t *testing.T) {
	t.Parallel()
	ireland := Place{Account: "123456789012", Region: "eu-west-1"}
	for _, c := range []struct {
		reason, value string
		want          SecretReference
		refused       string
	}{
		{"a secret", dbARN, SecretReference{Place: ireland, ID: dbARN}, ""},
		{"with a key", dbARN + ":user", SecretReference{Place: ireland, ID: dbARN, Key: "user"}, ""},
		{"as the CDK writes a key", dbARN + ":user::", SecretReference{Place: ireland, ID: dbARN, Key: "user"}, ""},
		{"with a stage alone", dbARN + "::AWSPREVIOUS:", SecretReference{Place: ireland, ID: dbARN, Stage: "AWSPREVIOUS"}, ""},
		{"with a version alone", dbARN + ":::v1", SecretReference{Place: ireland, ID: dbARN, Version: "v1"}, ""},
		{"with everything", dbARN + ":k:s:v", SecretReference{Place: ireland, ID: dbARN, Key: "k", Stage: "s", Version: "v"}, ""},
		{"with too much", dbARN + ":k:s:v:x", SecretReference{}, "at most three"},
		{"the ARN of a parameter", "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b", SecretReference{Place: ireland, Parameter: true, ID: "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b"}, ""},
		{"a parameter of another account", "arn:aws:ssm:us-east-1:210987654321:parameter/a", SecretReference{}, "of account 210987654321"},
		{"the name of a parameter", "/a/b", SecretReference{Place: secretPlace, Parameter: true, ID: "/a/b"}, ""},
		{"a name without levels", "key", SecretReference{Place: secretPlace, Parameter: true, ID: "key"}, ""},
		{"an ARN of something else", "arn:aws:s3:::bucket", SecretReference{}, "not a reference"},
		{"nothing", "", SecretReference{}, "not a reference"},
		{"a secret in place of its reference", "hunter2!", SecretReference{}, "not a reference"},
	} {
		got, err := ParseSecretReference("DB", c.value, secretPlace)
		if c.refused != "" {
			if CodeOf(err) != InvalidRequest || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), "DB") {
				t.Errorf("%s: %v, want %q", c.reason, err, c.refused)
			}
			if strings.Contains(fmt.Sprint(err), "hunter2") {
				t.Errorf("%s: the error shows it: %v", c.reason, err)
			}
			continue
		}
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", c.reason, err, diff)
		}
	}
}

func FuzzParseSecretReference(f *testing.F) {
	for _, seed := range []string{dbARN + ":a:b:c", "/a/b", "arn:aws:ssm:us-east-1:123456789012:parameter/x", "::::", "arn:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r, err := ParseSecretReference("NAME", value, secretPlace)
		if err != nil {
			return
		}
		if r.ID == "" || r.Account == "" || r.Region == "" || !strings.HasPrefix(value, r.ID) {
			t.Errorf("%q is read as %+v", value, r)
		}
	})
}

func TestCheckSecrets(t *testing.T) {
	t.Parallel()
	spec := DefaultSpec()
	spec.Image.Secrets = map[string]string{"DB": dbARN}
	if err := spec.CheckSecrets(secretPlace); err == nil || !strings.HasPrefix(err.Error(), "Instance Role have to be provided if passing in RuntimeEnvironmentSecrets.") {
		t.Errorf("without a role: %v", err)
	}
	spec.Instance.Role = "arn:aws:iam::123456789012:role/web"
	if err := spec.CheckSecrets(secretPlace); err != nil {
		t.Errorf("with a role: %v", err)
	}
	spec.Code = &CodeRepository{Source: FromRepository}
	if got := spec.ConfiguredSecrets(); got != nil {
		t.Errorf("what a build found counts as configured: %v", got)
	}
	for name, ok := range map[string]bool{"PORT": true, "AWSAPPRUNNER_X": false, "A=B": false} {
		if err := checkSecrets(map[string]string{name: "x"}, nil); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestResolvedSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	r := Revision{Spec: Spec{Image: Image{Secrets: map[string]string{"A": "ref"}}}, Secrets: map[string]ResolvedSecret{"A": {Value: "hunter2", Version: "v1"}}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(verb, r); strings.Contains(text, "hunter2") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
	if r.SecretState(nil) != r.SecretState(map[string]string{"A": "v1"}) || r.SecretState(nil) == r.SecretState(map[string]string{"A": "v2"}) {
		t.Error("states are told apart by something else than versions")
	}
	if strings.Contains(r.SecretState(nil), "hunter2") {
		t.Error("a state has the value")
	}
}
