package test

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/test/githost"
	"github.com/slipway-run/slipway/test/kit"
)

// TestConsole takes a real browser through the console: the tests themselves are in web/browser. Their
// pictures are kept in bin/screenshots, or where SLIPWAY_SCREENSHOTS says.
func TestConsole(t *testing.T) {
	kit.Need(t)
	h := githost.New(t)
	r := h.Repository("ann/shop")
	r.Private()
	r.Write(map[string]string{"README": "1", "web/README": "1"})
	kit.MimicProgram(t, filepath.Join(r.Work, "web"))
	r.Push("First version", dockerfile("from-git"))
	h.Lock()
	h.Tokens["s3cret"] = true
	h.Unlock()

	s := kit.New(t, "")
	s.Configure(fmt.Sprintf("timeouts: {stop: 1s}\nsource: {allow-http: [%s]}\n", strings.TrimPrefix(h.URL, "http://")))
	browser := kit.Browser(t, s.API, s.HTTP)
	s.Start()
	s.PushMimic("mimic:v1", "v1")
	s.PushMimic("mimic:v2", "v2")
	folder := t.TempDir()
	kit.MimicProgram(t, folder)
	if err := os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte("FROM scratch\nCOPY mimic /mimic\nENV VERSION=from-folder\nENTRYPOINT [\"/mimic\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command("npm", "run", "--silent", "browser")
	cmd.Dir = filepath.Join(kit.Root(), "web")
	cmd.Env = append(os.Environ(),
		"NO_COLOR=1", "SLIPWAY_URL=http://"+s.API, "SLIPWAY_KEY_ID="+s.Key().ID, "SLIPWAY_KEY_SECRET="+s.Key().Secret,
		"SLIPWAY_GIT="+h.URL, "SLIPWAY_FOLDER="+folder, "SLIPWAY_BROWSER="+browser,
		"SLIPWAY_SCREENSHOTS="+cmp.Or(os.Getenv("SLIPWAY_SCREENSHOTS"), kit.Binary("screenshots")),
	)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(8*time.Minute, func() { _ = cmd.Process.Kill() }).Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		t.Log(lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the browser tests failed: %v", err)
	}
}
