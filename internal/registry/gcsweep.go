package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// sweepManifests deletes the candidates that nothing has come to need, indexes before their images.
func (c *collection) sweepManifests(ctx context.Context) error {
	c.order()
	for _, m := range c.old {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := c.alone(func() error { return c.deleteManifest(m.id) })
		if err != nil {
			return fmt.Errorf("delete manifest %s of repository %q: %w", m.id.digest, m.id.repo, err)
		}
	}
	return c.store.walkRepositories(func(repo string) error { return c.sweepTags(repo) })
}

// order sorts the candidates so that each comes before what it names.
func (c *collection) order() {
	byID := make(map[manifestID]candidate, len(c.old))
	for _, m := range c.old {
		byID[m.id] = m
	}
	depth := make(map[manifestID]int)
	var measure func(candidate) int
	measure = func(m candidate) int {
		if n, ok := depth[m.id]; ok {
			return n
		}
		n := 0
		for _, child := range m.content.Manifests {
			if below, ok := byID[manifestID{m.id.repo, child.Digest.String()}]; ok {
				n = max(n, 1+measure(below))
			}
		}
		depth[m.id] = n
		return n
	}
	slices.SortStableFunc(c.old, func(a, b candidate) int { return cmp.Compare(measure(b), measure(a)) })
}

// deleteManifest runs alone.
func (c *collection) deleteManifest(id manifestID) error {
	if c.kept[id] {
		return nil
	}
	wanted, err := c.wanted(id)
	if err != nil {
		return err
	}
	if wanted {
		return c.keepManifest(id)
	}
	if err := os.RemoveAll(c.revision(id)); err != nil {
		return err
	}
	c.report.Manifests++
	return c.store.forgetHistory(id)
}

// forgetHistory deletes the manifest from the lists of what tags have named.
func (l layout) forgetHistory(id manifestID) error {
	tags, err := names(l.tags(id.repo))
	if err != nil {
		return err
	}
	for _, tag := range tags {
		index := filepath.Join(l.tags(id.repo), tag, "index")
		if err := os.RemoveAll(l.entry(index, digest.Digest(id.digest))); err != nil {
			return err
		}
	}
	return nil
}

// sweepTags deletes tags whose manifest is gone: a deletion by a client takes the manifest first
// and can be cut short.
func (c *collection) sweepTags(repo string) error {
	tags, err := names(c.store.tags(repo))
	if err != nil {
		return err
	}
	for _, tag := range tags {
		err := c.alone(func() error { return c.deleteDangling(repo, tag) })
		if err != nil {
			return fmt.Errorf("delete tag %q of repository %q: %w", tag, repo, err)
		}
	}
	return nil
}

func (c *collection) deleteDangling(repo, tag string) error {
	d, err := readLink(c.store.tagLink(repo, tag))
	if err != nil {
		return ignoreMissing(err)
	}
	_, err = os.Stat(filepath.Join(c.revision(manifestID{repo, d.String()}), "link"))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.report.Tags++
	return os.RemoveAll(filepath.Join(c.store.tags(repo), tag))
}

// sync makes the deletion of manifests last before the deletion of their blobs begins.
func (c *collection) sync(context.Context) error {
	if c.report.Manifests == 0 {
		return nil
	}
	f, err := os.Open(string(c.store))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return unix.Syncfs(int(f.Fd()))
}

// sweepBlobs deletes the data that is not marked, not young and not in the hands of a request.
func (c *collection) sweepBlobs(ctx context.Context) error {
	algs, err := names(c.store.blobs())
	if err != nil {
		return err
	}
	for _, alg := range algs {
		shards, err := names(filepath.Join(c.store.blobs(), alg))
		if err != nil {
			return err
		}
		for _, shard := range shards {
			if err := c.sweepShard(ctx, alg, shard); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *collection) sweepShard(ctx context.Context, alg, shard string) error {
	hexes, err := names(filepath.Join(c.store.blobs(), alg, shard))
	if err != nil {
		return err
	}
	for _, hex := range hexes {
		if err := ctx.Err(); err != nil {
			return err
		}
		d := digest.NewDigestFromEncoded(digest.Algorithm(alg), hex)
		if d.Validate() != nil {
			continue
		}
		if stays, err := c.blobStays(d); err != nil || stays {
			if err != nil {
				return err
			}
			continue
		}
		if err := c.alone(func() error { return c.deleteBlob(d) }); err != nil {
			return fmt.Errorf("delete blob %s: %w", d, err)
		}
	}
	return nil
}

func (c *collection) blobStays(d digest.Digest) (bool, error) {
	if c.used[d] {
		return true, nil
	}
	c.r.mu.Lock()
	pinned := c.r.pinned[d.String()] > 0
	c.r.mu.Unlock()
	if pinned {
		return true, nil
	}
	name := c.store.blobData(d)
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		name = c.store.blob(d) // what a crash left of an upload's last step
	}
	return c.young(name)
}

// deleteBlob runs alone. The links to the data go first.
func (c *collection) deleteBlob(d digest.Digest) error {
	if stays, err := c.blobStays(d); err != nil || stays {
		return err
	}
	for _, repo := range c.links[d] {
		if err := os.RemoveAll(c.store.entry(c.store.layers(repo), d)); err != nil {
			return err
		}
	}
	if fi, err := os.Stat(c.store.blobData(d)); err == nil {
		c.report.Bytes += fi.Size()
		c.report.Blobs++
	}
	return os.RemoveAll(c.store.blob(d))
}

// sweepUploads deletes uploads that rest for longer than clients come back.
func (c *collection) sweepUploads(ctx context.Context) error {
	oldest := c.r.now().Add(-uploadAge)
	if c.before.Before(oldest) {
		oldest = c.before
	}
	return c.store.walkRepositories(func(repo string) error {
		ids, err := names(c.store.uploads(repo))
		if err != nil {
			return err
		}
		for _, id := range ids {
			dir := filepath.Join(c.store.uploads(repo), id)
			// The data file changes with every chunk, its directory with the first.
			fi, err := os.Stat(filepath.Join(dir, "data"))
			if errors.Is(err, fs.ErrNotExist) {
				fi, err = os.Stat(dir)
			}
			if err != nil || fi.ModTime().After(oldest) {
				if err := ignoreMissing(err); err != nil {
					return err
				}
				continue
			}
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			c.report.Uploads++
		}
		return ctx.Err()
	})
}
