package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"
)

// uploadAge is how long an upload may rest before it counts as abandoned.
const uploadAge = 24 * time.Hour

// Report tells what a garbage collection did.
type Report struct {
	Manifests int   // deleted
	Tags      int   // deleted, because their manifest had been deleted before
	Blobs     int   // deleted, manifests' own data included
	Bytes     int64 // freed by Blobs
	Uploads   int   // abandoned, deleted
	Kept      int   // manifests that stay
}

// GC deletes what nothing needs. It may run at any time beside pushes, pulls and other look-ups;
// what it needs alone it holds for one deletion at a time.
//
// A manifest stays when a tag names it, when keep says so, when it was pushed, pulled or resolved
// within the grace period, and when a manifest that stays names it: the images of an index, and
// what refers to an image as its subject, such as a signature. A blob stays when such a manifest
// names it, and when it was uploaded, mounted or asked for within the grace period. Deletion goes
// from what refers to what is referred to, so that a crash leaves no manifest without its blobs.
//
// keep must be quick and must not call the registry.
func (r *Registry) GC(ctx context.Context, grace time.Duration, keep func(repo, digest string) bool) (Report, error) {
	r.collecting.Lock()
	defer r.collecting.Unlock()
	c := &collection{
		r: r, store: r.store, keep: keep, before: r.now().Add(-grace),
		kept: make(map[manifestID]bool), used: make(map[digest.Digest]bool),
		links: make(map[digest.Digest][]string),
	}
	r.watch(true)
	defer r.watch(false)
	for _, step := range []func(context.Context) error{c.mark, c.sweepManifests, c.sync, c.sweepBlobs, c.sweepUploads} {
		if err := errors.Join(ctx.Err(), step(ctx)); err != nil {
			return c.report, fmt.Errorf("collect garbage of the registry: %w", err)
		}
	}
	c.report.Kept = len(c.kept)
	return c.report, nil
}

// watch has manifests that are stored from now on recorded, or ends that.
func (r *Registry) watch(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marks, r.fresh = on, nil
}

// collection is one garbage collection.
type collection struct {
	r      *Registry
	store  layout
	keep   func(repo, digest string) bool
	before time.Time // what was used later is young

	kept   map[manifestID]bool
	used   map[digest.Digest]bool     // data that stays
	links  map[digest.Digest][]string // repositories with a layer link to the blob
	old    []candidate
	report Report
}

// candidate is a manifest that nothing keeps.
type candidate struct {
	id      manifestID
	content content
}

// alone runs fn while no request adds references, with what was stored meanwhile marked.
func (c *collection) alone(fn func() error) error {
	c.r.sweep.Lock()
	defer c.r.sweep.Unlock()
	c.r.mu.Lock()
	fresh := c.r.fresh
	c.r.fresh = nil
	c.r.mu.Unlock()
	for _, id := range fresh {
		if err := c.keepManifest(id); err != nil {
			return err
		}
	}
	return fn()
}

// young tells whether the file was used within the grace period; one that is gone was not.
func (c *collection) young(name string) (bool, error) {
	fi, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return fi.ModTime().After(c.before), nil
}

// revision is the directory that makes a manifest part of its repository.
func (c *collection) revision(id manifestID) string {
	return c.store.entry(c.store.revisions(id.repo), digest.Digest(id.digest))
}

func (c *collection) wanted(id manifestID) (bool, error) {
	if c.keep(id.repo, id.digest) {
		return true, nil
	}
	return c.young(filepath.Join(c.revision(id), "link"))
}
