package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// agent writes files as the agent of a vault does: another one takes the place of the old one.
func agent(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	err := os.MkdirAll(filepath.Dir(file), 0o700)
	if err == nil {
		err = os.WriteFile(file+".new", []byte(text), 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		t.Fatal(err)
	}
}

const redeployTag = "slipway:redeploy-on-secret-change"

// TestSecretsFromOutside has services use secrets that are in files and in the environment of the daemon.
func TestSecretsFromOutside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := filepath.Join(dir, "secrets")
	agent(t, files, "shop/db", `{"password": "first of the file"}`+"\n")
	agent(t, files, "shop/key", "the file's\n")
	agent(t, dir, "limited.json", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:secretsmanager:*:*:secret:other-*"}}`)
	s := kit.New(t, quick+"secrets: {files: "+files+", environment: SLIPWAY_SECRET_}\nroles: {policies: {limited: "+dir+"/limited.json}}\n")
	s.Env = []string{"SLIPWAY_SECRET_API_TOKEN=first of the environment", "SLIPWAY_SECRET_SHOP_KEY=hidden by the file"}
	s.Start()
	s.PushMimic("mimic:v1", "v1")
	refs := map[string]string{
		"PASSWORD": "arn:aws:secretsmanager:us-east-1:000000000000:secret:shop/db-AbCdEf:password::", "KEY": "/shop/key",
		"TOKEN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:api-token", "SAME": "api-token",
	}
	watched := secretInput(s, "watched", refs)
	watched.Tags = []apprunnerapi.Tag{{Key: new(redeployTag), Value: new("true")}}
	first, second := s.Run(watched), s.Run(secretInput(s, "unwatched", refs))
	for _, service := range []*apprunnerapi.Service{first, second} {
		wantBody(t, s, service, "/env", "\nPASSWORD=first of the file\n", "\nKEY=the file's\n", "\nTOKEN=first of the environment\n", "\nSAME=first of the environment\n")
	}

	redeployed := func(line string, deployments int) {
		t.Helper()
		s.Eventually(line, 30*time.Second, func() error {
			if _, body := s.Get(first, "/env"); !strings.Contains(body, "\n"+line+"\n") {
				return kit.Errorf("the environment is\n%s", body)
			}
			return nil
		})
		s.Await(*first.ServiceArn, apprunnerapi.ServiceStatusRunning)
		if n := len(s.Operations("watched")); n != 1+deployments {
			t.Errorf("with %s there were %d operations, want %d", line, n, 1+deployments)
		}
	}
	agent(t, files, "shop/db", `{"password": "second of the file"}`)
	redeployed("PASSWORD=second of the file", 1)
	agent(t, files, "shop/key", "the file's") // the same, but for the line end
	s.Stop()
	s.Env[0] = "SLIPWAY_SECRET_API_TOKEN=second of the environment"
	s.Start()
	redeployed("TOKEN=second of the environment", 2)
	wantBody(t, s, second, "/env", "\nPASSWORD=first of the file\n", "\nTOKEN=first of the environment\n")
	if all := s.Operations("unwatched"); len(all) != 1 {
		t.Errorf("without the tag, a service had the operations %+v", all)
	}

	t.Run("failures", func(t *testing.T) { testSourceFailures(t, s.With(t), files) })
}

// testSourceFailures reads what a deployment says that finds nothing, or not what it needs.
func testSourceFailures(t *testing.T, s *kit.Slipway, files string) {
	if err := os.Symlink("/etc/hostname", filepath.Join(files, "escape")); err != nil {
		t.Fatal(err)
	}
	agent(t, files, "large", strings.Repeat("x", 64<<10+1))
	agent(t, files, "blob", "\xff\xfe")
	const prefix = "arn:aws:secretsmanager:us-east-1:000000000000:secret:"
	for name, c := range map[string]struct {
		ref, role string
		want      []string
	}{
		"no-file":      {"/shop/none", instanceRole, []string{"no such parameter", "the file shop/none", "the variable SLIPWAY_SECRET_SHOP_NONE", "aws ssm put-parameter"}},
		"no-secret":    {prefix + "shop/none-AbCdEf", instanceRole, []string{"no such secret", "the file shop/none", "the variable SLIPWAY_SECRET_SHOP_NONE", "aws secretsmanager create-secret"}},
		"no-key":       {prefix + "shop/db:user::", instanceRole, []string{`no key "user"`, "Add the key"}},
		"no-version":   {prefix + "shop/db::AWSPREVIOUS:", instanceRole, []string{"AWSCURRENT"}},
		"outside":      {"escape", instanceRole, []string{"the file escape in the directory of secrets cannot be read: path escapes", "ordinary file"}},
		"too-large":    {"large", instanceRole, []string{"the file large", "larger than 65536 bytes"}},
		"no-text":      {"blob", instanceRole, []string{"its value is no text", "base64"}},
		"a-directory":  {"shop", instanceRole, []string{"the file shop in the directory of secrets cannot be read: is a directory", "ordinary file"}},
		"not-allowed":  {"/shop/key", "arn:aws:iam::000000000000:role/limited", []string{"may not do ssm:GetParameters", "roles.policies"}},
		"nor-variable": {"api-token", "arn:aws:iam::000000000000:role/limited", []string{"may not do ssm:GetParameters", "roles.policies"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s.With(t)
			in := secretInput(s, name, map[string]string{"DB_PASSWORD": c.ref})
			in.InstanceConfiguration.InstanceRoleArn = &c.role
			service, id := s.Create(in)
			s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusCreateFailed)
			reason, log := s.AwaitOperation(name, id).Reason, s.DeploymentLog(name, id)
			t.Log(reason)
			for _, want := range append(c.want, "The environment secret DB_PASSWORD") {
				if !strings.Contains(reason, want) || !strings.Contains(log, want) {
					t.Errorf("there is no %q in the reason %q, or not in the log\n%s", want, reason, log)
				}
			}
			for _, value := range []string{"second of the file", "the file's", "second of the environment"} {
				if strings.Contains(fmt.Sprint(reason, log), value) {
					t.Errorf("%q is in the reason %q or the log\n%s", value, reason, log)
				}
			}
			s.Delete(*service.ServiceArn)
		})
	}
}
