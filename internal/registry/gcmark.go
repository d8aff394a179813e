package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
)

// mark finds what stays, and the candidates for deletion.
func (c *collection) mark(ctx context.Context) error {
	return c.store.walkRepositories(func(repo string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.markRepository(repo); err != nil {
			return fmt.Errorf("mark repository %q: %w", repo, err)
		}
		return nil
	})
}

func (c *collection) markRepository(repo string) error {
	layers, err := digests(c.store.layers(repo))
	if err != nil {
		return err
	}
	for _, d := range layers {
		c.links[d] = append(c.links[d], repo)
	}
	if err := c.markTags(repo); err != nil {
		return err
	}
	revisions, err := digests(c.store.revisions(repo))
	if err != nil {
		return err
	}
	var rest []candidate
	for _, d := range revisions {
		id := manifestID{repo, d.String()}
		wanted, err := c.wanted(id)
		if err != nil {
			return err
		}
		if wanted {
			if err := c.keepManifest(id); err != nil {
				return err
			}
			continue
		}
		content, err := c.store.readManifest(d)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		rest = append(rest, candidate{id, content})
	}
	rest, err = c.markReferrers(rest)
	c.old = append(c.old, rest...)
	return err
}

func (c *collection) markTags(repo string) error {
	tags, err := names(c.store.tags(repo))
	if err != nil {
		return err
	}
	for _, tag := range tags {
		d, err := readLink(c.store.tagLink(repo, tag))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted since, or a push that did not get that far
		}
		if err != nil {
			return err
		}
		if err := c.keepManifest(manifestID{repo, d.String()}); err != nil {
			return err
		}
	}
	return nil
}

// markReferrers keeps those of rest whose subject stays, and returns the others.
func (c *collection) markReferrers(rest []candidate) ([]candidate, error) {
	for {
		var others []candidate
		for _, m := range rest {
			subject := m.content.Subject
			if subject == nil || !c.kept[manifestID{m.id.repo, subject.Digest.String()}] {
				if !c.kept[m.id] {
					others = append(others, m)
				}
				continue
			}
			if err := c.keepManifest(m.id); err != nil {
				return nil, err
			}
		}
		if len(others) == len(rest) {
			return others, nil
		}
		rest = others
	}
}

// keepManifest marks a manifest and all it names. One that its repository does not have, or whose
// data is gone, is left to be deleted.
func (c *collection) keepManifest(id manifestID) error {
	if c.kept[id] {
		return nil
	}
	d := digest.Digest(id.digest)
	if d.Validate() != nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(c.revision(id), "link")); err != nil {
		return ignoreMissing(err)
	}
	content, err := c.store.readManifest(d)
	if err != nil {
		return ignoreMissing(err)
	}
	c.kept[id], c.used[d] = true, true
	for _, leaf := range content.leaves() {
		if leaf.Validate() != nil {
			continue
		}
		target, err := c.store.canonical(id.repo, leaf)
		if err != nil {
			return err
		}
		c.used[target] = true
	}
	for _, child := range content.Manifests {
		if err := c.keepManifest(manifestID{id.repo, child.Digest.String()}); err != nil {
			return err
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
