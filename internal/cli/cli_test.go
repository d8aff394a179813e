package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/daemon"
	"github.com/slipway-run/slipway/internal/iam"
)

func TestNameOf(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"web:v2": "web-service",
		"nginx":  "nginx", "nginx:1.27": "nginx", "ghcr.io/team/website:2": "website", "localhost:5000/web": "web-service",
		"registry.example/a/b@sha256:0123": "b-service", "registry.example/a/back:1@sha256:0123": "back",
	} {
		if got := nameOf(image); got != want {
			t.Errorf("nameOf(%q) = %q, want %q", image, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for stream, want := range map[string]string{
		"instance/0123456789abcdef": "[01234567]", "instance/01": "[01]", "instance/": "", "events": "", "": "",
	} {
		if got := short(stream); got != want {
			t.Errorf("short(%q) = %q, want %q", stream, got, want)
		}
	}
}

// fake is a daemon that answers what a test says. Calls of the AWS API are named by their operation,
// others by method and path.
type fake struct {
	dir     string
	url     string
	mu      sync.Mutex
	answers map[string][]string // in order; the last one stays
	calls   []string
	bodies  map[string]string // of the last calls
	git     http.Handler      // for what is pushed; nil for none
}

const (
	summary = `{"ServiceName":"web","ServiceId":"0123","ServiceArn":"arn:aws:apprunner:us-east-1:000000000000:service/web/0123","ServiceUrl":"abc.localhost:8080","Status":"RUNNING","UpdatedAt":1700000000}`
	opPath  = "GET /slipway/v1/services/0123/operations"
)

func start(t *testing.T, answers map[string][]string) *fake {
	t.Helper()
	f := &fake{dir: t.TempDir(), answers: answers, bodies: map[string]string{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	if _, err := iam.OpenRoot(f.dir); err != nil {
		t.Fatal(err)
	}
	info, err := json.Marshal(daemon.Info{API: server.URL, Scheme: "http", Region: "us-east-1", Account: "000000000000"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.dir, "daemon.json"), info, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.git != nil && strings.HasPrefix(r.URL.Path, "/git/") {
		f.git.ServeHTTP(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	name, aws := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AppRunner.")
	if !aws {
		name = r.Method + " " + r.URL.EscapedPath()
	}
	f.calls = append(f.calls, name)
	body, _ := io.ReadAll(r.Body)
	f.bodies[name] = string(body)
	queue := f.answers[name]
	if len(queue) == 0 {
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintf(w, `{"__type":"ResourceNotFoundException","Message":"nothing for %s"}`, name)
		return
	}
	if len(queue) > 1 {
		f.answers[name] = queue[1:]
	}
	if strings.Contains(queue[0], "__type") {
		w.WriteHeader(http.StatusBadRequest)
	}
	_, _ = fmt.Fprint(w, queue[0])
}

// slipway runs a command and returns its exit code and what it printed.
func (f *fake) slipway(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Main(append(args, "--data-dir", f.dir), &out, &err)
	return code, out.String(), err.String()
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	const list, none = `{"ServiceSummaryList":[` + summary + `]}`, `{"ServiceSummaryList":[]}`
	ended := func(status, reason string) string {
		return fmt.Sprintf(`[{"id":"op1","type":"X","status":%q,"reason":%q,"startedAt":"2026-11-23T12:00:00Z","endedAt":"2026-11-23T12:00:01Z"}]`, status, reason)
	}
	const under = `[{"id":"op1","type":"X","status":"IN_PROGRESS","startedAt":"2026-11-23T12:00:00Z"}]`
	began := `{"OperationId":"op1","Service":` + summary + `}`
	for name, c := range map[string]struct {
		args    []string
		answers map[string][]string
		code    int
		out     string // a part of what is printed
		err     string // a part of what is said about failures
	}{
		"services":         {[]string{"services"}, map[string][]string{"ListServices": {list}}, 0, "http://abc.localhost:8080", ""},
		"no service":       {[]string{"services"}, map[string][]string{"ListServices": {none}}, 0, "There is no service yet.", ""},
		"services as JSON": {[]string{"services", "--output", "json"}, map[string][]string{"ListServices": {list}}, 0, `"ServiceName": "web"`, ""},
		"another output":   {[]string{"services", "--output", "xml"}, nil, 1, "", `--output "xml" is neither text nor json`},
		"unknown command":  {[]string{"frobnicate"}, nil, 1, "", `unknown command "frobnicate"`},
		"open":             {[]string{"open", "web"}, map[string][]string{"ListServices": {list}}, 0, "http://abc.localhost:8080\n", ""},
		"open nothing":     {[]string{"open", "other"}, map[string][]string{"ListServices": {list}}, 1, "", `there is no service "other" in Region us-east-1`},
		"refused":          {[]string{"pause", "web"}, map[string][]string{"ListServices": {list}, "PauseService": {`{"__type":"InvalidStateException","Message":"Wait until it ends."}`}}, 1, "", "slipway: Wait until it ends."},
		"pause": {[]string{"pause", "web"}, map[string][]string{
			"ListServices": {list}, "PauseService": {began}, opPath: {under, ended("SUCCEEDED", "")},
			"DescribeService": {`{"Service":` + strings.Replace(summary, "RUNNING", "PAUSED", 1) + `}`},
		}, 0, "Service web is PAUSED", ""},
		"paused already": {[]string{"pause", "web"}, map[string][]string{"ListServices": {list}, "PauseService": {`{"Service":` + summary + `}`}}, 0, "Service web is paused already.", ""},
		"deploy": {[]string{"deploy", "ghcr.io/team/web:2"}, map[string][]string{
			"ListServices": {none}, "CreateService": {began}, opPath: {ended("SUCCEEDED", "")}, "DescribeService": {`{"Service":` + summary + `}`},
		}, 0, "Service web is RUNNING", ""},
		"deploy anew": {[]string{"deploy", "ghcr.io/team/web:3", "--name", "web", "--detach"}, map[string][]string{"ListServices": {list}, "UpdateService": {began}}, 0, "op1\n", ""},
		"deploy that fails": {[]string{"deploy", "ghcr.io/team/web:2"}, map[string][]string{
			"ListServices": {none}, "CreateService": {began}, opPath: {ended("FAILED", "It listens on port 3000 instead.")},
			"DescribeService": {`{"Service":` + strings.Replace(summary, "RUNNING", "CREATE_FAILED", 1) + `}`},
		}, 1, "", "It listens on port 3000 instead."},
		"deploy with a bad variable": {[]string{"deploy", "ghcr.io/team/web:2", "-e", "X"}, nil, 1, "", `--env "X" is not NAME=VALUE`},
		// A deleted service is not listed any more, and its end is told all the same.
		"delete": {[]string{"delete", "web"}, map[string][]string{
			"ListServices": {list, none}, "DeleteService": {began}, opPath: {under, ended("SUCCEEDED", "")},
			"DescribeService": {`{"Service":` + strings.Replace(summary, "RUNNING", "DELETED", 1) + `}`},
		}, 0, "Service web is DELETED", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, c.answers)
			code, out, err := f.slipway(c.args...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(err, c.err) {
				t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s\ncalls: %q", code, c.code, out, err, f.calls)
			}
			if c.err != "" && strings.Count(err, c.err) != 1 {
				t.Errorf("the failure is told more than once:\n%s", err)
			}
		})
	}
}

func TestNoDaemon(t *testing.T) {
	t.Parallel()
	f := &fake{dir: t.TempDir()}
	if code, _, err := f.slipway("services"); code != 1 || !strings.Contains(err, `no Slipway runs in `+f.dir+`. Start one with "slipway serve"`) {
		t.Errorf("exit code %d: %s", code, err)
	}
	f = start(t, nil)
	if err := os.WriteFile(filepath.Join(f.dir, "daemon.json"), []byte(`{"api":"http://127.0.0.1:1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, err := f.slipway("services"); code != 1 || !strings.Contains(err, `Is "slipway serve" running?`) {
		t.Errorf("exit code %d: %s", code, err)
	}
}

// A short name is the embedded registry's when that has it.
func TestLocalImages(t *testing.T) {
	t.Parallel()
	const ecr = "000000000000.dkr.ecr.us-east-1.amazonaws.com/"
	f := start(t, map[string][]string{"HEAD /v2/hello/manifests/latest": {""}, "HEAD /v2/team/web/manifests/2": {""}})
	c, err := (&globals{dataDir: f.dir}).connect()
	if err != nil {
		t.Fatal(err)
	}
	for image, want := range map[string]string{
		"hello": ecr + "hello:latest", "hello:latest": ecr + "hello:latest", "team/web:2": ecr + "team/web:2",
		"hello:1": "hello:1", "nginx": "nginx", "ghcr.io/hello": "ghcr.io/hello", "localhost:5000/hello": "localhost:5000/hello", "BAD": "BAD",
	} {
		got, embedded, err := c.local(t.Context(), image)
		if err != nil || got != want || embedded != strings.HasPrefix(want, ecr) {
			t.Errorf("%q is %q (embedded: %v), %v; want %q", image, got, embedded, err, want)
		}
	}
}

// Flags win over the file, and the file over defaults.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, daemon.ConfigFile), []byte("domain: file.example\naccount: \"111111111111\"\nregion: eu-west-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := daemon.DefaultConfig()
	cmd := &cobra.Command{}
	for name, to := range map[string]*string{
		"api-listen": &flags.APIListen, "http-listen": &flags.HTTPListen, "domain": &flags.Domain, "account": &flags.Account, "engine-dir": &flags.EngineDir, "log-level": &flags.LogLevel,
	} {
		cmd.Flags().StringVar(to, name, *to, "")
	}
	if err := cmd.Flags().Parse([]string{"--account", "222222222222", "--log-level=debug"}); err != nil {
		t.Fatal(err)
	}
	got, err := (&globals{dataDir: dir}).config(cmd, flags, "")
	if err != nil {
		t.Fatal(err)
	}
	want := daemon.DefaultConfig()
	want.Version = Version
	want.DataDir, want.Domain, want.Account, want.Region, want.LogLevel = dir, "file.example", "222222222222", "eu-west-1", "debug"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	if got, err = (&globals{dataDir: dir, region: "us-west-2"}).config(cmd, flags, ""); err != nil || got.Region != "us-west-2" {
		t.Errorf("--region: %q, %v", got.Region, err)
	}
	if _, err := (&globals{dataDir: dir}).config(cmd, flags, filepath.Join(dir, "none.yaml")); err == nil {
		t.Error("a --config that is not there is taken")
	}
}
