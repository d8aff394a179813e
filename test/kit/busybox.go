package kit

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Busybox is an image to build from: a shell with the usual tools, in one program.
func Busybox(t testing.TB) v1.Image {
	t.Helper()
	program, err := os.ReadFile(busyboxProgram(t))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(h tar.Header, data []byte) {
		h.Size = int64(len(data))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"bin/", "etc/", "tmp/", "root/"} {
		add(tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}, nil)
	}
	add(tar.Header{Name: "bin/busybox", Mode: 0o755}, program)
	for tool := range strings.FieldsSeq("sh cat ls echo touch mkdir rm cp mv ln head tail wc grep sed sleep dd true false env id mount umount mknod nc wget nslookup ip ps kill printf seq tr chmod sha256sum find yes test date sync stat hostname") {
		add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + tool, Linkname: "busybox"}, nil)
	}
	add(tar.Header{Name: "etc/passwd", Mode: 0o644}, []byte("root:x:0:0:root:/root:/bin/sh\n"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.Architecture, config.OS = "amd64", "linux"
	config.Config.Env = []string{"PATH=/bin", "FROM_BASE=yes"}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

// busyboxProgram is that of Debian's package. It is fetched once.
func busyboxProgram(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "slipway-test")
	file := filepath.Join(dir, "busybox")
	if _, err := os.Stat(file); err == nil {
		return file
	}
	tmp := t.TempDir()
	for _, line := range []string{"apt-get download -q busybox-static", "dpkg-deb -x busybox-static_*.deb .", "mkdir -p " + dir, "cp bin/busybox " + file + ".$$ && mv " + file + ".$$ " + file} {
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir = tmp
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("Debian's package busybox-static: %s: %v\n%s", line, err, out)
		}
	}
	return file
}
