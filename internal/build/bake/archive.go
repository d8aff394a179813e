package bake

import (
	"archive/tar"
	"archive/zip"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// registries are the registries that archives come from: the environment variable in which their own
// clients take another address, and the usual one.
var registries = map[string]struct{ variable, address string }{
	"npm":   {"npm_config_registry", "https://registry.npmjs.org"},
	"go":    {"GOPROXY", "https://proxy.golang.org"},
	"maven": {"MAVEN_REPOSITORY", "https://repo.maven.apache.org/maven2"},
}

// url is where an archive is.
func (a Archive) url() string {
	registry := registries[a.From]
	address, _, _ := strings.Cut(os.Getenv(registry.variable), ",") // GOPROXY is a list
	if !strings.HasPrefix(address, "http") {
		address = registry.address
	}
	return strings.TrimSuffix(address, "/") + "/" + a.Path
}

// sum is what the archive's bytes must come to.
func (a Archive) sum() (hash.Hash, []byte, error) {
	kind, text, _ := strings.Cut(a.Digest, "-")
	want, err := base64.StdEncoding.DecodeString(text)
	switch {
	case kind == "sha256" && err == nil && len(want) == sha256.Size:
		return sha256.New(), want, nil
	case kind == "sha512" && err == nil && len(want) == sha512.Size:
		return sha512.New(), want, nil
	}
	return nil, nil, fmt.Errorf("digest %q of archive %s is not sha256- or sha512- and base64", a.Digest, a.Path)
}

// fetch downloads the archive into a file and checks it.
func (a Archive) fetch(ctx context.Context, file string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("fetch %s: %w", a.url(), err)
		}
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("%w. %s in the environment names another address of the registry", err, registries[a.From].variable)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it was answered with %s. %s in the environment names another address of the registry", response.Status, registries[a.From].variable)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, out.Close()) }()
	sum, want, err := a.sum()
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.MultiWriter(out, sum), response.Body); err != nil {
		return err
	}
	if got := sum.Sum(nil); !slices.Equal(got, want) {
		return fmt.Errorf("its digest is %s, but the recipe wants %s: the registry has another file", base64.StdEncoding.EncodeToString(got), a.Digest)
	}
	return nil
}

// unpack unpacks the archive's file below a root directory.
func (a Archive) unpack(file, root string) error {
	each := a.unpackTar
	if strings.HasSuffix(a.Path, ".zip") {
		each = a.unpackZip
	}
	to, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer to.Close()
	if err := to.MkdirAll(a.To[1:], 0o755); err != nil {
		return err
	}
	into, err := to.OpenRoot(a.To[1:]) // nothing in an archive leads out of it
	if err != nil {
		return err
	}
	defer into.Close()
	if err := each(file, into); err != nil {
		return fmt.Errorf("unpack %s: %w", a.Path, err)
	}
	return nil
}

func (a Archive) unpackTar(file string, into *os.Root) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := a.name(h.Name)
		switch {
		case name == "":
		case h.Typeflag == tar.TypeReg:
			err = write(into, name, r, a.mode(name, h.FileInfo().Mode()))
		case h.Typeflag == tar.TypeSymlink:
			err = errors.Join(into.MkdirAll(path.Dir(name), 0o755), into.Symlink(h.Linkname, name))
		}
		if err != nil {
			return err
		}
	}
}

func (a Archive) unpackZip(file string, into *os.Root) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		name := a.name(f.Name)
		if name == "" || f.FileInfo().IsDir() {
			continue
		}
		content, err := f.Open()
		if err != nil {
			return err
		}
		err = errors.Join(write(into, name, content, a.mode(name, 0o644)), content.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

// name is where a file of the archive goes, "" for nowhere.
func (a Archive) name(full string) string {
	parts := strings.Split(path.Clean(full), "/")
	if len(parts) <= a.Strip {
		return ""
	}
	name := path.Join(parts[a.Strip:]...)
	if len(a.Only) > 0 && !under(name, a.Only) {
		return ""
	}
	if a.From == "go" && path.Base(name) == "_go.mod" {
		return path.Join(path.Dir(name), "go.mod") // a module in a module needs another name in the proxy
	}
	return name
}

func (a Archive) mode(name string, mode fs.FileMode) fs.FileMode {
	if under(name, a.Executable) {
		return 0o755
	}
	return mode.Perm()&0o755 | 0o644
}

func under(name string, trees []string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool { return name == tree || strings.HasPrefix(name, tree+"/") })
}

func write(into *os.Root, name string, content io.Reader, mode fs.FileMode) error {
	if err := into.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := into.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Chmod(mode), f.Close())
}

// link makes the links of a recipe below a root directory.
func link(root string, links map[string]string) error {
	for from, to := range links {
		file := filepath.Join(root, from)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.Symlink(to, file)); err != nil {
			return err
		}
	}
	return nil
}
