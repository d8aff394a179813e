package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/test/kit"
)

func testBoto(t *testing.T, s *kit.Slipway) {
	needFile(t, kit.Binary("tools/aws/requirements.txt"))
	runScript(t, s, "boto3", kit.Binary("tools/aws/bin/python3"), filepath.Join("python", "conformance.py"))
}

func testJavaScript(t *testing.T, s *kit.Slipway) {
	needFile(t, filepath.Join("js", "node_modules", "installed-lock.json"))
	runScript(t, s, "JavaScript", "node", filepath.Join("js", "conformance.mjs"))
}

// needFile skips the test when scripts/bootstrap did not leave a file, unless the environment says that
// nothing may be missing.
func needFile(t *testing.T, file string) {
	t.Helper()
	_, err := os.Stat(file)
	switch {
	case err == nil:
	case os.Getenv("SLIPWAY_TEST_REQUIRE") != "" || os.Getenv("CI") != "":
		t.Fatalf("this SDK is not installed: run make bootstrap (%v)", err)
	default:
		t.Skipf("this SDK is not installed: run make bootstrap (%v)", err)
	}
}

// result is a line that a script prints for each of its expectations.
type result struct {
	Name  string // "Operation/what it does"
	Error string // empty when it was met
}

// runScript runs a script that looks at the API through another SDK. Every expectation that it prints
// becomes a test, and all that its source names must be among them.
func runScript(t *testing.T, s *kit.Slipway, client, program, script string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute) // a script takes ten seconds, unless the machine is busy
	defer cancel()
	key := s.Key()
	cmd := exec.CommandContext(ctx, program, script)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+key.ID, "AWS_SECRET_ACCESS_KEY="+key.Secret, "AWS_REGION="+s.Region,
		"AWS_DEFAULT_REGION="+s.Region, "AWS_ENDPOINT_URL_APPRUNNER=http://"+s.API, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"IMAGE="+s.Image("mimic:v1"), "ABSENT="+s.Image("absent:v1"), "ROLE="+kit.Role)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if err != nil {
		t.Errorf("%s: %v\n%s", script, err, errOut.String())
	}
	seen := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		var r result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s printed %q: %v", script, line, err)
		}
		seen[r.Name] = true
		t.Run(r.Name, func(t *testing.T) {
			if r.Error != "" {
				t.Error(r.Error)
			}
		})
	}
	for operation, all := range named(t, readModel(t), client) {
		for _, what := range all {
			if !seen[operation+"/"+what] {
				t.Errorf("%s did not come to %q. It has: %q", script, operation+"/"+what, slices.Sorted(maps.Keys(seen)))
			}
		}
	}
}
