package enginetest

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"runtime"
)

// program builds the test application once for all tests of a process.
var program = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "enginetest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "testapp")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path,
		"github.com/slipway-run/slipway/internal/engine/enginetest/testapp")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

type file struct {
	name string
	mode int64
	data []byte
}

// Image makes an image of the test application, with two layers and a few things that engines
// stumble over. The change may be nil.
func Image(t testing.TB, change func(*v1.Config)) v1.Image {
	t.Helper()
	app, err := program()
	if err != nil {
		t.Fatalf("build test application: %v", err)
	}
	base := layer(t,
		file{name: "etc/passwd", mode: 0o644, data: []byte("root:x:0:0::/:/bin/sh\napp:x:1234:5678::/home/app:/bin/sh\n")},
		file{name: "etc/group", mode: 0o644, data: []byte("root:x:0:\napp:x:5678:\n")},
		file{name: "etc/from-image", mode: 0o644, data: []byte("below\n")},
		file{name: "not-executable", mode: 0o644, data: []byte("text\n")},
		file{name: "wrong-format", mode: 0o755, data: []byte("no program\n")},
		file{name: "tmp/", mode: 0o1777},
		file{name: "home/app/", mode: 0o755},
	)
	top := layer(t,
		file{name: "testapp", mode: 0o755, data: app},
		file{name: "etc/from-image", mode: 0o644, data: []byte("above\n")},
	)
	img, err := mutate.AppendLayers(empty.Image, base, top)
	if err != nil {
		t.Fatalf("make image: %v", err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatalf("make image: %v", err)
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", runtime.GOARCH
	cfg.Config = v1.Config{
		Entrypoint: []string{"/testapp"}, WorkingDir: "/home/app",
		Env: []string{"PATH=/", "FROM_IMAGE=image", "FROM_BOTH=image"},
	}
	if change != nil {
		change(&cfg.Config)
	}
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		t.Fatalf("make image: %v", err)
	}
	return img
}

func layer(t testing.TB, files ...file) v1.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), Typeflag: tar.TypeReg}
		if f.name[len(f.name)-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatalf("make layer: %v", err)
		}
		if _, err := w.Write(f.data); err != nil {
			t.Fatalf("make layer: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("make layer: %v", err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(b.Bytes())), nil
	})
	if err != nil {
		t.Fatalf("make layer: %v", err)
	}
	return l
}
