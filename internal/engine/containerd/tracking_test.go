package containerd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/engine/containerd/cgroup"
	"github.com/slipway-run/slipway/internal/engine/enginetest"
)

// A service manager ends all processes of the group that it put a service in.
func TestNothingOfTheEngineIsInOurOwnGroup(t *testing.T) {
	t.Parallel()
	h, err := cgroup.Detect()
	if err != nil {
		unable(t, err.Error())
	}
	opts := options(t)
	e := open(t, opts)
	serve(t, e, spec("one", load(t, e, enginetest.Image(t, nil))))
	all := processes(t, e.Address())                                             // shims
	for pid, line := range processes(t, filepath.Join(opts.DataDir, "engine")) { // containerd, log writers
		all[pid] = line
	}
	if len(all) < 3 {
		t.Fatalf("found only %v", all)
	}
	for pid, line := range all {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if err != nil {
			continue // ended meanwhile
		}
		for group := range strings.Lines(string(b)) {
			tracked := strings.Contains(group, "name=systemd:") || strings.HasPrefix(group, "0::")
			if tracked && len(h.Tracking) > 0 && !strings.Contains(group, ":/slipway-"+key(e)+"/_engine") {
				t.Errorf("process %d (%s) is in group %s", pid, line, group)
			}
		}
	}
}
