package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/build"
	"github.com/slipway-run/slipway/internal/build/plan"
)

// slipwayHere runs a command without a daemon, and returns its exit code and what it printed.
func slipwayHere(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = Main(append(args, "--data-dir", t.TempDir()), &out, &err)
	return code, out.String(), err.String()
}

// The examples are told of as they are.
func TestBuild(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args     []string
		code     int
		out, err string // parts
	}{
		"a file":              {[]string{"python311"}, 0, "Starts       gunicorn app:app --bind 0.0.0.0:8000 --workers 2\nPort         8000\n", ""},
		"a Procfile":          {[]string{"procfile"}, 0, "Starts       exec gunicorn shop:shop --bind 0.0.0.0:$PORT\n", ""},
		"a Dockerfile":        {[]string{"dockerfile"}, 0, "Builds with  the Dockerfile /Dockerfile\nStarts       what the Dockerfile says\n", ""},
		"its plan":            {[]string{"dockerfile", "--plan"}, 1, "", "Give --runtime"},
		"a directory":         {[]string{"monorepo", "--source-directory", "/services/web"}, 0, "Starts       node server.js", ""},
		"no directory":        {[]string{"monorepo"}, 1, "", "Slipway cannot tell how to build this folder"},
		"a plan":              {[]string{"go1", "--plan"}, 0, "[PostBuild] go vet ./...", ""},
		"a Dockerfile for it": {[]string{"go1", "--dockerfile"}, 0, "\nCMD [\"./server\"]\n", ""},
		"warnings":            {[]string{"php81"}, 0, "php81", "end of support"},
		"flags":               {[]string{"static", "--start", "busybox httpd -f", "--port", "80"}, 0, "Starts       busybox httpd -f\nPort         80\n", ""},
		"nowhere":             {[]string{"nowhere"}, 1, "", `open the folder "../../examples/nowhere": no such file or directory`},
		"two folders":         {[]string{"go1", "php81"}, 1, "", "want one folder, got 2"},
		"no port":             {[]string{"go1", "--port", "-1"}, 1, "", "--port -1 is not a port number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.args[0] = "../../examples/" + c.args[0]
			code, out, err := slipwayHere(t, append([]string{"build"}, c.args...)...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(err, c.err) || c.err == "" && err != "" {
				t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", code, c.code, out, err)
			}
		})
	}
}

func TestBuildJSON(t *testing.T) {
	t.Parallel()
	_, out, _ := slipwayHere(t, "build", "../../examples/nodejs22", "--output", "json")
	var decision build.Decision
	if err := json.Unmarshal([]byte(out), &decision); err != nil || decision.Plan.Runtime != "nodejs22" || decision.Run.Port != 3000 {
		t.Errorf("%v in %s", err, out)
	}
	_, out, _ = slipwayHere(t, "build", "../../examples/nodejs22", "--plan", "--output", "json")
	var p plan.Plan
	if err := json.Unmarshal([]byte(out), &p); err != nil || p.Image.Port != 3000 {
		t.Errorf("%v in %s", err, out)
	}
}
