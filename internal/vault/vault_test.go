package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func open(t *testing.T, dir string) *Vault {
	t.Helper()
	v, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func seal(t *testing.T, v *Vault, plain, name, kmsKey string) []byte {
	t.Helper()
	sealed, err := v.Seal([]byte(plain), name, kmsKey)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte(plain)) {
		t.Fatal("the sealed text shows the plain one")
	}
	return sealed
}

func TestSealOpens(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sealed := seal(t, open(t, dir), "hunter2", "login/ghcr.io", "")
	again := open(t, dir)
	if got, err := again.Open(sealed, "login/ghcr.io", ""); err != nil || string(got) != "hunter2" {
		t.Errorf("Open = %q, %v; want hunter2", got, err)
	}
	if _, err := again.Open(sealed, "login/quay.io", ""); err == nil {
		t.Error("a sealed text opened under another name")
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := again.Open(sealed, "login/ghcr.io", ""); err == nil {
		t.Error("an altered text opened")
	}
}

const (
	one = "arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111"
	two = "arn:aws:kms:us-east-1:123456789012:key/22222222-2222-2222-2222-222222222222"
)

func TestKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := open(t, dir)
	if _, err := v.Seal(nil, "a", one); err == nil {
		t.Fatal("Seal made a key")
	}
	for _, key := range []string{one, two, one} { // the second time changes nothing
		if err := v.Make(key); err != nil {
			t.Fatal(err)
		}
	}
	first, second := seal(t, v, "hunter2", "a", one), seal(t, v, "hunter2", "b", two)
	again := open(t, dir)
	if got, err := again.Open(first, "a", one); err != nil || string(got) != "hunter2" {
		t.Errorf("Open = %q, %v; want hunter2", got, err)
	}
	for _, other := range []string{"", two} {
		if _, err := again.Open(first, "a", other); err == nil {
			t.Errorf("the key %q opened what another sealed", other)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, others, "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("the keys are in %q, %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("a key file has mode %v, %v: others can read it", info.Mode(), err)
		}
	}
	// A key that is destroyed, damaged or replaced is lost, and no other is.
	for _, destroy := range []func() error{
		func() error { return os.WriteFile(v.path(one), []byte("short"), 0o600) },
		func() error { return os.Remove(v.path(one)) },
		func() error { return v.Make(one) },
	} {
		if err := destroy(); err != nil {
			t.Fatal(err)
		}
		_, err := v.Open(first, "a", one)
		if lost, ok := errors.AsType[*Lost](err); !ok || lost.KMSKey != one || !strings.Contains(err.Error(), v.path(one)) {
			t.Errorf("Open = %v, want that the key is lost", err)
		}
		if _, err := v.Open(second, "b", two); err != nil {
			t.Error(err)
		}
	}
}

// Whatever a key is called, its file is in the directory of keys.
func TestKeyNames(t *testing.T) {
	t.Parallel()
	v := open(t, t.TempDir())
	for _, name := range []string{"..", "../../etc/passwd", ".", "a/b", "a b", "%2e%2e"} {
		if got := filepath.Dir(v.path(name)); got != filepath.Join(v.dir, others) {
			t.Errorf("the key %q is in %s", name, got)
		}
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	info, err := os.Stat(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key file has mode %v, others can read it", info.Mode())
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a damaged key was accepted")
	}
}
