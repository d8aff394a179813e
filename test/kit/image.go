package kit

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// mimic builds the tests' application once.
var mimic = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "mimic")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "mimic")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, "./test/mimic")
	build.Dir = Root()
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build mimic: %w\n%s", err, out)
	}
	return os.ReadFile(file)
})

// Mimic is an image of the tests' application. Different versions are different images.
func Mimic(t testing.TB, version string) v1.Image {
	t.Helper()
	program, err := mimic()
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, Layer(t, "mimic", 0o755, program), Layer(t, "version", 0o644, []byte(version)))
	if err != nil {
		t.Fatal(err)
	}
	return Configure(t, image, runtime.GOARCH, v1.Config{Entrypoint: []string{"/mimic"}, Env: []string{"VERSION=" + version}})
}

// WithShell adds the machine's own /bin/sh to an image, with the libraries that it needs.
func WithShell(t testing.TB, image v1.Image) v1.Image {
	t.Helper()
	list, err := exec.Command("ldd", "/bin/sh").Output()
	if err != nil {
		t.Fatalf("find the libraries of /bin/sh: %v", err)
	}
	files := []string{"/bin/sh"}
	for _, word := range strings.Fields(string(list)) {
		if strings.HasPrefix(word, "/") {
			files = append(files, word)
		}
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if image, err = mutate.AppendLayers(image, Layer(t, file[1:], 0o755, data)); err != nil {
			t.Fatal(err)
		}
	}
	return image
}

// Layer is a layer with one file.
func Layer(t testing.TB, file string, mode int64, data []byte) v1.Layer {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: file, Mode: mode, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// Configure sets the configuration of an image.
func Configure(t testing.TB, image v1.Image, architecture string, config v1.Config) v1.Image {
	t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", architecture, config
	configured, err := mutate.ConfigFile(image, file)
	if err != nil {
		t.Fatal(err)
	}
	return configured
}

// Push pushes an image into the embedded registry, as "name:tag".
func (s *Slipway) Push(image v1.Image, ref string) {
	s.t.Helper()
	key := s.Key()
	push(s.t, image, s.API+"/"+ref, &authn.Basic{Username: key.ID, Password: key.Secret})
}

// PushIndex pushes an index with its images into the embedded registry.
func (s *Slipway) PushIndex(index v1.ImageIndex, ref string) {
	s.t.Helper()
	target, err := name.ParseReference(s.API+"/"+ref, name.Insecure)
	if err != nil {
		s.t.Fatal(err)
	}
	key := s.Key()
	if err := remote.WriteIndex(target, index, remote.WithAuth(&authn.Basic{Username: key.ID, Password: key.Secret})); err != nil {
		s.t.Fatalf("push %s: %v", ref, err)
	}
}

// PushMimic pushes a version of the tests' application.
func (s *Slipway) PushMimic(ref, version string) {
	s.t.Helper()
	s.Push(Mimic(s.t, version), ref)
}

// MimicProgram writes the tests' application into a directory and returns its path.
func MimicProgram(t testing.TB, dir string) string {
	t.Helper()
	program, err := mimic()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "mimic")
	if err := os.WriteFile(file, program, 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func push(t testing.TB, image v1.Image, ref string, auth authn.Authenticator) {
	t.Helper()
	target, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(target, image, remote.WithAuth(auth)); err != nil {
		t.Fatalf("push %s: %v", ref, err)
	}
}
