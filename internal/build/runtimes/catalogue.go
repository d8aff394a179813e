package runtimes

import (
	_ "embed"
	"fmt"
	"slices"
)

//go:embed catalogue.yaml
var public []byte

// Catalogue maps runtimes and versions to images.
type Catalogue struct {
	images map[string][]Images // by the name of the runtime: the site's before public ones
}

// Load returns the public catalogue with that of the site before it. The site's is the text of a file,
// empty for none; name is how errors speak of that file.
func Load(name string, site []byte) (*Catalogue, error) {
	embedded, err := Parse("the public catalogue", public)
	if err != nil {
		return nil, err
	}
	own, err := Parse(name, site)
	if err != nil {
		return nil, err
	}
	c := &Catalogue{images: map[string][]Images{}}
	for runtime, images := range own.Runtimes {
		for i := range images {
			images[i].Site = true
		}
		c.images[runtime] = images
	}
	if !own.WithoutPublic {
		for runtime, images := range embedded.Runtimes {
			c.images[runtime] = append(c.images[runtime], images...)
		}
	}
	for _, images := range c.images {
		slices.SortStableFunc(images, prefer)
	}
	return c, nil
}

// prefer puts images of this site before others, and newer versions before older ones.
func prefer(a, b Images) int {
	switch {
	case a.Site && !b.Site:
		return -1
	case b.Site && !a.Site:
		return 1
	}
	return compare(b.Version, a.Version)
}

// Of returns the images of a runtime, the preferred ones first: those of this site before public
// ones, newer versions before older ones.
func (c *Catalogue) Of(runtime string) []Images { return slices.Clone(c.images[runtime]) }

// Pick returns the images for a runtime and a version lock, which is the text of "runtime-version" or
// "" for none. The error is a *VersionError when no version fits, which is the fault of the file.
func (c *Catalogue) Pick(runtime, lock string) (Images, error) {
	if _, ok := Find(runtime); !ok {
		return Images{}, fmt.Errorf("there is no runtime %q", runtime)
	}
	images := c.images[runtime]
	for _, i := range images {
		if lock == "" || matches(lock, i.Version) {
			return i, nil
		}
	}
	failure := &VersionError{Runtime: runtime, Lock: lock}
	for _, i := range images {
		if !slices.Contains(failure.Has, i.Version) {
			failure.Has = append(failure.Has, i.Version)
		}
	}
	slices.SortFunc(failure.Has, func(a, b string) int { return compare(b, a) })
	return Images{}, failure
}
