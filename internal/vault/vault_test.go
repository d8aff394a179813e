package vault

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestSealOpens(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	first, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	sealed := first.Seal([]byte("hunter2"), "login/ghcr.io")
	if bytes.Contains(sealed, []byte("hunter2")) {
		t.Fatal("the sealed text shows the plain one")
	}
	again, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(sealed, "login/ghcr.io"); err != nil || string(got) != "hunter2" {
		t.Errorf("Open = %q, %v; want hunter2", got, err)
	}
	if _, err := again.Open(sealed, "login/quay.io"); err == nil {
		t.Error("a sealed text opened under another name")
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := again.Open(sealed, "login/ghcr.io"); err == nil {
		t.Error("an altered text opened")
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	if _, err := Open(file); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key file has mode %v, others can read it", info.Mode())
	}
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil {
		t.Error("a damaged key was accepted")
	}
}
