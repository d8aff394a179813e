package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-run/slipway/internal/audit"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/iam"
	"github.com/slipway-run/slipway/test/kit"
)

const deployPolicy = `{"Version": "2012-10-17", "Statement": [
	{"Sid": "Look", "Effect": "Allow", "Action": ["apprunner:Describe*", "apprunner:List*"], "Resource": "*"},
	{"Sid": "Dev", "Effect": "Allow", "Action": ["apprunner:PauseService", "apprunner:ResumeService"], "Resource": "*",
	 "Condition": {"StringEquals": {"aws:ResourceTag/env": "dev"}}},
	{"Sid": "NewDev", "Effect": "Allow", "Action": "apprunner:CreateService", "Resource": "arn:aws:apprunner:*:*:service/dev-*",
	 "Condition": {"StringEquals": {"aws:RequestTag/env": "dev"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["env"]}}},
	{"Sid": "NeverHere", "Effect": "Deny", "Action": "*", "Resource": "arn:aws:apprunner:eu-west-1:*:*"},
	{"Sid": "Pull", "Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": "arn:aws:ecr:*:*:repository/mimic"}
]}`

// TestKeys uses an access key that may do little, with the AWS CLI and with a client of registries.
func TestKeys(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	s.PushMimic("mimic:v1", "v1")
	s.PushMimic("private:v1", "v1")
	in := s.Input("live", "mimic:v1", "PASSWORD=correct horse battery staple")
	in.Tags = []apprunnerapi.Tag{{Key: new("env"), Value: new("prod")}}
	service := s.Run(in)
	arn := *service.ServiceArn
	key := s.CreateKey("ci", deployPolicy)
	ci := s.As(key)

	t.Run("AWS CLI", func(t *testing.T) { testRestricted(t, ci.With(t), arn) })
	t.Run("tags", func(t *testing.T) { testTagConditions(t, s.With(t), ci.With(t), arn) })
	t.Run("partial ARNs", func(t *testing.T) { testPartialARNs(t, s.With(t)) })
	t.Run("registry", func(t *testing.T) { testRegistryRights(t, ci.With(t)) })
	t.Run("Slipway's own API", func(t *testing.T) { testAdminRights(t, s.With(t), key) })
	t.Run("across a crash", func(t *testing.T) {
		s := s.With(t)
		s.Kill()
		s.Start()
		ci.With(t).Describe(arn)
	})
	t.Run("delete", func(t *testing.T) { testDeletedKey(t, s.With(t), ci.With(t)) })
	t.Run("audit log", func(t *testing.T) { testAuditLog(t, s.With(t), key, arn) })
}

func testRestricted(t *testing.T, s *kit.Slipway, arn string) {
	out, errOut, err := s.TryAWSAs("describe-service", "--service-arn", arn)
	if err != nil || !strings.Contains(out, `"ServiceName": "live"`) {
		t.Errorf("describe-service: %v\n%s%s", err, out, errOut)
	}
	_, errOut, err = s.TryAWSAs("delete-service", "--service-arn", arn)
	want := "An error occurred (AccessDeniedException) when calling the DeleteService operation: User: arn:aws:iam::000000000000:user/ci " +
		"is not authorized to perform: apprunner:DeleteService on resource: " + arn + " because no identity-based policy allows the apprunner:DeleteService action"
	if err == nil || strings.TrimSpace(errOut) != want {
		t.Errorf("delete-service: %v\n%s\nwant\n%s", err, errOut, want)
	}
	away := *s
	away.Region = "eu-west-1"
	var out2 apprunnerapi.DescribeServiceOutput
	elsewhere := strings.Replace(arn, "us-east-1", "eu-west-1", 1)
	err = away.Call("DescribeService", apprunnerapi.DescribeServiceInput{ServiceArn: &elsewhere}, &out2)
	s.WantError(err, "AccessDeniedException", "apprunner:DescribeService on resource: "+elsewhere+" with an explicit deny in an identity-based policy")
	// A request that breaks the model is refused for its right first: its maker learns nothing.
	err = s.Call("DeleteService", map[string]string{"ServiceArn": "x"}, nil)
	s.WantError(err, "AccessDeniedException", "on resource: x because")
}

func testTagConditions(t *testing.T, root, s *kit.Slipway, arn string) {
	_, _, err := s.TryDo("PauseService", arn)
	s.WantError(err, "AccessDeniedException", "apprunner:PauseService on resource: "+arn)
	tag := func(value string) {
		t.Helper()
		if err := root.Call("TagResource", apprunnerapi.TagResourceInput{ResourceArn: &arn, Tags: []apprunnerapi.Tag{{Key: new("env"), Value: &value}}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	tag("dev")
	s.Do("PauseService", arn)
	s.Await(arn, apprunnerapi.ServiceStatusPaused)
	tag("prod")
	_, _, err = s.TryDo("ResumeService", arn)
	s.WantError(err, "AccessDeniedException", "apprunner:ResumeService")

	in := s.Input("dev-web", "mimic:v1")
	create := func() error { return s.Call("CreateService", in, nil) }
	s.WantError(create(), "AccessDeniedException", "apprunner:CreateService on resource: arn:aws:apprunner:us-east-1:000000000000:service/dev-web/*")
	in.Tags = []apprunnerapi.Tag{{Key: new("env"), Value: new("prod")}}
	s.WantError(create(), "AccessDeniedException", "apprunner:CreateService")
	in.Tags = []apprunnerapi.Tag{{Key: new("env"), Value: new("dev")}, {Key: new("team"), Value: new("x")}}
	s.WantError(create(), "AccessDeniedException", "apprunner:CreateService")
	in.Tags, in.ServiceName = in.Tags[:1], new("web-dev")
	s.WantError(create(), "AccessDeniedException", "service/web-dev/*")
	in.ServiceName = new("dev-web")
	s.Run(in)
}

// testPartialARNs has a policy that names one revision of an auto scaling configuration, and calls
// that name it by parts of its ARN.
func testPartialARNs(t *testing.T, s *kit.Slipway) {
	first, second := *s.Scaling("multi", 10, 1, 2), *s.Scaling("multi", 20, 1, 2)
	byName := strings.Join(strings.Split(first, "/")[:2], "/")
	user := s.As(s.CreateKey("partial", `{"Statement":[{"Effect":"Allow","Action":"apprunner:*","Resource":"*"},
		{"Effect":"Deny","Action":"*","Resource":"arn:aws:apprunner:*:*:autoscalingconfiguration/multi/1/*"}]}`))
	describe := func(arn string) error {
		return user.Call("DescribeAutoScalingConfiguration", apprunnerapi.DescribeAutoScalingConfigurationInput{AutoScalingConfigurationArn: &arn}, nil)
	}
	for _, arn := range []string{first, byName + "/1"} {
		s.WantError(describe(arn), "AccessDeniedException", "on resource: "+first+" with an explicit deny")
	}
	for _, arn := range []string{second, byName + "/2", byName} {
		if err := describe(arn); err != nil {
			t.Errorf("describe %s: %v", arn, err)
		}
	}
	remove := func(all bool) error {
		return user.Call("DeleteAutoScalingConfiguration", apprunnerapi.DeleteAutoScalingConfigurationInput{AutoScalingConfigurationArn: &byName, DeleteAllRevisions: &all}, nil)
	}
	s.WantError(remove(true), "AccessDeniedException", "on resource: "+first)
	if err := remove(false); err != nil {
		t.Errorf("delete the latest revision: %v", err)
	}
}

// pull reads the manifest and a layer of an image with a key.
func pull(s *kit.Slipway, ref string) error {
	tag, err := name.ParseReference(s.API+"/"+ref, name.Insecure)
	if err != nil {
		return err
	}
	key := s.Key()
	image, err := remote.Image(tag, remote.WithAuth(&authn.Basic{Username: key.ID, Password: key.Secret}))
	if err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	layer, err := layers[0].Compressed()
	if err != nil {
		return err
	}
	return layer.Close()
}

func push(t *testing.T, s *kit.Slipway, ref string) error {
	tag, err := name.ParseReference(s.API+"/"+ref, name.Insecure)
	if err != nil {
		return err
	}
	key := s.Key()
	return remote.Write(tag, kit.Mimic(t, "pushed"), remote.WithAuth(&authn.Basic{Username: key.ID, Password: key.Secret}))
}

func testRegistryRights(t *testing.T, s *kit.Slipway) {
	if err := pull(s, "mimic:v1"); err != nil {
		t.Errorf("pull: %v", err)
	}
	for what, err := range map[string]error{"pull of another repository": pull(s, "private:v1"), "push": push(t, s, "mimic:v2")} {
		if err == nil || !strings.Contains(err.Error(), "DENIED") || !strings.Contains(err.Error(), "arn:aws:iam::000000000000:user/ci is not authorized to perform: ecr:") {
			t.Errorf("%s: %v", what, err)
		}
	}
	wrong := s.As(iam.Key{ID: s.Key().ID, Secret: "wrong"})
	if err := pull(wrong, "mimic:v1"); err == nil || !strings.Contains(err.Error(), "UNAUTHORIZED") {
		t.Errorf("pull with a wrong secret: %v", err)
	}
}

// testAdminRights uses Slipway's own API with a key that has no right there.
func testAdminRights(t *testing.T, s *kit.Slipway, key iam.Key) {
	for _, path := range []string{"services/live/logs?stream=events", "services/live/operations", "registries", "keys"} {
		status, body := signedGet(t, s.As(key), "/slipway/v1/"+path)
		if status != http.StatusForbidden || !strings.Contains(body, "user/ci is not authorized to perform: slipway:") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	reader := s.As(s.CreateKey("reader", `{"Statement":{"Effect":"Allow","Action":"slipway:GetLogs","Resource":"arn:aws:apprunner:*:*:service/live/*"}}`))
	if status, body := signedGet(t, reader, "/slipway/v1/services/live/logs?stream=events"); status != http.StatusOK || !strings.Contains(body, "Service creation started") {
		t.Errorf("who may read logs: %d %s", status, body)
	}
	if status, body := signedGet(t, reader, "/slipway/v1/services/dev-web/logs?stream=events"); status != http.StatusForbidden {
		t.Errorf("the logs of another service: %d %s", status, body)
	}
}

func testDeletedKey(t *testing.T, root, s *kit.Slipway) {
	id := s.Key().ID
	if list := root.CLI("keys", "list"); !strings.Contains(list, id+"  ci ") || !strings.Contains(list, root.Key().ID+"  root ") || strings.Contains(list, s.Key().Secret) {
		t.Errorf("keys list:\n%s", list)
	}
	root.CLI("keys", "delete", id)
	s.WantError(s.Call("ListServices", struct{}{}, nil), "UnrecognizedClientException", "")
	if err := pull(s, "mimic:v1"); err == nil || !strings.Contains(err.Error(), "UNAUTHORIZED") {
		t.Errorf("pull: %v", err)
	}
	if _, errOut, err := root.Try("keys", "delete", id); err == nil || !strings.Contains(errOut, "There is no access key") {
		t.Errorf("delete again: %v %s", err, errOut)
	}
	if _, errOut, err := root.Try("keys", "delete", root.Key().ID); err == nil || !strings.Contains(errOut, "root key cannot be deleted") {
		t.Errorf("delete the root key: %v %s", err, errOut)
	}
	file := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(file, []byte(`{"Statement":{"Effect":"Allow","Action":"DeleteService","Resource":"*"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errOut, err := root.Try("keys", "create", "--policy", file); err == nil || !strings.Contains(errOut, file+`: policy: statement 1: Action "DeleteService" does not have the form`) {
		t.Errorf("a bad policy: %v %s", err, errOut)
	}
}

func testAuditLog(t *testing.T, s *kit.Slipway, key iam.Key, arn string) {
	for _, secret := range []string{s.Key().Secret, "a wrong one"} {
		body, _ := json.Marshal(map[string]string{"id": s.Key().ID, "secret": secret})
		response, err := http.Post("http://"+s.API+"/console/session", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	all := s.Audit()
	ci, root := "arn:aws:iam::000000000000:user/ci", "arn:aws:iam::000000000000:root"
	private := "arn:aws:ecr:us-east-1:000000000000:repository/private"
	for _, want := range []audit.Entry{
		{AccessKeyID: s.Key().ID, User: root, Action: "apprunner:CreateService", Resources: []string{"arn:aws:apprunner:us-east-1:000000000000:service/live/*"}, Region: "us-east-1", Status: 200},
		{AccessKeyID: key.ID, User: ci, Action: "apprunner:DescribeService", Resources: []string{arn}, Region: "us-east-1", Status: 200},
		{AccessKeyID: key.ID, User: ci, Action: "apprunner:DeleteService", Resources: []string{arn}, Region: "us-east-1", Status: 403, ErrorCode: "AccessDeniedException"},
		{AccessKeyID: key.ID, User: ci, Action: "apprunner:DescribeService", Resources: []string{strings.Replace(arn, "us-east-1", "eu-west-1", 1)}, Region: "eu-west-1", Status: 403, ErrorCode: "AccessDeniedException"},
		{AccessKeyID: key.ID, Action: "apprunner:ListServices", Status: 403, ErrorCode: "UnrecognizedClientException"},
		{AccessKeyID: s.Key().ID, User: root, Action: "slipway:CreateKey", Resources: []string{"*"}, Region: "us-east-1", Status: 200},
		{AccessKeyID: s.Key().ID, User: root, Action: "slipway:DeleteKey", Resources: []string{"arn:aws:slipway:us-east-1:000000000000:key/" + key.ID}, Region: "us-east-1", Status: 404, ErrorCode: "ResourceNotFoundException"},
		{AccessKeyID: key.ID, User: ci, Action: "slipway:ListKeys", Resources: []string{"*"}, Region: "us-east-1", Status: 403, ErrorCode: "AccessDeniedException"},
		{AccessKeyID: s.Key().ID, User: root, Action: "ecr:PutImage", Resources: []string{private}, Region: "us-east-1", Status: 201},
		{AccessKeyID: key.ID, User: ci, Action: "ecr:BatchGetImage", Resources: []string{private}, Region: "us-east-1", Status: 403, ErrorCode: "Forbidden"},
		{AccessKeyID: key.ID, Action: "slipway:RegistrySignIn", Region: "us-east-1", Status: 401, ErrorCode: "Unauthorized"},
		{AccessKeyID: s.Key().ID, User: root, Action: "slipway:ConsoleSignIn", Region: "us-east-1", Status: 200},
		{AccessKeyID: s.Key().ID, Action: "slipway:ConsoleSignIn", Region: "us-east-1", Status: 403, ErrorCode: "AccessDeniedException"},
	} {
		found := slices.ContainsFunc(all, func(e audit.Entry) bool {
			return e.AccessKeyID == want.AccessKeyID && e.User == want.User && e.Action == want.Action && slices.Equal(e.Resources, want.Resources) &&
				e.Region == want.Region && e.Status == want.Status && e.ErrorCode == want.ErrorCode
		})
		if !found {
			t.Errorf("the audit log does not have %+v", want)
		}
	}
	for _, e := range all {
		if e.RequestID == "" || e.Source != "127.0.0.1" || time.Since(e.Time) > time.Hour || e.Status == 0 || (e.Status >= 400) != (e.ErrorCode != "") {
			t.Errorf("an entry is not whole: %+v", e)
		}
	}
	data, err := os.ReadFile(filepath.Join(s.Dir, "audit", "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{s.Key().Secret, key.Secret, "battery staple", "a wrong one", "Signature="} {
		if strings.Contains(string(data), secret) {
			t.Errorf("the audit log has %q", secret)
		}
	}
	if t.Failed() {
		t.Logf("%s", data)
	}
}

// TestThrottling has one key call too often. Another key, and clients that wait, do not suffer.
func TestThrottling(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "throttle: {rate: 2, burst: 5}\n")
	busy := s.As(s.CreateKey("busy", `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`))
	calm := s.As(s.CreateKey("calm", `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`))
	var err error
	calls := 0
	for deadline := time.Now().Add(20 * time.Second); err == nil && time.Now().Before(deadline); calls++ {
		err = busy.Call("ListServices", struct{}{}, nil)
	}
	s.WantError(err, "ThrottlingException", "Rate exceeded")
	if e, ok := errors.AsType[*awsapi.Error](err); !ok || e.Status != http.StatusBadRequest || calls < 6 {
		t.Errorf("call %d was answered with %v", calls, err)
	}
	if err := calm.Call("ListServices", struct{}{}, nil); err != nil {
		t.Errorf("another key: %v", err)
	}
	for range 10 { // more than the burst of the root key
		s.CLI("services")
	}
	throttled := slices.ContainsFunc(s.Audit(), func(e audit.Entry) bool {
		return e.ErrorCode == "ThrottlingException" && e.AccessKeyID == busy.Key().ID
	})
	if !throttled {
		t.Error("the audit log does not have the throttled call")
	}
	if _, errOut, err := busy.TryAWSAs("list-services"); err != nil {
		t.Errorf("the AWS CLI, which tries again: %v %s", err, errOut)
	}
}

// signedGet reads from Slipway's own API with the key of s.
func signedGet(t *testing.T, s *kit.Slipway, path string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.API+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	key := s.Key()
	if err := sigv4.Sign(request, nil, key.ID, key.Secret, s.Region, "slipway", time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
