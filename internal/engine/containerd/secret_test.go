package containerd_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/enginetest"
)

// leaks returns the files below a directory that have a text.
func leaks(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "disk.img" {
			return nil // gone meanwhile
		}
		if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, []byte(text)) {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestSecretsAreInNoFile looks for secrets in what containerd, its shim and runc write, while an
// instance is prepared, runs, and cannot be made.
func TestSecretsAreInNoFile(t *testing.T) {
	const canary = "cAnAry-4711-in-the-engine"
	t.Parallel()
	opts := options(t)
	e := open(t, opts)
	image := load(t, e, enginetest.Image(t, nil))
	s := spec("with-secrets", image)
	s.Env, s.Secrets = []string{"PLAIN=visible-to-containerd"}, []string{"SECRET=" + canary}
	check := func(when string) {
		t.Helper()
		if found := leaks(t, opts.DataDir, canary); found != nil {
			t.Errorf("%s, the secret is in %v", when, found)
		}
	}
	if _, err := e.Prepare(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	check("prepared")
	if leaks(t, opts.DataDir, "visible-to-containerd") == nil {
		t.Error("the search does not even find a plain variable")
	}
	inst := serve(t, e, s)
	check("running")
	if inst.State != engine.Running {
		t.Errorf("it is %s", inst.State)
	}
	if _, err := os.Stat(filepath.Join(opts.DataDir, "engine", "instances", s.ID, "lent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was lent is still there: %v", err)
	}
	bad := spec("bad-command", image)
	bad.Command, bad.Secrets = []string{"/no/such/program"}, s.Secrets
	_, err := e.Prepare(t.Context(), bad)
	if err == nil {
		_, err = e.Start(t.Context(), bad.ID)
	}
	if !engine.Is(err, engine.BadCommand) || strings.Contains(err.Error(), canary) {
		t.Errorf("a command that is not there: %v", err)
	}
	check("after a failure")
	for _, id := range []string{s.ID, bad.ID} {
		if err := e.Remove(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	check("removed")
}
