package daemon

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// form is what a browser sends: names and contents in turn.
func form(t *testing.T, files ...string) *multipart.Reader {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(files); i += 2 {
		part, err := w.CreateFormFile(files[i], "name that does not count")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte(files[i+1]))
	}
	_ = w.Close()
	return multipart.NewReader(&body, w.Boundary())
}

func TestReceive(t *testing.T) {
	t.Parallel()
	u := uploads{&Daemon{}}
	u.d.config.Source.MaxPush = 1 << 20
	dir := filepath.Join(t.TempDir(), "source")
	if err := u.receive(form(t, "go.mod", "module x", "cmd/web/main.go", "package main", "run", "#!/bin/sh\n", "empty", ""), dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		text string
		mode os.FileMode
	}{"go.mod": {"module x", 0o600}, "cmd/web/main.go": {"package main", 0o600}, "run": {"#!/bin/sh\n", 0o700}, "empty": {"", 0o600}} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want.text {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want.mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// Nothing is written outside of the directory, whatever a form says.
func TestReceiveRefuses(t *testing.T) {
	t.Parallel()
	u := uploads{&Daemon{}}
	u.d.config.Source.MaxPush = 1 << 20
	for _, c := range []struct {
		reason, words string
		files         []string
	}{
		{"no files", "has no files", nil},
		{"the directory above", "no path of a file", []string{"../x", "evil"}},
		{"below and out", "no path of a file", []string{"a/../../x", "evil"}},
		{"an absolute path", "no path of a file", []string{"/etc/x", "evil"}},
		{"a path of Windows", "no path of a file", []string{`a\x`, "evil"}},
		{"no name", "no path of a file", []string{"", "evil"}},
		{"a file twice", `has "a" twice`, []string{"a", "1", "a", "2"}},
		{"a file that is a directory", "was not taken", []string{"a", "1", "a/b", "2"}},
		{"too much", "more than 1 MiB", []string{"a", strings.Repeat("x", 1<<19), "b", strings.Repeat("x", 1<<19+1)}},
	} {
		above := t.TempDir()
		err := u.receive(form(t, c.files...), filepath.Join(above, "source"))
		if apprunner.CodeOf(err) != apprunner.InvalidRequest || !strings.Contains(fmt.Sprint(err), c.words) {
			t.Errorf("%s: %v", c.reason, err)
		}
		if entries, _ := os.ReadDir(above); len(entries) != 1 {
			t.Errorf("%s: there is %v beside the directory", c.reason, entries)
		}
	}
	cut := multipart.NewReader(strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhal"), "x")
	if err := u.receive(cut, filepath.Join(t.TempDir(), "source")); apprunner.CodeOf(err) != apprunner.InvalidRequest {
		t.Errorf("a form that was cut off: %v", err)
	}
}
