package conformance

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/apprunner"
	"github.com/aws/aws-sdk-go-v2/service/apprunner/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// roleApp is an image with nothing in it but the program in roleapp.
func roleApp(t *testing.T) v1.Image {
	t.Helper()
	file := filepath.Join(t.TempDir(), "roleapp")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, "./roleapp")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build roleapp: %v\n%s", err, out)
	}
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, kit.Layer(t, "roleapp", 0o755, program))
	if err != nil {
		t.Fatal(err)
	}
	return kit.Configure(t, image, runtime.GOARCH, v1.Config{Entrypoint: []string{"/roleapp"}})
}

// TestInstanceRole has an application use the AWS SDK as its instance role: it reads the secret that the
// role may read and no other, across a crash of the daemon, and for as long as its instance lives.
func TestInstanceRole(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "reader.json")
	if err := os.WriteFile(policy, []byte(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue",
		"Resource": "arn:aws:secretsmanager:*:*:secret:mine-??????", "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::000000000000:role/team/reader"}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := kit.Start(t, "timeouts: {stop: 1s}\nroles: {endpoint: true, policies: {reader: "+policy+"}}\n")
	s.Push(roleApp(t), "roleapp:v1")
	client := newGoClient(t, s)
	for _, name := range []string{"mine", "other"} {
		if _, err := secretsOf(s, client.Options().Credentials).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: new("the value of " + name)}); err != nil {
			t.Fatal(err)
		}
	}
	reader := runRoleApp(t, s, client, "reader", "arn:aws:iam::000000000000:role/team/reader")
	limitless := runRoleApp(t, s, client, "limitless", "arn:aws:iam::000000000000:role/without-policy")

	wantAnswer(t, s, reader, "/secret?id=mine", 200, `"the value of mine"`)
	wantAnswer(t, s, reader, "/secret?id=other", 502, "AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/reader/")
	wantAnswer(t, s, reader, "/who", 200, `"arn:aws:sts::000000000000:assumed-role/reader/`)
	wantAnswer(t, s, limitless, "/secret?id=mine", 502, "no identity-based policy allows the secretsmanager:GetSecretValue action")
	wantAnswer(t, s, limitless, "/who", 200, "assumed-role/without-policy/")

	held := credentialsOf(t, s, reader)
	// The SDK takes them for ended five minutes early.
	if left := time.Until(held.Expires); !held.CanExpire || left < 55*time.Minute || left > 115*time.Minute {
		t.Errorf("the credentials are good for %v", left)
	}
	static := credentials.NewStaticCredentialsProvider(held.AccessKeyID, held.SecretAccessKey, held.SessionToken)
	for reason, p := range map[string]aws.CredentialsProvider{
		"without the token": credentials.NewStaticCredentialsProvider(held.AccessKeyID, held.SecretAccessKey, ""),
		"another secret":    credentials.NewStaticCredentialsProvider(held.AccessKeyID, strings.ToLower(held.SecretAccessKey), held.SessionToken),
	} {
		if _, err := who(t.Context(), s, p); err == nil {
			t.Errorf("%s: it is let in", reason)
		}
	}
	s.Kill()
	s.Start()
	if arn, err := who(t.Context(), s, static); err != nil || !strings.Contains(arn, "assumed-role/reader/") {
		t.Errorf("with credentials from before the crash: %s, %v", arn, err)
	}
	wantAnswer(t, s, reader, "/secret?id=mine", 200, `"the value of mine"`)
	s.Delete(*reader.ServiceArn)
	if arn, err := who(t.Context(), s, static); err == nil || !strings.Contains(err.Error(), "InvalidClientTokenId") {
		t.Errorf("after its service is deleted, it is still %s, %v", arn, err)
	}
	if _, err := who(t.Context(), s, client.Options().Credentials); err != nil {
		t.Errorf("and so is the root key: %v", err)
	}
	log, err := os.ReadFile(newest(t, filepath.Join(s.Dir, "audit", "*")))
	if err != nil || !strings.Contains(string(log), `"instance/`) || !strings.Contains(string(log), held.AccessKeyID) || strings.Contains(string(log), held.SecretAccessKey) {
		t.Errorf("the audit log does not tell of the application: %v", err)
	}
}

func newest(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return files[len(files)-1]
}

func runRoleApp(t *testing.T, s *kit.Slipway, c *goClient, name, role string) *types.Service {
	t.Helper()
	out, err := c.CreateService(t.Context(), &sdk.CreateServiceInput{
		ServiceName:           &name,
		InstanceConfiguration: &types.InstanceConfiguration{InstanceRoleArn: &role, Cpu: new("256"), Memory: new("512")},
		SourceConfiguration: &types.SourceConfiguration{
			AuthenticationConfiguration: &types.AuthenticationConfiguration{AccessRoleArn: new(kit.Role)},
			ImageRepository: &types.ImageRepository{
				ImageIdentifier: new(s.Image("roleapp:v1")), ImageRepositoryType: types.ImageRepositoryTypeEcr,
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Await(*out.Service.ServiceArn, "RUNNING")
	return out.Service
}

func wantAnswer(t *testing.T, s *kit.Slipway, service *types.Service, path string, status int, words string) {
	t.Helper()
	if got, body := s.Get(&apprunnerapi.Service{ServiceUrl: service.ServiceUrl}, path); got != status || !strings.Contains(body, words) {
		t.Errorf("%s of %s answers %d %s, want %d with %s", path, *service.ServiceName, got, body, status, words)
	}
}

func credentialsOf(t *testing.T, s *kit.Slipway, service *types.Service) (c aws.Credentials) {
	t.Helper()
	_, body := s.Get(&apprunnerapi.Service{ServiceUrl: service.ServiceUrl}, "/credentials")
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return c
}

func secretsOf(s *kit.Slipway, p aws.CredentialsProvider) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{Region: s.Region, BaseEndpoint: new("http://" + s.API), Credentials: p})
}

// who asks, from outside, whose credentials they are.
func who(ctx context.Context, s *kit.Slipway, p aws.CredentialsProvider) (string, error) {
	client := sts.New(sts.Options{Region: s.Region, BaseEndpoint: new("http://" + s.API), Credentials: p, RetryMaxAttempts: 1})
	out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return *out.Arn, nil
}
