package test

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-run/slipway/test/kit"
)

// TestScripts runs the command line as testdata tells: cold without a daemon, warm with one.
func TestScripts(t *testing.T) {
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	s.PushMimic("mimic:v1", "v1")
	setup := func(warm bool) func(*testscript.Env) error {
		return func(e *testscript.Env) error {
			dataDir := e.WorkDir + "/data"
			if warm {
				dataDir = s.Dir
			}
			e.Setenv("PATH", kit.Binary("")+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("SLIPWAY_DATA_DIR", dataDir)
			e.Setenv("API", s.API)
			e.Setenv("APPLICATIONS", s.HTTP)
			e.Setenv("AWS", kit.Binary("tools/aws/bin/aws"))
			e.Setenv("KEY", s.Key().ID)
			return nil
		}
	}
	t.Run("cold", func(t *testing.T) {
		testscript.Run(t, testscript.Params{Dir: "testdata/cold", Setup: setup(false)})
	})
	t.Run("warm", func(t *testing.T) {
		testscript.Run(t, testscript.Params{Dir: "testdata/warm", Setup: setup(true)})
	})
}
