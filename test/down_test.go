package test

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// TestDown takes a Slipway down, twice, and looks for what it left. Then it comes up again with its
// services.
func TestDown(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	s.PushMimic("mimic:v1", "v1")
	in := s.Input("survivor", "mimic:v1", "MARK="+s.Dir)
	service := s.Run(in)
	for what, found := range traces(t, s) {
		if len(found) == 0 {
			t.Errorf("the running Slipway has no %s: the test looks in the wrong place", what)
		}
	}
	if out := s.CLI("down"); !strings.Contains(out, "Stopping Slipway (process ") || !strings.Contains(out, "is down.") {
		t.Errorf("slipway down printed %q", out)
	}
	for what, found := range traces(t, s) {
		if len(found) > 0 {
			t.Errorf("slipway down left %s: %q", what, found)
		}
	}
	if out := s.CLI("down"); strings.Contains(out, "Stopping") || !strings.Contains(out, "is down.") {
		t.Errorf("the second slipway down printed %q", out)
	}
	if _, errOut, err := s.Try("services"); err == nil || !strings.Contains(errOut, `Is "slipway serve" running?`) {
		t.Errorf("a command without a daemon: %v %s", err, errOut)
	}
	begin := time.Now()
	s.AwaitEnd(time.Second)
	s.Start()
	s.Eventually("the service is back", 20*time.Second, serves(s, service, "v1 instance"))
	t.Logf("the service is back %v after down", time.Since(begin))
	if got := s.Describe(*service.ServiceArn); *got.Status != apprunnerapi.ServiceStatusRunning {
		t.Errorf("the service is %s", *got.Status)
	}
}

// traces finds what a Slipway has outside of its data directory, and what keeps that in use.
func traces(t *testing.T, s *kit.Slipway) map[string][]string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(dir))
	key := hex.EncodeToString(sum[:4]) // what its network is named by
	found := map[string][]string{}
	note := func(what, text string, yes bool) {
		if found[what] == nil {
			found[what] = []string{}
		}
		if yes {
			found[what] = append(found[what], text)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		note("mounts", line, strings.Contains(line, dir+"/"))
	}
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		note("network interfaces", link.Name, strings.Contains(link.Name, key))
	}
	disks, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range disks {
		data, _ := os.ReadFile(file)
		note("loop devices", string(data), strings.Contains(string(data), dir+"/"))
	}
	if tables, err := exec.Command("nft", "list", "tables").Output(); err == nil {
		note("nftables", string(tables), strings.Contains(string(tables), key))
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range commands {
		data, _ := os.ReadFile(file)
		command := strings.ReplaceAll(string(data), "\x00", " ")
		note("processes", command, strings.Contains(command, dir))
	}
	for range kit.Processes(t, "MARK="+s.Dir) {
		note("instances", "mimic", true)
	}
	note("instances", "", false)
	return found
}
