package containerd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd"
	"github.com/slipway-run/slipway/internal/engine/enginetest"
)

func TestPreflightFindsNothingWrongHere(t *testing.T) {
	t.Parallel()
	for _, p := range containerd.Preflight(containerd.Options{BinDir: binDir(t)}) {
		if p.Fatal {
			t.Errorf("%s %s", p.What, p.Fix)
		}
	}
}

func TestPreflightNamesMissingPrograms(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		unable(t, "the other checks need root")
	}
	found := containerd.Preflight(containerd.Options{BinDir: t.TempDir()})
	for _, name := range []string{"containerd", "containerd-shim-runc-v2", "runc", "slipway-log"} {
		if !slices.ContainsFunc(found, func(p containerd.Problem) bool {
			return p.Fatal && p.Fix != "" && strings.Contains(p.What, "/"+name+`"`)
		}) {
			t.Errorf("nothing tells that %s is missing: %v", name, found)
		}
	}
}

func TestOpenWithoutBinaries(t *testing.T) {
	t.Parallel()
	opts := options(t)
	opts.BinDir = t.TempDir()
	if _, err := containerd.Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "start containerd") {
		t.Errorf("Open: %v, want that containerd cannot be started", err)
	}
	opts.BinDir = binDir(t)
	open(t, opts) // the failure left nothing in the way
}

func TestContainerdThatEndsAtOnce(t *testing.T) {
	t.Parallel()
	opts := options(t)
	opts.BinDir = t.TempDir()
	// Any program that does not understand the arguments of containerd.
	program, err := exec.LookPath("mkdir")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(opts.BinDir, "containerd")); err != nil {
		t.Fatal(err)
	}
	if _, err := containerd.Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "unrecognized option") {
		t.Errorf("Open: %v, want what containerd said", err)
	}
}

// After the machine was started again, files are all that is left of instances.
func TestMachineRestarted(t *testing.T) {
	t.Parallel()
	opts := options(t)
	e := open(t, opts)
	image := load(t, e, enginetest.Image(t, nil))
	serve(t, e, spec("ran", image))
	if _, err := e.Prepare(t.Context(), spec("waited", image)); err != nil {
		t.Fatal(err)
	}
	e.Close()
	instances := filepath.Join(opts.DataDir, "engine", "instances")
	kept := filepath.Join(t.TempDir(), "instances")
	if err := os.CopyFS(kept, markFiles{os.DirFS(instances)}); err != nil {
		t.Fatal(err)
	}
	if err := containerd.Destroy(t.Context(), opts, false); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(instances, os.DirFS(kept)); err != nil {
		t.Fatal(err)
	}
	e = open(t, opts)
	list, err := e.List(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("List: %v, %v, want both instances", list, err)
	}
	for _, inst := range list {
		if inst.State != engine.Exited || inst.Exit == nil || inst.Exit.Code != 137 || inst.Labels["k"] != "v" {
			t.Errorf("instance is %+v, want EXITED with code 137 and its label", inst)
		}
		if err := e.Stop(t.Context(), inst.ID, patience); err != nil {
			t.Errorf("Stop: %v", err)
		}
		if err := e.Remove(t.Context(), inst.ID); err != nil {
			t.Errorf("Remove: %v", err)
		}
		serve(t, e, spec(inst.ID, image))
	}
}
