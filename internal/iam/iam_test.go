package iam

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestNewKey(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		key := NewKey(time.Now())
		if err := key.valid(); err != nil {
			t.Fatal(err)
		}
		if len(key.ID) != 20 || len(key.Secret) != 40 || seen[key.ID] || seen[key.Secret] {
			t.Fatalf("key %s: id of %d, secret of %d characters, or not new", key.ID, len(key.ID), len(key.Secret))
		}
		seen[key.ID], seen[key.Secret] = true, true
	}
}

func TestKeyHidesItsSecret(t *testing.T) {
	key := NewKey(time.Now())
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key, "pointer", &key)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", key)
	got := log.String() + fmt.Sprintf("%v %+v %#v %s %q", key, key, key, &key, struct{ K Key }{key})
	if strings.Contains(got, key.Secret) || !strings.Contains(got, key.ID) {
		t.Errorf("%s", got)
	}
}

func TestOpenRootKeepsItsKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, err := OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, rootFile))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("file: %v, %v", info, err)
	}
	second, err := OpenRoot(dir)
	if err != nil || second.ID != first.ID || second.Secret != first.Secret || !second.CreatedAt.Equal(first.CreatedAt) {
		t.Errorf("OpenRoot = %v, %v; want %v again", second, err, first)
	}
	onlyFile(t, dir, rootFile)
}

func onlyFile(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("%q holds %v, %v; want only %q", dir, entries, err, name)
	}
}

// However many start at once, they agree on one key.
func TestOpenRootIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	keys := make([]Key, 16)
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = OpenRoot(dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, key := range keys {
		if key.Secret != keys[0].Secret {
			t.Fatal("two processes have different root keys")
		}
	}
	onlyFile(t, dir, rootFile)
}

func TestOpenRootRefuses(t *testing.T) {
	tests := []struct {
		reason string
		spoil  func(t *testing.T, path string)
		says   string
	}{
		{"readable by the group", func(t *testing.T, path string) { must(t, os.Chmod(path, 0o640)) }, "chmod 600 '"},
		{"readable by all", func(t *testing.T, path string) { must(t, os.Chmod(path, 0o604)) }, "has mode 0604"},
		{"empty", func(t *testing.T, path string) { must(t, os.WriteFile(path, nil, 0o600)) }, "is damaged"},
		{"cut off", func(t *testing.T, path string) { must(t, os.Truncate(path, 20)) }, "is damaged"},
		{"no secret", func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte(`{"AccessKeyId":"AKIAAAAAAAAAAAAAAAAA"}`), 0o600))
		}, "secret of access key"},
		{"a symbolic link", func(t *testing.T, path string) {
			must(t, os.Rename(path, path+".real"))
			must(t, os.Symlink(path+".real", path))
		}, "symbolic link"},
		{"a directory", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Mkdir(path, 0o700))
		}, "not a regular file"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			dir := t.TempDir()
			key, err := OpenRoot(dir)
			must(t, err)
			tt.spoil(t, filepath.Join(dir, rootFile))
			got, err := OpenRoot(dir)
			if err == nil || !strings.Contains(err.Error(), tt.says) || got != (Key{}) {
				t.Fatalf("OpenRoot = %v, %v; want an error with %q", got, err, tt.says)
			}
			if strings.Contains(err.Error(), key.Secret) {
				t.Errorf("the error %q tells the secret", err)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWriteAWSProfile(t *testing.T) {
	// A directory that a careless shell line would break on.
	dir := filepath.Join(t.TempDir(), "it's a $HOME dir")
	key := NewKey(time.Now())
	for range 2 { // a second start replaces the files
		must(t, WriteAWSProfile(dir, "http://127.0.0.1:7420", "eu-west-1", key))
	}
	for _, name := range []string{"config", "credentials"} {
		info, err := os.Stat(filepath.Join(dir, "aws", name))
		must(t, err)
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	lines, err := Exports(dir)
	must(t, err)
	script := "AWS_ACCESS_KEY_ID=old; export AWS_ACCESS_KEY_ID; AWS_ENDPOINT_URL_SSM=http://other; export AWS_ENDPOINT_URL_SSM\n" + strings.Join(lines, "\n") +
		"\necho \"${AWS_ACCESS_KEY_ID-unset} $AWS_PROFILE $AWS_ENDPOINT_URL $AWS_ENDPOINT_URL_APPRUNNER $AWS_ENDPOINT_URL_SSM\"\n" +
		`cat "$AWS_CONFIG_FILE" "$AWS_SHARED_CREDENTIALS_FILE"`
	out, err := exec.CommandContext(t.Context(), "sh", "-euc", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		"unset slipway http://127.0.0.1:7420 http://127.0.0.1:7420 http://127.0.0.1:7420\n",
		"[profile slipway]\nregion = eu-west-1\n", "[services slipway]\napprunner =\n  endpoint_url = http://127.0.0.1:7420\n",
		"[slipway]\naws_access_key_id = " + key.ID + "\naws_secret_access_key = " + key.Secret + "\n",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the shell does not have %q:\n%s", want, out)
		}
	}
}

func TestWriteAWSProfileRefuses(t *testing.T) {
	key := NewKey(time.Now())
	tests := []struct {
		endpoint, region string
		key              Key
		says             string
	}{
		{"127.0.0.1:7420", "us-east-1", key, "URL"},
		{"ftp://127.0.0.1", "us-east-1", key, "URL"},
		{"http://", "us-east-1", key, "URL"},
		{"http://x/\nregion = evil", "us-east-1", key, "URL"},
		{"http://127.0.0.1", "us east", key, "Region"},
		{"http://127.0.0.1", "", key, "Region"},
		{"http://127.0.0.1", "us-east-1", Key{}, "access key id"},
	}
	for _, tt := range tests {
		if err := WriteAWSProfile(t.TempDir(), tt.endpoint, tt.region, tt.key); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q in %q: %v, want an error with %q", tt.endpoint, tt.region, err, tt.says)
		}
	}
}

func TestExportsWithoutAProfile(t *testing.T) {
	if _, err := Exports(t.TempDir()); err == nil || !strings.Contains(err.Error(), "slipway serve") {
		t.Errorf("error = %v, want one that says what to start", err)
	}
}
