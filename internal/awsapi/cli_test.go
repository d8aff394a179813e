package awsapi_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/iam"
)

// The AWS CLI, with the environment that slipway env prints, signs what the server verifies and
// reads what it answers.
func TestServerWithTheAWSCLI(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the AWS CLI is not installed: ", err)
	}
	f := serve(t, &handlers{listServices: func(ctx context.Context, _ *apprunnerapi.ListServicesInput) (*apprunnerapi.ListServicesOutput, error) {
		return &apprunnerapi.ListServicesOutput{ServiceSummaryList: []apprunnerapi.ServiceSummary{
			{ServiceName: new("hello"), ServiceArn: new("arn:aws:apprunner:" + awsapi.CallFrom(ctx).Identity.Region + ":000000000000:service/hello/1")},
		}}, nil
	}}, everyone)
	dir := filepath.Join(t.TempDir(), "data dir")
	err := iam.WriteAWSProfile(dir, f.url, "eu-west-1", iam.Key{ID: keyID, Secret: secret, CreatedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := iam.Exports(dir)
	if err != nil {
		t.Fatal(err)
	}
	aws := func(args ...string) (string, error) {
		script := strings.Join(lines, "\n") + "\n" + `exec aws apprunner --endpoint-url "$AWS_ENDPOINT_URL" "$@"`
		out, err := exec.CommandContext(t.Context(), "sh", append([]string{"-euc", script, "sh"}, args...)...).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	out, err := aws("list-services", "--query", "ServiceSummaryList[].ServiceArn", "--output", "text")
	if want := "arn:aws:apprunner:eu-west-1:000000000000:service/hello/1"; err != nil || out != want {
		t.Errorf("list-services: %v, %q; want %q", err, out, want)
	}
	out, err = aws("list-services", "--max-results", "21")
	if want := "(InvalidRequestException) when calling the ListServices operation: 1 validation error detected"; err == nil || !strings.Contains(out, want) {
		t.Errorf("list-services with 21 results: %v, %q; want %q", err, out, want)
	}
}
