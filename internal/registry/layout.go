package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
)

// layout is the directory of a registry. Its methods know the storage format of the distribution
// project:
//
//	docker/registry/v2/blobs/<alg>/<hex[:2]>/<hex>/data
//	docker/registry/v2/repositories/<name>/_layers/<alg>/<hex>/link
//	docker/registry/v2/repositories/<name>/_manifests/revisions/<alg>/<hex>/link
//	docker/registry/v2/repositories/<name>/_manifests/tags/<tag>/current/link
//	docker/registry/v2/repositories/<name>/_manifests/tags/<tag>/index/<alg>/<hex>/link
//	docker/registry/v2/repositories/<name>/_uploads/<id>/{data,startedat,…}
//
// A link holds a digest. Manifests are blobs too.
type layout string

func (l layout) blobs() string { return filepath.Join(string(l), "docker/registry/v2/blobs") }

func (l layout) repositories() string {
	return filepath.Join(string(l), "docker/registry/v2/repositories")
}

func (l layout) repository(repo string) string {
	return filepath.Join(l.repositories(), filepath.FromSlash(repo))
}

func (l layout) blob(d digest.Digest) string {
	hex := d.Encoded()
	return filepath.Join(l.blobs(), d.Algorithm().String(), hex[:2], hex)
}

func (l layout) blobData(d digest.Digest) string { return filepath.Join(l.blob(d), "data") }

func (l layout) layers(repo string) string { return filepath.Join(l.repository(repo), "_layers") }

func (l layout) uploads(repo string) string { return filepath.Join(l.repository(repo), "_uploads") }

func (l layout) revisions(repo string) string {
	return filepath.Join(l.repository(repo), "_manifests", "revisions")
}

func (l layout) tags(repo string) string {
	return filepath.Join(l.repository(repo), "_manifests", "tags")
}

func (l layout) tagLink(repo, tag string) string {
	return filepath.Join(l.tags(repo), tag, "current", "link")
}

// entry is the directory of a link below dir.
func (l layout) entry(dir string, d digest.Digest) string {
	return filepath.Join(dir, d.Algorithm().String(), d.Encoded())
}

func readLink(name string) (digest.Digest, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	d, err := digest.Parse(string(data))
	if err != nil {
		return "", fmt.Errorf("read link %q: %w", name, err)
	}
	return d, nil
}

// names lists a directory; one that does not exist is empty.
func names(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return f.Readdirnames(-1)
}

// digests lists the <alg>/<hex> directories below dir that hold a link.
func digests(dir string) ([]digest.Digest, error) {
	algs, err := names(dir)
	if err != nil {
		return nil, err
	}
	var out []digest.Digest
	for _, alg := range algs {
		hexes, err := names(filepath.Join(dir, alg))
		if err != nil {
			return nil, err
		}
		for _, hex := range hexes {
			d := digest.NewDigestFromEncoded(digest.Algorithm(alg), hex)
			if d.Validate() != nil {
				continue
			}
			if _, err := os.Lstat(filepath.Join(dir, alg, hex, "link")); err == nil {
				out = append(out, d)
			}
		}
	}
	return out, nil
}

// walkRepositories calls fn for every repository, also one that holds only an upload.
func (l layout) walkRepositories(fn func(repo string) error) error {
	return l.walk("", fn)
}

func (l layout) walk(repo string, fn func(string) error) error {
	entries, err := names(l.repository(repo))
	if err != nil {
		return err
	}
	is := false
	for _, name := range entries {
		switch {
		case name == "_manifests" || name == "_layers" || name == "_uploads":
			is = true
		case !strings.HasPrefix(name, "_"):
			if err := l.walk(join(repo, name), fn); err != nil {
				return err
			}
		}
	}
	if is && repo != "" {
		return fn(repo)
	}
	return nil
}

func join(repo, name string) string {
	if repo == "" {
		return name
	}
	return repo + "/" + name
}
