package cli

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/iam"
	"github.com/slipway-run/slipway/internal/source/remote"
)

func TestNameOfFolder(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]string{
		"/src/shop": "shop", "/src/web": "web-service", "/src/My Shop (2)": "My-Shop-2", "/src/.hidden": "hidden", "/src/_x_": "x-service",
		"/src/" + strings.Repeat("a", 50): strings.Repeat("a", 40), "/src/größe": "gr-e",
	} {
		if got, err := nameOfFolder(dir); err != nil || got != want {
			t.Errorf("nameOfFolder(%q) = %q, %v, want %q", dir, got, err, want)
		}
	}
	if _, err := nameOfFolder("/"); err == nil {
		t.Error("the root has a name")
	}
}

func TestIsFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]string{
		dir: "true", ".": "true", "./": "true", "nginx": "false", "ghcr.io/team/web:2": "false", "web:v1": "false",
		file: "is a file", "./none": "there is no folder", "/none": "there is no folder", "../none": "there is no folder", "~/x": "there is no folder",
	} {
		folder, err := isFolder(what)
		if got := fmt.Sprint(folder, err); !strings.Contains(got, want) {
			t.Errorf("isFolder(%q): %s, want %s", what, got, want)
		}
	}
}

func TestAPIRuntime(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"nodejs22": "NODEJS_22", "python311": "PYTHON_311", "GO_1": "GO_1", "go1": "GO_1", "Corretto11": "CORRETTO_11"} {
		if got, err := apiRuntime(name); err != nil || string(got) != want {
			t.Errorf("apiRuntime(%q) = %q, %v", name, got, err)
		}
	}
	if _, err := apiRuntime("cobol1"); err == nil || !strings.Contains(err.Error(), `--runtime "cobol1"`) {
		t.Error(err)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newProgress(&out)
	p.enter("Build")
	p.line(time.Now(), "compiling\x1b[31m \x07red")
	p.enter("Build")
	p.note("12 files")
	p.enter("Start instances")
	p.end(false)
	p.end(true)
	got := out.String()
	for _, want := range []string{"compiling[31m red\n", "12 files\n", "Build: 0.0s\n", "Start instances: 0.0s\n"} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, got)
		}
	}
}

// pushTo has the repositories of a daemon that knows one key and no service.
type pushTo struct{ key iam.Key }

func (p pushTo) Authenticate(_ context.Context, user, password string) (string, error) {
	if user != p.key.ID || password != p.key.Secret {
		return "", remote.ErrDenied
	}
	return user, nil
}
func (pushTo) Authorize(context.Context, string, string, string, string) error { return nil }
func (pushTo) Service(_ context.Context, _, name string) (remote.Service, error) {
	return remote.Service{ARN: name}, nil
}
func (pushTo) Pushed(context.Context, remote.Push, func(string)) {}

// withGit gives a fake daemon real repositories.
func (f *fake) withGit(t *testing.T) *remote.Server {
	t.Helper()
	key, err := iam.ReadRoot(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	p := pushTo{key}
	s, err := remote.Open(remote.Config{
		Dir: t.TempDir(), Home: "us-east-1", Hosts: func() []string { return nil }, MaxPush: 1 << 20, Timeout: time.Minute,
		Authenticator: p, Authorizer: p, Services: p, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.git = s
	return s
}

const succeeded = `[{"id":"op1","type":"X","status":"SUCCEEDED","startedAt":"2026-11-23T12:00:00Z","endedAt":"2026-11-23T12:00:01Z"}]`

func TestDeployFolder(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := filepath.Join(t.TempDir(), "shop")
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("main.go", "package main\n")
	shop := strings.ReplaceAll(summary, "web", "shop")
	began := `{"OperationId":"op1","Service":` + shop + `}`
	f := start(t, map[string][]string{
		"ListServices": {`{"ServiceSummaryList":[]}`}, "CreateService": {began}, opPath: {succeeded}, "DescribeService": {`{"Service":` + shop + `}`},
	})
	s := f.withGit(t)
	code, out, errOut := f.slipway("deploy", dir)
	if code != 0 || !strings.Contains(out, "Service shop is RUNNING") || !strings.Contains(errOut, "1 files, 13 bytes: slipway deploy from ") {
		t.Fatalf("exit code %d\n%s\n%s", code, out, errOut)
	}
	address := f.url + "/git/shop.git"
	want := `"CodeRepository":{"CodeConfiguration":{"ConfigurationSource":"REPOSITORY"},"RepositoryUrl":"` + address + `","SourceCodeVersion":{"Type":"BRANCH","Value":"main"}}`
	if got := f.bodies["CreateService"]; !strings.Contains(got, want) || !strings.Contains(got, `"AutoDeploymentsEnabled":true`) {
		t.Errorf("CreateService %s\nwant %s", got, want)
	}
	head, err := s.Head(t.Context(), "us-east-1", "shop", "main", "/")
	if err != nil {
		t.Fatal(err)
	}

	described := `{"Service":` + strings.TrimSuffix(shop, "}") + `,"SourceConfiguration":{"AutoDeploymentsEnabled":true,` + strings.Replace(want, `"main"`, `"main"`, 1) + `}}}`
	revisions := `[{"number":1,"serving":true,"served":true,"commit":{"ID":"` + head.ID + `","Tree":"` + head.Tree + `"}}]`
	busyFirst := false
	again := func(args ...string) (*fake, int, string, string) {
		f.mu.Lock()
		f.answers = map[string][]string{
			"ListServices": {`{"ServiceSummaryList":[` + shop + `]}`}, "DescribeService": {described}, opPath: {succeeded},
			"GET /slipway/v1/services/shop/revisions": {revisions}, "StartDeployment": {`{"OperationId":"op1"}`}, "UpdateService": {began},
			"ListTagsForResource": {`{"Tags":[]}`}, "TagResource": {`{}`}, "POST /slipway/v1/services/shop/deploy-commit": {`{"operationId":"op1"}`},
		}
		if busyFirst {
			f.answers["StartDeployment"] = []string{`{"__type":"InvalidRequestException","Message":"Service shop has an operation in progress. Wait."}`, `{"OperationId":"op1"}`}
		}
		f.calls = nil
		f.mu.Unlock()
		code, out, errOut := f.slipway(append([]string{"deploy", dir}, args...)...)
		return f, code, out, errOut
	}
	for _, tt := range []struct {
		reason string
		args   []string
		change func()
		code   int
		says   string
		calls  string // that matters
		body   string // a part of what it sent
	}{
		{"nothing changed", nil, func() {}, 0, "Service shop runs these files already.", "", ""},
		{"by force", []string{"--force"}, func() {}, 0, "Service shop is RUNNING", "StartDeployment", ""},
		{"another operation under way", []string{"--force"}, func() {}, 0, "Wait for another operation", "StartDeployment", ""},
		{"a new file", nil, func() { write("new.go", "package main\n") }, 0, "Service shop is RUNNING", "StartDeployment", ""},
		{"a flag without runtime", []string{"--port", "3000"}, func() {}, 1, "Slipway cannot tell how to build this folder", "", ""},
		{"a runtime that never was", []string{"--runtime", "cobol1"}, func() {}, 1, "none of the managed runtimes", "", ""},
		{"a flag, and files that tell the runtime", []string{"--port", "3000"}, func() { write("go.mod", "module shop\n\ngo 1.24\n") }, 0, "RUNNING", "UpdateService", `"Runtime":"GO_1"`},
		{"flags", []string{"--port", "3000", "-e", "A=b", "--runtime", "go1", "--build", "make", "--start", "./x"}, func() {}, 0, "RUNNING", "UpdateService",
			`{"CodeConfigurationValues":{"BuildCommand":"make","Port":"3000","Runtime":"GO_1","RuntimeEnvironmentVariables":{"A":"b"},"StartCommand":"./x"},"ConfigurationSource":"API"}`},
		{"a directory", []string{"--source-directory", "app"}, func() {}, 0, "RUNNING", "UpdateService", `"SourceDirectory":"app"`},
		{"a Dockerfile", []string{"--dockerfile"}, func() {}, 0, "RUNNING", "TagResource", `{"Key":"slipway:dockerfile","Value":"Dockerfile"}`},
		{"a Dockerfile with a variable", []string{"-e", "A=b"}, func() { write("Dockerfile", "FROM scratch\n") }, 0, "RUNNING", "UpdateService", `"Runtime":"GO_1"`},
		{"a variable beside apprunner.yaml", []string{"-e", "A=b"}, func() { write("apprunner.yaml", "version: 1.0\n") }, 1, "flags would replace all of it", "", ""},
		{"a commit", []string{"--commit", head.ID}, func() {}, 0, "RUNNING", "POST /slipway/v1/services/shop/deploy-commit", head.ID},
		{"a flag of images", []string{"--access-role", "x"}, func() {}, 1, "--access-role is for images", "", ""},
	} {
		tt.change()
		busyFirst = strings.HasPrefix(tt.reason, "another operation")
		f, code, out, errOut := again(tt.args...)
		if code != tt.code || !strings.Contains(out+errOut, tt.says) {
			t.Errorf("%s: exit code %d\n%s\n%s", tt.reason, code, out, errOut)
		}
		deploys := []string{"StartDeployment", "UpdateService", "CreateService", "TagResource", "POST /slipway/v1/services/shop/deploy-commit"}
		if tt.calls == "" && slices.ContainsFunc(f.calls, func(c string) bool { return slices.Contains(deploys, c) }) || tt.calls != "" && !slices.Contains(f.calls, tt.calls) {
			t.Errorf("%s: calls %q", tt.reason, f.calls)
		}
		if !strings.Contains(f.bodies[tt.calls], tt.body) {
			t.Errorf("%s: sent %s", tt.reason, f.bodies[tt.calls])
		}
	}
}

func TestCredential(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	key, err := iam.ReadRoot(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(f.url, "http://")
	for asked, want := range map[string]string{
		"protocol=http\nhost=" + host + "\n\n":   "username=" + key.ID + "\npassword=" + key.Secret + "\n",
		"protocol=http\nhost=evil.example\n\n":   "",
		"protocol=https\nhost=" + host + "\n\n":  "",
		"protocol=http\nhost=" + host + ".x\n\n": "",
	} {
		var out bytes.Buffer
		root := newRoot()
		root.SetArgs([]string{"remote", "credential", "get", "--data-dir", f.dir})
		root.SetIn(strings.NewReader(asked))
		root.SetOut(&out)
		err := root.ExecuteContext(t.Context())
		if out.String() != want || (err == nil) != (want != "") {
			t.Errorf("asked %q: %q, %v", asked, &out, err)
		}
	}
}
