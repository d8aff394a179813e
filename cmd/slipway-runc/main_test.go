package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestLent(t *testing.T) {
	engine := t.TempDir()
	dir := filepath.Join(engine, "instances", "web-1", "lent")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "config.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := func(command string) []string {
		return []string{"/bin/slipway-runc", "--root", filepath.Join(engine, "runc", "slipway"), "--log-format", "json", command, "--bundle", "/there", "--pid-file", "/p", "web-1"}
	}
	if got, err := lent(args("create")); err == nil || !strings.Contains(err.Error(), "web-1") {
		t.Errorf("with nobody to lend: %q, %v", got, err)
	}
	lender, err := os.OpenFile(filepath.Join(dir, "config.json"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lender.Close()
	want := args("create")
	want[7] = dir
	if got, err := lent(args("create")); err != nil || !slices.Equal(got, want) {
		t.Errorf("create became %q, %v", got, err)
	}
	for _, command := range []string{"start", "delete"} {
		if got, err := lent(args(command)); err != nil || !slices.Equal(got, args(command)) {
			t.Errorf("%s became %q, %v", command, got, err)
		}
	}
}
