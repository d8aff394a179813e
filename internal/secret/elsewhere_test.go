package secret_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/secret"
)

func TestEnvironment(t *testing.T) {
	w := newWorld(t)
	t.Setenv("TEST_SECRET_SHOP_DB", `{"password":"of the environment"}`)
	t.Setenv("SHOP_KEY", "without the prefix")
	w.Elsewhere = []secret.Source{secret.Environment{Prefix: "TEST_SECRET_"}}
	const prefix = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
	for _, c := range []struct{ reason, ref, want, fails string }{
		{"a secret", prefix + "shop/db-AbCdEf:password::", "of the environment", ""},
		{"a secret without random end", prefix + "shop-db:password::", "of the environment", ""},
		{"a parameter", "/shop/db", `{"password":"of the environment"}`, ""},
		{"another version", prefix + "shop/db::AWSPREVIOUS:", "", "no such secret"},
		{"a variable without the prefix", "/shop/key", "", "no such parameter"},
	} {
		got, err := w.Resolve(t.Context(), role, here, map[string]string{"A": c.ref})
		if (err == nil) != (c.fails == "") || got["A"].Value != c.want || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: %q %v, want %q %s", c.reason, got["A"].Value, err, c.want, c.fails)
		}
	}
}

// What is on this machine has versions, which tell nothing of the value, and is subject to the role's policy.
func TestLocalSources(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "p"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := secret.Files{Dir: dir, Key: []byte("key")}
	w.Elsewhere = []secret.Source{files}
	refs := map[string]string{"A": "/p"}
	version := func() string {
		t.Helper()
		all, err := w.Versions(t.Context(), here, refs)
		if err != nil {
			t.Fatal(err)
		}
		return all["A"]
	}
	empty := files.Fingerprint()
	if v := version(); v != "" {
		t.Errorf("what is not there has the version %q", v)
	}
	write("one")
	first, print := version(), files.Fingerprint()
	resolved, err := w.Resolve(t.Context(), role, here, refs)
	if err != nil || resolved["A"].Version != first || len(first) != 32 {
		t.Errorf("resolved to version %q, %v; it is %q", resolved["A"].Version, err, first)
	}
	w.Elsewhere = []secret.Source{secret.Files{Dir: dir, Key: []byte("other")}}
	if v := version(); v == first || v == "" {
		t.Errorf("with another key the version is %q", v)
	}
	w.Elsewhere = []secret.Source{files}
	write("one\n") // the line end is not part of it
	if v := version(); v != first {
		t.Errorf("the same value has the versions %q and %q", first, v)
	}
	if print == empty || files.Fingerprint() == print {
		t.Error("changes of the directory are not seen")
	}
	write("two")
	if v := version(); v == first {
		t.Error("another value has the same version")
	}
	w.denied = "ssm:GetParameters"
	if _, err := w.Resolve(t.Context(), role, here, refs); err == nil || strings.Contains(err.Error(), "two") {
		t.Errorf("a role that may not read parameters: %v", err)
	}
}
