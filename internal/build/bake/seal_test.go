package bake

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/validate"
	"golang.org/x/sys/unix"
)

// tree makes the upper directory of an overlay.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files := filepath.Join(dir, "files")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(files, "etc"), 0o755))
	must(os.MkdirAll(filepath.Join(files, "tmp/scratch"), 0o755))
	must(os.WriteFile(filepath.Join(files, "etc/packaged"), []byte("p"), 0o600))
	must(os.Chtimes(filepath.Join(files, "etc/packaged"), time.Time{}, time.Unix(1e9, 0)))
	must(os.WriteFile(filepath.Join(files, "etc/made"), []byte("m"), 0o640))
	must(os.Link(filepath.Join(files, "etc/made"), filepath.Join(files, "etc/same")))
	must(os.Symlink("made", filepath.Join(files, "etc/zlink")))
	return dir
}

func list(t *testing.T, l sealedLayer) []string {
	t.Helper()
	plain, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	var got []string
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.TrimSpace(h.FileInfo().Mode().String()+" "+h.Name+" "+h.Linkname+" "+h.ModTime.UTC().Format(time.DateOnly)))
	}
}

// The same files make the same layer, whenever they were made.
func TestSeal(t *testing.T) {
	t.Parallel()
	var digests []string
	for range 2 {
		dir := tree(t)
		if _, err := seal(dir, time.Unix(2e9, 0).AddDate(-40, 0, 0)); err != nil {
			t.Fatal(err)
		}
		l, err := openLayer(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Layer(l); err != nil && !strings.Contains(err.Error(), "gzip") {
			t.Error(err)
		}
		digests = append(digests, l.info.Digest)
		want := []string{
			"drwxr-xr-x etc/  2020-01-01", "-rw-r----- etc/made  2020-01-01", "-rw------- etc/packaged  2020-01-01",
			"-rw-r----- etc/same etc/made 2020-01-01", "Lrwxrwxrwx etc/zlink made 2020-01-01", "drwxr-xr-x tmp/  2020-01-01",
		}
		if got := list(t, l); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if digests[0] != digests[1] {
		t.Error("the same files make different layers")
	}
}

// What a package brought keeps its time: compiled Python is valid only for the time of its source.
func TestSealKeepsTimes(t *testing.T) {
	t.Parallel()
	dir := tree(t)
	if _, err := seal(dir, time.Unix(1e9, 1)); err != nil {
		t.Fatal(err)
	}
	l, err := openLayer(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(list(t, l), "\n"); !strings.Contains(got, "etc/packaged  2001-09-09") {
		t.Errorf("got\n%s", got)
	}
}

// A deletion in the overlay is one in the image.
func TestSealDeletions(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("device files need root")
	}
	dir := tree(t)
	if err := unix.Mknod(filepath.Join(dir, "files/etc/gone"), unix.S_IFCHR, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Lsetxattr(filepath.Join(dir, "files/etc"), "trusted.overlay.opaque", []byte("y"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := seal(dir, time.Unix(1e9, 1)); err != nil {
		t.Fatal(err)
	}
	l, err := openLayer(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(list(t, l), "\n")
	for _, want := range []string{"etc/.wh.gone", "etc/.wh..wh..opq"} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %s in\n%s", want, got)
		}
	}
}
