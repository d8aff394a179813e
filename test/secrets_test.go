package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

const instanceRole = "arn:aws:iam::000000000000:role/web"

// secretInput is a service that runs mimic with references to secrets.
func secretInput(s *kit.Slipway, name string, secrets map[string]string) *apprunnerapi.CreateServiceInput {
	in := s.Input(name, "mimic:v1")
	in.InstanceConfiguration.InstanceRoleArn = new(instanceRole)
	in.SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentSecrets = secrets
	return in
}

// TestSecrets makes secrets and parameters with the AWS CLI, and services that use them.
func TestSecrets(t *testing.T) {
	t.Parallel()
	policy := filepath.Join(t.TempDir(), "limited.json")
	if err := os.WriteFile(policy, []byte(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue", "ssm:GetParameters"],
		"Resource": ["arn:aws:secretsmanager:*:*:secret:open-*", "arn:aws:ssm:*:*:parameter/open/*"]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	files := t.TempDir()
	if err := os.WriteFile(filepath.Join(files, "from-agent"), []byte("a file's\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := kit.Start(t, "timeouts: {stop: 1s}\nroles: {policies: {limited: "+policy+"}}\nsecrets: {files: "+files+"}\n")
	s.PushMimic("mimic:v1", "v1")
	t.Run("Secrets Manager", func(t *testing.T) { testSecretsManager(t, s.With(t)) })
	t.Run("Parameter Store", func(t *testing.T) { testParameterStore(t, s.With(t)) })
	t.Run("boto3", func(t *testing.T) { testSecretsWithBoto(t, s.With(t)) })
	t.Run("service", func(t *testing.T) { testServiceWithSecrets(t, s.With(t)) })
	t.Run("refusals", func(t *testing.T) { testSecretRefusals(t, s.With(t)) })
	t.Run("failures", func(t *testing.T) { testSecretFailures(t, s.With(t)) })
	t.Run("rights", func(t *testing.T) { testSecretRights(t, s.With(t)) })
}

func testSecretsManager(t *testing.T, s *kit.Slipway) {
	var made struct{ ARN, Name, VersionId string }
	aws(t, s, &made, "secretsmanager", "create-secret", "--name", "shop/db", "--description", "of the shop", "--secret-string", `{"user":"ada","port":5432}`, "--tags", "Key=team,Value=blue")
	if !strings.HasPrefix(made.ARN, "arn:aws:secretsmanager:us-east-1:000000000000:secret:shop/db-") || len(made.VersionId) != 36 {
		t.Errorf("create-secret answers %+v", made)
	}
	denied(t, s, "(ResourceExistsException)", "secretsmanager", "create-secret", "--name", "shop/db", "--secret-string", "x")
	denied(t, s, "(ValidationException)", "secretsmanager", "create-secret", "--name", "sh op", "--secret-string", "x")
	denied(t, s, "(ResourceNotFoundException)", "secretsmanager", "get-secret-value", "--secret-id", "nowhere")

	value := func(args ...string) (out struct {
		SecretString  string
		VersionId     string
		VersionStages []string
	}) {
		t.Helper()
		aws(t, s, &out, "secretsmanager", append([]string{"get-secret-value", "--secret-id"}, args...)...)
		return out
	}
	for _, id := range []string{"shop/db", made.ARN, made.ARN[:len(made.ARN)-7]} {
		if v := value(id); v.SecretString != `{"user":"ada","port":5432}` || v.VersionId != made.VersionId || len(v.VersionStages) != 1 {
			t.Errorf("get-secret-value of %s answers %+v", id, v)
		}
	}
	aws(t, s, nil, "secretsmanager", "put-secret-value", "--secret-id", "shop/db", "--secret-string", "second")
	aws(t, s, nil, "secretsmanager", "put-secret-value", "--secret-id", "shop/db", "--secret-string", "third", "--version-stages", "AWSPENDING")
	if got := value("shop/db").SecretString; got != "second" {
		t.Errorf("AWSCURRENT is %q", got)
	}
	if got := value("shop/db", "--version-stage", "AWSPREVIOUS").SecretString; !strings.Contains(got, "ada") {
		t.Errorf("AWSPREVIOUS is %q", got)
	}
	if got := value("shop/db", "--version-stage", "AWSPENDING").SecretString; got != "third" {
		t.Errorf("AWSPENDING is %q", got)
	}
	var described struct {
		Description        string
		Tags               []struct{ Key, Value string }
		VersionIdsToStages map[string][]string
	}
	aws(t, s, &described, "secretsmanager", "describe-secret", "--secret-id", "shop/db")
	if described.Description != "of the shop" || len(described.Tags) != 1 || len(described.VersionIdsToStages) != 3 {
		t.Errorf("describe-secret answers %+v", described)
	}
	var listed struct{ SecretList []struct{ Name string } }
	aws(t, s, &listed, "secretsmanager", "list-secrets", "--filters", "Key=tag-value,Values=blue")
	if len(listed.SecretList) != 1 || listed.SecretList[0].Name != "shop/db" {
		t.Errorf("list-secrets answers %+v", listed)
	}
	aws(t, s, nil, "secretsmanager", "delete-secret", "--secret-id", "shop/db", "--recovery-window-in-days", "7")
	denied(t, s, "marked for deletion", "secretsmanager", "get-secret-value", "--secret-id", "shop/db")
	denied(t, s, "scheduled for deletion", "secretsmanager", "create-secret", "--name", "shop/db", "--secret-string", "x")
	aws(t, s, nil, "secretsmanager", "restore-secret", "--secret-id", "shop/db")
	if got := value("shop/db").SecretString; got != "second" {
		t.Errorf("after a restore, AWSCURRENT is %q", got)
	}
	aws(t, s, nil, "secretsmanager", "delete-secret", "--secret-id", "shop/db", "--force-delete-without-recovery")
	aws(t, s, &made, "secretsmanager", "create-secret", "--name", "shop/db", "--secret-binary", "fileb:///bin/true")
	aws(t, s, nil, "secretsmanager", "delete-secret", "--secret-id", made.ARN, "--force-delete-without-recovery")
}

func testParameterStore(t *testing.T, s *kit.Slipway) {
	put := func(name, kind, value string, more ...string) {
		t.Helper()
		aws(t, s, nil, "ssm", append([]string{"put-parameter", "--name", name, "--type", kind, "--value", value}, more...)...)
	}
	put("/shop/prod/url", "String", "https:example")
	put("/shop/prod/key", "SecureString", "classified")
	put("/shop/hosts", "StringList", "a,b")
	put("/shop/hosts", "StringList", "a,b,c", "--overwrite")
	put("plain", "String", "text", "--tags", "Key=team,Value=red")
	denied(t, s, "(ParameterAlreadyExists)", "ssm", "put-parameter", "--name", "plain", "--type", "String", "--value", "y")
	denied(t, s, "(ValidationException)", "ssm", "put-parameter", "--name", "aws-key", "--type", "String", "--value", "y")
	denied(t, s, "(ParameterPatternMismatchException)", "ssm", "put-parameter", "--name", "n", "--type", "String", "--value", "y", "--allowed-pattern", "[0-9]+")
	denied(t, s, "(ParameterNotFound)", "ssm", "get-parameter", "--name", "nowhere")

	value := func(query string, args ...string) string {
		t.Helper()
		return aws(t, s, nil, "ssm", append(args, "--query", query, "--output", "text")...)
	}
	if got := value("Parameter.Value", "get-parameter", "--name", "/shop/hosts:1"); got != "a,b" {
		t.Errorf("version 1 is %q", got)
	}
	arn := value("Parameter.ARN", "get-parameter", "--name", "/shop/hosts")
	if got := value("Parameter.Version", "get-parameter", "--name", arn); got != "2" {
		t.Errorf("by ARN %s, the version is %q", arn, got)
	}
	if got := value("Parameter.Value", "get-parameter", "--name", "/shop/prod/key"); strings.Contains(got, "classified") || got == "" {
		t.Errorf("without decryption, a SecureString is %q", got)
	}
	if got := value("Parameter.Value", "get-parameter", "--name", "/shop/prod/key", "--with-decryption"); got != "classified" {
		t.Errorf("with decryption, a SecureString is %q", got)
	}
	if got := value("Parameters[].Name", "get-parameters-by-path", "--path", "/shop"); got != "/shop/hosts" {
		t.Errorf("on the level of /shop: %q", got)
	}
	if got := value("Parameters[].Name", "get-parameters-by-path", "--path", "/shop", "--recursive", "--page-size", "1"); strings.Join(strings.Fields(got), " ") != "/shop/hosts /shop/prod/key /shop/prod/url" {
		t.Errorf("under /shop: %q", got)
	}
	if got := value("Parameters[].Name", "describe-parameters", "--parameter-filters", "Key=tag:team,Values=red"); got != "plain" {
		t.Errorf("with a tag: %q", got)
	}
	if got := value("InvalidParameters", "get-parameters", "--names", "plain", "nowhere"); got != "nowhere" {
		t.Errorf("invalid ones: %q", got)
	}
	if got := value("DeletedParameters", "delete-parameters", "--names", "plain", "/shop/hosts", "/shop/prod/key", "/shop/prod/url"); len(strings.Fields(got)) != 4 {
		t.Errorf("deleted: %q", got)
	}
}

func testSecretsWithBoto(t *testing.T, s *kit.Slipway) {
	script := `eval "$("$0" env --data-dir "$1")" && exec "$2" "$3"`
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script, kit.Binary("slipway"), s.Dir, kit.Binary("tools/aws/bin/python3"), "testdata/boto_secrets.py")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func testServiceWithSecrets(t *testing.T, s *kit.Slipway) {
	var db struct{ ARN, VersionId string }
	aws(t, s, &db, "secretsmanager", "create-secret", "--name", "db", "--secret-string", `{"password":"first","port":5432}`)
	aws(t, s, nil, "ssm", "put-parameter", "--name", "/web/key", "--type", "SecureString", "--value", "from ssm")
	refs := map[string]string{
		"WHOLE": db.ARN, "PASSWORD": db.ARN + ":password::", "PORT_OF_DB": db.ARN + ":port", "PINNED": db.ARN + ":password::" + db.VersionId,
		"STAGED": db.ARN + "::AWSCURRENT:", "KEY": "/web/key", "KEY_ARN": "arn:aws:ssm:us-east-1:000000000000:parameter/web/key",
		"AGENT": "from-agent", "PORT": "/web/key",
	}
	in := secretInput(s, "with-secrets", refs)
	in.Tags = []apprunnerapi.Tag{{Key: new("slipway:redeploy-on-secret-change"), Value: new("true")}}
	service := s.Run(in)
	arn := *service.ServiceArn
	for _, want := range []string{`WHOLE={"password":"first","port":5432}`, "PASSWORD=first", "PORT_OF_DB=5432", "PINNED=first", "STAGED={", "KEY=from ssm", "KEY_ARN=from ssm", "AGENT=a file's", "PORT=8080"} {
		wantBody(t, s, service, "/env", want)
	}
	if got := s.Describe(arn).SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentSecrets; len(got) != len(refs) || got["WHOLE"] != db.ARN {
		t.Errorf("DescribeService tells of %v", got)
	}
	// A new value deploys the service again, once, also when the daemon is killed at that moment.
	before := len(s.Operations("with-secrets"))
	aws(t, s, nil, "secretsmanager", "put-secret-value", "--secret-id", "db", "--secret-string", `{"password":"second","port":5432}`)
	s.Kill()
	s.Start()
	s.Eventually("the service has the new value", time.Minute, func() error {
		if _, body := s.Get(service, "/env"); !strings.Contains(body, "\nPASSWORD=second\n") || !strings.Contains(body, "\nPINNED=first\n") {
			return kit.Errorf("its environment is %s", body)
		}
		return nil
	})
	s.Await(arn, apprunnerapi.ServiceStatusRunning)
	aws(t, s, nil, "ssm", "put-parameter", "--name", "/web/key", "--type", "SecureString", "--overwrite", "--value", "newer")
	s.Eventually("the service has the new parameter", time.Minute, func() error {
		if _, body := s.Get(service, "/env"); !strings.Contains(body, "\nKEY=newer\n") {
			return kit.Errorf("its environment is %s", body)
		}
		return nil
	})
	s.Await(arn, apprunnerapi.ServiceStatusRunning)
	if n := len(s.Operations("with-secrets")) - before; n != 2 {
		t.Errorf("two changes made %d deployments", n)
	}
	// What was resolved stays: after a pause the secret is not read again, nor for an older revision.
	s.CLI("rollback", "with-secrets", "1")
	wantBody(t, s, service, "/env", "PASSWORD=first")
	s.Do("PauseService", arn)
	s.Await(arn, apprunnerapi.ServiceStatusPaused)
	s.Do("ResumeService", arn)
	s.Await(arn, apprunnerapi.ServiceStatusRunning)
	wantBody(t, s, service, "/env", "PASSWORD=first")
	s.Delete(arn)
}

func testSecretRefusals(t *testing.T, s *kit.Slipway) {
	const foreign = "arn:aws:ssm:us-east-1:123456789012:parameter/x"
	for want, refs := range map[string]map[string]string{
		"of account 123456789012":  {"A": foreign},
		"is not a reference":       {"A": "not a name"},
		"prefix AWSAPPRUNNER":      {"AWSAPPRUNNER_X": "name"},
		"at most three are known":  {"A": "arn:aws:secretsmanager:us-east-1:000000000000:secret:x-abcdef:a:b:c:d"},
		"both name \"GREETING\"":   {"GREETING": "name"},
		"Instance Role have to be": {"B": "name"},
	} {
		in := secretInput(s, "refused", refs)
		in.SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentVariables = map[string]string{"GREETING": "hi"}
		if refs["B"] != "" {
			in.InstanceConfiguration.InstanceRoleArn = nil
		}
		s.WantError(s.Call("CreateService", in, &apprunnerapi.CreateServiceOutput{}), "InvalidRequestException", want)
	}
}

func testSecretFailures(t *testing.T, s *kit.Slipway) {
	var object struct{ ARN string }
	aws(t, s, &object, "secretsmanager", "create-secret", "--name", "object", "--secret-string", `{"a":"b"}`)
	missing := "arn:aws:secretsmanager:us-east-1:000000000000:secret:missing-abcdef"
	for name, c := range map[string]struct{ ref, role, want string }{
		"no-secret":    {missing, instanceRole, "no such secret in Region us-east-1"},
		"no-parameter": {"/no/where", instanceRole, "aws ssm put-parameter --type SecureString --name /no/where"},
		"no-key":       {object.ARN + ":b", instanceRole, `no key "b"`},
		"no-stage":     {object.ARN + "::NONE:", instanceRole, "staging label: NONE"},
		"no-right":     {object.ARN, "arn:aws:iam::000000000000:role/limited", "may not do secretsmanager:GetSecretValue"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s.With(t)
			in := secretInput(s, name, map[string]string{"DB_PASSWORD": c.ref})
			in.InstanceConfiguration.InstanceRoleArn = &c.role
			service, id := s.Create(in)
			s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusCreateFailed)
			reason := s.AwaitOperation(name, id).Reason
			if !strings.Contains(reason, "DB_PASSWORD") || !strings.Contains(reason, c.want) {
				t.Errorf("the reason is %q, want %q", reason, c.want)
			}
			if log := s.DeploymentLog(name, id); !strings.Contains(log, c.want) {
				t.Errorf("the deployment log has no %q:\n%s", c.want, log)
			}
			s.Delete(*service.ServiceArn)
		})
	}
}

func testSecretRights(t *testing.T, s *kit.Slipway) {
	aws(t, s, nil, "secretsmanager", "create-secret", "--name", "open-one", "--secret-string", "x", "--tags", "Key=env,Value=dev")
	aws(t, s, nil, "secretsmanager", "create-secret", "--name", "closed", "--secret-string", "x")
	aws(t, s, nil, "ssm", "put-parameter", "--name", "/open/p", "--type", "String", "--value", "x")
	ci := s.As(s.CreateKey("secrets-ci", `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": ["secretsmanager:*", "ssm:*"], "Resource": ["arn:aws:secretsmanager:*:*:secret:open-*", "arn:aws:ssm:*:*:parameter/open/*"]},
		{"Effect": "Allow", "Action": "secretsmanager:DescribeSecret", "Resource": "*", "Condition": {"StringEquals": {"secretsmanager:ResourceTag/env": "dev"}}}]}`))
	may := func(want bool, args ...string) {
		t.Helper()
		_, stderr, err := ci.RunAWSFor([]string{"AWS_ACCESS_KEY_ID=" + ci.Key().ID, "AWS_SECRET_ACCESS_KEY=" + ci.Key().Secret, "AWS_DEFAULT_REGION=" + kit.Region}, args[0], append(args[1:], "--endpoint-url", "http://"+s.API)...)
		if (err == nil) != want || err != nil && !strings.Contains(stderr, "AccessDeniedException") {
			t.Errorf("aws %s: %v %s, want allowed: %t", strings.Join(args, " "), err, stderr, want)
		}
	}
	may(true, "secretsmanager", "get-secret-value", "--secret-id", "open-one")
	may(true, "secretsmanager", "create-secret", "--name", "open-two", "--secret-string", "y")
	may(false, "secretsmanager", "get-secret-value", "--secret-id", "closed")
	may(false, "secretsmanager", "get-secret-value", "--secret-id", "not-there")
	may(false, "secretsmanager", "list-secrets")
	may(true, "ssm", "get-parameters", "--names", "/open/p")
	may(false, "ssm", "get-parameters", "--names", "/open/p", "/shut/p")
	may(false, "ssm", "describe-parameters")
	line, err := json.Marshal(s.Audit())
	if err != nil || !strings.Contains(string(line), "secretsmanager:CreateSecret") || !strings.Contains(string(line), ":secret:open-one-") {
		t.Errorf("the audit log lacks a line: %v", err)
	}
}
