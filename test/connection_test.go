package test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/githost"
	"github.com/slipway-run/slipway/test/kit"
)

// dockerfile is a repository whose build makes an image of the tests' application.
func dockerfile(version string) map[string]string {
	return map[string]string{"web/Dockerfile": "FROM scratch\nCOPY mimic /mimic\nENV VERSION=" + version + "\nENTRYPOINT [\"/mimic\"]\n"}
}

// code is a CreateService request for a repository.
func code(name, url, connection string) *apprunnerapi.CreateServiceInput {
	return &apprunnerapi.CreateServiceInput{
		ServiceName: &name,
		SourceConfiguration: &apprunnerapi.SourceConfiguration{
			AutoDeploymentsEnabled: new(true),
			CodeRepository: &apprunnerapi.CodeRepository{
				RepositoryUrl: &url, SourceDirectory: new("/web"),
				SourceCodeVersion: &apprunnerapi.SourceCodeVersion{Type: new(apprunnerapi.SourceCodeVersionTypeBranch), Value: new("main")},
			},
			AuthenticationConfiguration: &apprunnerapi.AuthenticationConfiguration{ConnectionArn: &connection},
		},
		InstanceConfiguration:    &apprunnerapi.InstanceConfiguration{Cpu: new("256"), Memory: new("512")},
		HealthCheckConfiguration: &apprunnerapi.HealthCheckConfiguration{Interval: new(int32(1)), UnhealthyThreshold: new(int32(2))},
		Tags:                     []apprunnerapi.Tag{{Key: new("slipway:build"), Value: new("dockerfile")}},
	}
}

// fromGit starts a Slipway that a host's webhooks reach, and connects it.
func fromGit(t *testing.T, h *githost.Host, settings string) (*kit.Slipway, string) {
	t.Helper()
	s := kit.New(t, "")
	s.Configure(fmt.Sprintf("timeouts: {stop: 1s}\nsource: {allow-http: [%s], public-url: \"http://%s\", %s}\n", strings.TrimPrefix(h.URL, "http://"), s.API, settings))
	s.Start()
	h.Lock()
	h.Tokens["s3cret"] = true
	h.Unlock()
	s.CLI("connections", "create", "forge", "--provider", "gitea", "--base-url", h.URL)
	if out, errOut, err := s.TryWith("wr0ng\n", "connections", "authorize", "forge", "--token", "-"); err == nil || !strings.Contains(errOut, "refuses the credential") {
		t.Errorf("a wrong token: %s%s", out, errOut)
	}
	if out, errOut, err := s.TryWith("s3cret\n", "connections", "authorize", "forge", "--token", "-"); err != nil || !strings.Contains(out, "AVAILABLE") {
		t.Fatalf("authorize: %v %s%s", err, out, errOut)
	}
	var list apprunnerapi.ListConnectionsOutput
	if err := s.Call("ListConnections", struct{}{}, &list); err != nil || len(list.ConnectionSummaryList) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	return s, *list.ConnectionSummaryList[0].ConnectionArn
}

// TestFromGitToURL takes a private repository to a URL, and deploys what is pushed.
func TestFromGitToURL(t *testing.T) {
	h := githost.New(t)
	r := h.Repository("ann/shop")
	r.Private()
	r.Write(map[string]string{"README": "1", "web/README": "1"})
	kit.MimicProgram(t, filepath.Join(r.Work, "web"))
	r.Push("First version", dockerfile("v1"))
	s, connection := fromGit(t, h, "poll-interval: 1h")
	if out := s.CLI("connections", "repositories", "forge"); !strings.Contains(out, "ann/shop") {
		t.Errorf("repositories: %s", out)
	}
	if out := s.CLI("connections", "branches", "forge", "ann/shop"); out != "main\n" {
		t.Errorf("branches: %q", out)
	}
	service := s.Run(code("shop", r.URL, connection))
	wantBody(t, s, service, "/", "v1 instance")

	s.Eventually("there is a webhook", time.Minute, func() error {
		h.Lock()
		defer h.Unlock()
		if len(h.API.Hooks) != 1 {
			return kit.Errorf("there are %+v", h.API.Hooks)
		}
		return nil
	})
	// A push deploys within seconds; one that leaves the source directory alone does not.
	second := r.Push("Second version", dockerfile("v2"))
	began := time.Now()
	r.Deliver("d1")
	awaitBody(s, service, "v2 instance")
	t.Logf("a push was live after %v", time.Since(began).Round(time.Millisecond))
	s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusRunning)
	r.Push("Elsewhere", map[string]string{"README": "2"})
	r.Deliver("d2")
	// A build that fails leaves the old version serving, and is not tried again.
	broken := r.Push("Break it", map[string]string{"web/Dockerfile": "FROM scratch\nCOPY nothing /nothing\n"})
	r.Deliver("d3")
	s.Eventually("the broken build has ended", time.Minute, func() error {
		if all := s.Operations("shop"); len(all) != 3 || all[0].EndedAt.IsZero() {
			return kit.Errorf("there are %+v", all)
		}
		return nil
	})
	wantBody(t, s, service, "/", "v2 instance")
	if o := s.Operations("shop")[0]; o.Status != "ROLLBACK_SUCCEEDED" || !strings.Contains(o.Reason, "nothing") {
		t.Errorf("the broken build ended as %+v", o)
	}
	r.Push("Third version", dockerfile("v3"))
	r.Deliver("d4")
	awaitBody(s, service, "v3 instance")
	if n := len(s.Operations("shop")); n != 4 {
		t.Errorf("%d operations, want 4: none lost, none twice", n)
	}
	s.Eventually("the host knows of each", 30*time.Second, func() error {
		h.Lock()
		defer h.Unlock()
		states := map[string]string{}
		for _, report := range h.API.Statuses {
			states[report.Commit] += report.State + " "
		}
		if states[second] != "pending success " || states[broken] != "pending failure " {
			return kit.Errorf("it has %v", states)
		}
		return nil
	})
	if out := s.CLI("revisions", "shop"); !strings.Contains(out, "Third version") {
		t.Errorf("revisions:\n%s", out)
	}
	everywhere(t, s, "s3cret")
}

// everywhere looks for a secret in all that a Slipway has written.
func everywhere(t *testing.T, s *kit.Slipway, secret string) {
	t.Helper()
	err := filepath.Walk(s.Dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() || info.Size() > 32<<20 {
			return nil //nolint:nilerr // files come and go
		}
		if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), secret) {
			t.Errorf("%s has the token", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestPushesWhileNobodyLooks: a push while the daemon is killed, and one during an operation, are both
// found; the newest is deployed, once.
func TestPushesWhileNobodyLooks(t *testing.T) {
	h := githost.New(t)
	r := h.Repository("ann/shop")
	r.Private()
	r.Write(dockerfile("v1"))
	kit.MimicProgram(t, filepath.Join(r.Work, "web"))
	r.Push("First", nil)
	s, connection := fromGit(t, h, "poll-interval: 1h")
	service := s.Run(code("shop", r.URL, connection))
	s.Kill()
	r.Push("While nobody looks", dockerfile("v2"))
	s.Start()
	awaitBody(s, service, "v2 instance")
	s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusRunning)
	_, id := s.Do("StartDeployment", *service.ServiceArn)
	r.Push("During an operation", dockerfile("v3"))
	r.Push("And once more", dockerfile("v4"))
	r.Deliver("d1")
	s.AwaitOperation("shop", id)
	awaitBody(s, service, "v4 instance")
	s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusRunning)
	if n := len(s.Operations("shop")); n > 4 {
		t.Errorf("%d operations: something was deployed twice", n)
	}
	// The token is taken back: a new one repairs the connection.
	h.Lock()
	h.Tokens = map[string]bool{"new": true}
	h.Unlock()
	s.AwaitOperation("shop", func() string { _, id := s.Do("StartDeployment", *service.ServiceArn); return id }())
	if o := s.Operations("shop")[0]; !strings.Contains(o.Reason, "Authorize the connection again") {
		t.Errorf("the deployment failed with %q", o.Reason)
	}
	if out := s.CLI("connections", "list"); !strings.Contains(out, "ERROR") || !strings.Contains(s.Events("shop"), "Connection forge is ERROR.") {
		t.Errorf("%s\n%s", out, s.Events("shop"))
	}
	if _, errOut, err := s.TryWith("new\n", "connections", "authorize", "forge", "--token", "-"); err != nil {
		t.Fatal(errOut)
	}
	r.Push("After that", dockerfile("v5"))
	r.Deliver("d2")
	awaitBody(s, service, "v5 instance")
}

// TestRepositoriesThatAreNotReached: none leads to this machine, to Slipway itself, or to another protocol.
func TestRepositoriesThatAreNotReached(t *testing.T) {
	s := kit.New(t, "")
	s.Configure("source: {allow-http: [127.0.0.1]}\n")
	s.Start()
	for url, words := range map[string]string{
		"file:///etc":                  "source.allow-paths",
		"/etc":                         "source.allow-paths",
		"ext::sh -c reboot":            "a space",
		"--upload-pack=reboot":         "begins with a dash",
		"git://example.com/a/b":        "scheme",
		"http://example.com/a/b":       "source.allow-http",
		"https://a:b@example.com/a/b":  "a user name or a token",
		"ssh://-oProxyCommand=x/a/b":   "no valid host name",
		"https://example.com/a%0ab":    "control character",
		"https://example.com/a/b#main": "more than a path",
	} {
		in := code("refused", url, "")
		in.SourceConfiguration.AuthenticationConfiguration = nil
		s.WantError(s.Call("CreateService", in, nil), "InvalidRequestException", words)
	}
	in := code("itself", "http://"+s.API+"/v2/a", "")
	in.SourceConfiguration.AuthenticationConfiguration = nil
	service, id := s.Create(in)
	o := s.AwaitOperation(*service.ServiceName, id)
	if !strings.Contains(o.Reason, "it is Slipway's own address") {
		t.Errorf("Slipway itself as a repository: %q", o.Reason)
	}
	for _, path := range []string{"hooks/" + strings.Repeat("0", 32), "callback/oauth?state=x"} {
		method := http.MethodPost
		if strings.HasPrefix(path, "callback") {
			method = http.MethodGet
		}
		request, err := http.NewRequest(method, "http://"+s.API+admin.Prefix+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if want := map[string]int{"POST": 404, "GET": 400}[method]; response.StatusCode != want {
			t.Errorf("%s without a proof is answered %d, want %d", path, response.StatusCode, want)
		}
	}
}
