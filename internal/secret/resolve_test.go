package secret_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/secret"
)

const role = "arn:aws:iam::123456789012:role/web"

func (w *world) allowed(_ context.Context, _, action, resource string) error {
	if action == w.denied {
		return secret.Errorf("AccessDeniedException", "the role may not do %s on %s", action, resource)
	}
	return nil
}

func TestResolve(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	object := w.create(t, "object", `{"user":"ada","port":5432,"none":null,"deep":{"a":1}}`).ARN
	text := w.create(t, "text", "plain").ARN
	w.put(t, "/a/b", "leveled")
	w.put(t, "flat", "level")
	bytes, _, err := w.Secrets.Create(t.Context(), here, secret.New{Name: "bytes", Value: secret.Value{Binary: []byte{0xff, 0}}})
	if err != nil {
		t.Fatal(err)
	}
	w.Elsewhere = []secret.Source{secret.Files{Dir: t.TempDir()}}
	for _, c := range []struct{ reason, ref, want, fails string }{
		{"a whole secret", text, "plain", ""},
		{"without the random end", text[:len(text)-7], "plain", ""},
		{"a string in an object", object + ":user::", "ada", ""},
		{"a number in an object", object + ":port", "5432", ""},
		{"an object in an object", object + ":deep", `{"a":1}`, ""},
		{"null in an object", object + ":none", "null", ""},
		{"a parameter by name", "/a/b", "leveled", ""},
		{"a parameter by ARN", "arn:aws:ssm:us-east-1:123456789012:parameter/a/b", "leveled", ""},
		{"a parameter without levels by ARN", "arn:aws:ssm:us-east-1:123456789012:parameter/flat", "level", ""},
		{"no such key", object + ":password", "", `no key "password"`},
		{"a key of what is no object", text + ":user", "", "not a JSON object"},
		{"no such stage", text + "::NONE:", "", "staging label: NONE. Correct the stage"},
		{"no such secret", strings.Replace(text, "text-", "test-", 1), "", "no such secret in Region us-east-1, nor the file test or test-"},
		{"a secret of another Region", strings.Replace(text, "us-east-1", "eu-west-1", 1), "", "no such secret in Region eu-west-1"},
		{"a secret of another account", strings.Replace(text, "123456789012", "210987654321", 1), "", "this Slipway has the account 123456789012"},
		{"no such parameter", "/nowhere", "", "put-parameter --type SecureString --name /nowhere"},
		{"what is no text", bytes.ARN, "", "no text"},
	} {
		got, err := w.Resolve(t.Context(), role, here, map[string]string{"DB": c.ref})
		if c.fails == "" {
			if err != nil || got["DB"].Value != c.want || got["DB"].Version == "" {
				t.Errorf("%s: %q %v, want %q", c.reason, got["DB"].Value, err, c.want)
			}
			continue
		}
		if _, told := errors.AsType[*apprunner.Error](err); !told || !strings.Contains(err.Error(), c.fails) || !strings.Contains(err.Error(), "secret DB ") {
			t.Errorf("%s: %v, want %q", c.reason, err, c.fails)
		}
		if err != nil && (strings.Contains(err.Error(), "plain") || strings.Contains(err.Error(), "ada")) {
			t.Errorf("%s: the error shows a value: %v", c.reason, err)
		}
	}
	if _, err := w.Resolve(t.Context(), "", here, map[string]string{"DB": text}); err == nil || !strings.Contains(err.Error(), "Instance Role") {
		t.Errorf("without a role: %v", err)
	}
	w.denied = "ssm:GetParameters"
	if _, err := w.Resolve(t.Context(), role, here, map[string]string{"DB": "/a/b"}); err == nil || !strings.Contains(err.Error(), "may not do ssm:GetParameters on arn:aws:ssm:us-east-1:123456789012:parameter/a/b") {
		t.Errorf("without the right: %v", err)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refs := map[string]string{"S": w.create(t, "s", "1").ARN, "P": "/p"}
	versions := func() map[string]string {
		t.Helper()
		v, err := w.Versions(t.Context(), here, refs)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := versions(); v["S"] == "" || v["P"] != "" {
		t.Errorf("versions are %v, one of which is not there", v)
	}
	w.put(t, "/p", "1")
	first := versions()
	resolved, err := w.Resolve(t.Context(), role, here, refs)
	if err != nil || resolved["S"].Version != first["S"] || resolved["P"].Version != first["P"] {
		t.Errorf("resolved %v, versions %v, %v", resolved, first, err)
	}
	// One that is made again counts from 1, and is another all the same.
	if _, err := w.Parameters.Delete(t.Context(), here, "/p"); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(1e9)
	w.put(t, "/p", "2")
	if second := versions(); second["P"] == first["P"] || second["S"] != first["S"] {
		t.Errorf("versions were %v, are %v", first, second)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "passwd")
	for path, data := range map[string]string{filepath.Join(dir, "shop", "db"): "in a file\r\n", filepath.Join(dir, "large"): strings.Repeat("x", 64<<10+1), outside: "no"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(data), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	w.Elsewhere = []secret.Source{secret.Files{Dir: dir}}
	const prefix = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
	for _, c := range []struct{ reason, ref, want, fails string }{
		{"a secret", prefix + "shop/db-AbCdEf", "in a file", ""},
		{"a secret without random end", prefix + "shop/db", "in a file", ""},
		{"a parameter", "/shop/db", "in a file", ""},
		{"the current version", prefix + "shop/db::AWSCURRENT:", "in a file", ""},
		{"another version", prefix + "shop/db::AWSPREVIOUS:", "", "no such secret"},
		{"not there", "/shop/cache", "", "no such parameter"},
		{"out of the directory", "/../passwd", "", "cannot be read"},
		{"a link out of the directory", "/link", "", "cannot be read"},
		{"too large", "/large", "", "larger than"},
	} {
		got, err := w.Resolve(t.Context(), role, here, map[string]string{"A": c.ref})
		if (err == nil) != (c.fails == "") || got["A"].Value != c.want || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: %q %v, want %q %s", c.reason, got["A"].Value, err, c.want, c.fails)
		}
	}
	w.put(t, "/shop/db", "here")
	if got, err := w.Resolve(t.Context(), role, here, map[string]string{"A": "/shop/db"}); err != nil || got["A"].Value != "here" {
		t.Errorf("what is here comes first: %q %v", got["A"].Value, err)
	}
}
