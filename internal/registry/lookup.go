package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

// ErrNotFound says that there is no such repository, tag or content. The error that wraps it says
// which. It is fs.ErrNotExist too, for callers that know only that.
var ErrNotFound error = notFound{}

type notFound struct{}

func (notFound) Error() string { return "not found" }

func (notFound) Is(target error) bool { return target == fs.ErrNotExist }

// Repositories returns the names of all repositories that hold a manifest, sorted.
func (r *Registry) Repositories(ctx context.Context) ([]string, error) {
	var out []string
	err := r.store.walkRepositories(func(repo string) error {
		found, err := digests(r.store.revisions(repo))
		if len(found) > 0 {
			out = append(out, repo)
		}
		return errors.Join(err, ctx.Err())
	})
	if err != nil {
		return nil, fmt.Errorf("list repositories: %w", err)
	}
	slices.Sort(out)
	return out, nil
}

// Tags returns the tags of a repository, sorted. An unknown repository is ErrNotFound.
func (r *Registry) Tags(ctx context.Context, repo string) ([]string, error) {
	if err := r.known(repo); err != nil {
		return nil, err
	}
	entries, err := names(r.store.tags(repo))
	if err != nil {
		return nil, fmt.Errorf("list tags of repository %q: %w", repo, err)
	}
	entries = slices.DeleteFunc(entries, func(tag string) bool {
		_, err := os.Lstat(r.store.tagLink(repo, tag))
		return err != nil
	})
	slices.Sort(entries)
	return entries, ctx.Err()
}

// Resolve returns the digest that a tag names, or checks that the manifest exists when tag is a
// digest. The manifest is safe from garbage collection for the grace period from now.
func (r *Registry) Resolve(ctx context.Context, repo, tag string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := r.known(repo); err != nil {
		return "", err
	}
	r.sweep.RLock()
	defer r.sweep.RUnlock()
	d, err := r.lookup(repo, tag)
	if err != nil {
		return "", err
	}
	err = touch(filepath.Join(r.store.entry(r.store.revisions(repo), d), "link"), r.now())
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("manifest %s in repository %q: %w", d, repo, ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("resolve %q in repository %q: %w", tag, repo, err)
	}
	return d.String(), nil
}

// maxContent is the largest manifest or configuration that Content returns, in bytes.
const maxContent = 8 << 20

// Content returns a manifest or an image's configuration.
func (r *Registry) Content(ctx context.Context, repo, digest string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	data, err := r.content(repo, digest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("content %s in repository %q: %w", digest, repo, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read content %q of repository %q: %w", digest, repo, err)
	}
	return data, nil
}

// content reads what is linked into the repository as a manifest or as a blob.
func (r *Registry) content(repo, text string) ([]byte, error) {
	d, err := digest.Parse(text)
	if err != nil {
		return nil, err
	}
	if err := r.known(repo); err != nil {
		return nil, err
	}
	target, err := readLink(filepath.Join(r.store.entry(r.store.revisions(repo), d), "link"))
	if errors.Is(err, fs.ErrNotExist) {
		target, err = readLink(filepath.Join(r.store.entry(r.store.layers(repo), d), "link"))
	}
	if err != nil {
		return nil, err
	}
	name := r.store.blobData(target)
	fi, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if fi.Size() > maxContent {
		return nil, fmt.Errorf("it has %d bytes, more than %d", fi.Size(), maxContent)
	}
	return os.ReadFile(name)
}

func (r *Registry) lookup(repo, tag string) (digest.Digest, error) {
	if d, err := digest.Parse(tag); err == nil {
		return d, nil
	}
	if !validTag(tag) {
		return "", fmt.Errorf("tag %q is not valid: %w", tag, ErrNotFound)
	}
	d, err := readLink(r.store.tagLink(repo, tag))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("tag %q in repository %q: %w", tag, repo, ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("resolve tag %q in repository %q: %w", tag, repo, err)
	}
	return d, nil
}

// known checks that the repository exists.
func (r *Registry) known(repo string) error {
	if _, err := reference.WithName(repo); err != nil {
		return fmt.Errorf("repository name %q is not valid: %w", repo, ErrNotFound)
	}
	_, err := os.Stat(filepath.Join(r.store.repository(repo), "_manifests"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("repository %q: %w", repo, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("look up repository %q: %w", repo, err)
	}
	return nil
}

func validTag(tag string) bool {
	m := reference.TagRegexp.FindString(tag)
	return m != "" && m == tag
}

// touch tells the garbage collection that a file is in use. The time is kept in the file, so that
// it outlives this process.
func touch(name string, now time.Time) error { return os.Chtimes(name, time.Time{}, now) }
