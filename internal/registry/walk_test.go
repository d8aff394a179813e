package registry_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// walk is a registry and what it must hold.
type walk struct {
	*server
	rng    *rand.Rand
	layers []v1.Layer        // shared by the images
	tags   map[string]string // what each tag names, "repo:tag" to a digest
	kept   map[string]bool   // "repo@digest" that services use
}

// Whatever is done in whatever order: what is tagged or used pulls whole, and of the rest nothing
// is left in the end.
func TestGC_OnARandomWalk(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := &walk{server: open(t, t.TempDir(), nil), rng: rand.New(rand.NewPCG(seed, 0)),
				tags: make(map[string]string), kept: make(map[string]bool)}
			for range 4 {
				w.layers = append(w.layers, layerOf(t, image(t, 500, 1)))
			}
			for range 50 {
				w.step(t)
			}
			clear(w.kept)
			for tag := range w.tags {
				w.untag(t, tag)
			}
			w.age(t, 2*time.Hour)
			w.gc(t, keepNothing)
			if n := w.blobs(t); n != 0 {
				t.Errorf("%d blobs left in the end", n)
			}
		})
	}
}

func (w *walk) step(t *testing.T) {
	t.Helper()
	tag := fmt.Sprintf("app%d:v%d", w.rng.IntN(2), w.rng.IntN(4))
	repo := tag[:4]
	switch d, tagged := w.tags[tag]; w.rng.IntN(8) {
	case 0, 1:
		w.tags[tag] = w.push(t, tag, w.image(t))
	case 2:
		index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: w.image(t)}, mutate.IndexAddendum{Add: w.image(t)})
		if err := remote.WriteIndex(w.ref(t, tag), index); err != nil {
			t.Fatal(err)
		}
		w.tags[tag] = digestOf(t, index)
	case 3:
		if tagged {
			w.untag(t, tag)
			delete(w.tags, tag)
		}
	case 4:
		if tagged {
			w.kept[repo+"@"+d] = true
		}
	case 5:
		if used := slices.Sorted(maps.Keys(w.kept)); len(used) > 0 {
			delete(w.kept, used[w.rng.IntN(len(used))])
		}
	case 6:
		w.age(t, 40*time.Minute)
	case 7:
		w.gc(t, func(repo, digest string) bool { return w.kept[repo+"@"+digest] })
		w.check(t)
	}
}

func (w *walk) image(t *testing.T) v1.Image {
	t.Helper()
	layers := []v1.Layer{w.layers[w.rng.IntN(len(w.layers))]}
	if w.rng.IntN(2) == 0 {
		layers = append(layers, layerOf(t, image(t, 300, 1)))
	}
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func (w *walk) check(t *testing.T) {
	t.Helper()
	for tag, d := range w.tags {
		if got, err := w.Resolve(t.Context(), tag[:4], tag[5:]); err != nil || got != d {
			t.Fatalf("%s names %s, %v; want %s", tag, got, err, d)
		}
		w.whole(t, tag)
	}
	for used := range w.kept {
		w.whole(t, used)
	}
}

// whole pulls an image or an index, all of it.
func (w *walk) whole(t *testing.T, path string) {
	t.Helper()
	desc, err := remote.Get(w.ref(t, path))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if !desc.MediaType.IsIndex() {
		if err := w.pull(t, path); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return
	}
	index, err := desc.ImageIndex()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, d := range m.Manifests {
		img, err := index.Image(d.Digest)
		if err == nil {
			err = validate.Image(img)
		}
		if err != nil {
			t.Fatalf("%s: image %s: %v", path, d.Digest, err)
		}
	}
}
