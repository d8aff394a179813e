package registry_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slipway-run/slipway/internal/registry"
)

func keepNothing(_, _ string) bool { return false }

// age makes everything that is stored look d older.
func (s *server) age(t *testing.T, d time.Duration) {
	t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		then := fi.ModTime().Add(-d)
		return os.Chtimes(path, then, then)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *server) gc(t *testing.T, keep func(repo, digest string) bool) registry.Report {
	t.Helper()
	report, err := s.GC(t.Context(), time.Hour, keep)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func (s *server) untag(t *testing.T, path string) {
	t.Helper()
	if err := remote.Delete(s.ref(t, path)); err != nil {
		t.Fatal(err)
	}
}

// blobs counts the stored blobs.
func (s *server) blobs(t *testing.T) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, "docker/registry/v2/blobs/*/*/*/data"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestGC_DeletesWhatNothingNeeds(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	s.push(t, "app:old", image(t, 1000, 3))
	s.push(t, "app:new", image(t, 1000, 2))
	s.untag(t, "app:old")
	s.age(t, 2*time.Hour)

	report := s.gc(t, keepNothing)
	if report.Manifests != 1 || report.Blobs != 5 || report.Bytes < 3000 || report.Kept != 1 {
		t.Errorf("report %+v", report)
	}
	if got := s.blobs(t); got != 4 {
		t.Errorf("%d blobs left, want manifest, config and two layers", got)
	}
	if err := s.pull(t, "app:new"); err != nil {
		t.Error(err)
	}
	if again := s.gc(t, keepNothing); again.Manifests != 0 || again.Blobs != 0 {
		t.Errorf("a second collection found %+v", again)
	}
}

func TestGC_KeepsWhatItMust(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		// use does what should keep an image that no tag names and that is old.
		use func(t *testing.T, s *server, d string, img v1.Image) (keep func(repo, digest string) bool)
	}{
		{"a service uses it", func(_ *testing.T, _ *server, d string, _ v1.Image) func(_, _ string) bool {
			return func(repo, digest string) bool { return repo == "app" && digest == d }
		}},
		{"it was pulled lately", func(t *testing.T, s *server, d string, _ v1.Image) func(_, _ string) bool {
			if err := s.pull(t, "app@"+d); err != nil {
				t.Error(err)
			}
			return keepNothing
		}},
		{"it was pulled by a tag that has moved since", func(t *testing.T, s *server, d string, img v1.Image) func(_, _ string) bool {
			s.push(t, "app:moving", img)
			s.age(t, 2*time.Hour)
			if err := s.pull(t, "app:moving"); err != nil {
				t.Error(err)
			}
			s.push(t, "app:moving", image(t, 100, 1))
			return keepNothing
		}},
		{"it was resolved lately", func(t *testing.T, s *server, d string, _ v1.Image) func(_, _ string) bool {
			if _, err := s.Resolve(t.Context(), "app", d); err != nil {
				t.Error(err)
			}
			return keepNothing
		}},
		{"it was pushed again", func(t *testing.T, s *server, d string, img v1.Image) func(_, _ string) bool {
			s.push(t, "app@"+d, img)
			return keepNothing
		}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir(), nil)
			img := image(t, 1000, 2)
			d := s.push(t, "app:v1", img)
			s.untag(t, "app:v1")
			s.age(t, 2*time.Hour)
			keep := tt.use(t, s, d, img)
			if report := s.gc(t, keep); report.Manifests != 0 || report.Blobs != 0 {
				t.Errorf("deleted %+v", report)
			}
			if err := s.pull(t, "app@"+d); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestGC_KeepsTheImagesOfAnIndexAndDeletesTheIndexFirst(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	index := mutate.AppendManifests(empty.Index, platform(t, "amd64"), platform(t, "arm64"))
	ref := s.ref(t, "app:multi")
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
	s.age(t, 2*time.Hour)
	if report := s.gc(t, keepNothing); report.Manifests != 0 || report.Blobs != 0 {
		t.Fatalf("deleted %+v", report)
	}
	got, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(got); err != nil {
		t.Error(err)
	}
	s.untag(t, "app:multi")
	s.age(t, 2*time.Hour)
	if report := s.gc(t, keepNothing); report.Manifests != 3 || s.blobs(t) != 0 {
		t.Errorf("report %+v, %d blobs left", report, s.blobs(t))
	}
}

func TestGC_KeepsASignatureAsLongAsItsImage(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	img := mutate.MediaType(image(t, 500, 1), types.OCIManifestSchema1)
	desc, err := partial.Descriptor(img)
	if err != nil {
		t.Fatal(err)
	}
	signature := mutate.Subject(mutate.MediaType(image(t, 50, 1), types.OCIManifestSchema1), *desc).(v1.Image)
	s.push(t, "app:v1", img)
	d := digestOf(t, signature)
	s.push(t, "app@"+d, signature)
	// A client that finds no referrers API keeps them under a tag; here only the subject counts.
	if tag := strings.Replace(desc.Digest.String(), ":", "-", 1); remote.Delete(s.ref(t, "app:"+tag)) == nil {
		t.Log("the client had made a referrers tag")
	}
	s.age(t, 2*time.Hour)
	s.gc(t, keepNothing)
	if err := s.pull(t, "app@"+d); err != nil {
		t.Errorf("the signature of a tagged image: %v", err)
	}
	s.untag(t, "app:v1")
	s.age(t, 2*time.Hour)
	s.gc(t, keepNothing)
	if got := s.blobs(t); got != 0 {
		t.Errorf("%d blobs left", got)
	}
}

func TestGC_KeepsBlobsThatAPushStillNeeds(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	img := image(t, 1000, 1)
	s.push(t, "app:v1", img)
	s.untag(t, "app:v1")
	s.age(t, 2*time.Hour)
	// A client that is about to push asks for the layer and finds it.
	layers, _ := img.Layers()
	if ok, err := remoteHas(s, t, "app", digestOf(t, layers[0])); err != nil || !ok {
		t.Fatalf("the layer is not there: %v", err)
	}
	report := s.gc(t, keepNothing)
	if report.Manifests != 1 || s.blobs(t) != 1 {
		t.Errorf("report %+v, %d blobs left, want the layer", report, s.blobs(t))
	}
}

func remoteHas(s *server, t *testing.T, repo, d string) (bool, error) {
	t.Helper()
	ref, err := name.NewDigest(s.host + "/" + repo + "@" + d)
	if err != nil {
		return false, err
	}
	layer, err := remote.Layer(ref)
	if err != nil {
		return false, err
	}
	return partial.Exists(layer)
}

func TestGC_ClearsWhatCrashesLeave(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	d := s.push(t, "app:v1", image(t, 100, 1))
	s.begin(t, "app")
	hex := strings.TrimPrefix(d, "sha256:")
	// A deletion by a client that was cut short: the manifest is gone, its tag is not.
	if err := os.RemoveAll(filepath.Join(s.dir, "docker/registry/v2/repositories/app/_manifests/revisions/sha256", hex)); err != nil {
		t.Fatal(err)
	}
	// A blob that was being written.
	half := filepath.Join(s.dir, "docker/registry/v2/blobs/sha256/00", strings.Repeat("0", 64))
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "data.1.tmp"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.age(t, 48*time.Hour)
	report := s.gc(t, keepNothing)
	if report.Tags != 1 || report.Uploads != 1 || s.blobs(t) != 0 {
		t.Errorf("report %+v, %d blobs left", report, s.blobs(t))
	}
	if _, err := os.Stat(half); err == nil {
		t.Error("the half-written blob is still there")
	}
}

// Everything that a push has tagged must be whole at any time, however often a collection without
// any grace runs beside it. Such a collection may refuse a push, which then tries again.
func TestGC_RunsBesidePushes(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	shared := image(t, 5000, 2) // its layers come and go with other images
	done := make(chan struct{})
	var pushes, collector sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond << rand.IntN(9)): // now and then long enough for any push
				if _, err := s.GC(t.Context(), 0, keepNothing); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	collector.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				s.complete(t)
			}
		}
	})
	const workers, rounds = 4, 12
	for w := range workers {
		pushes.Go(func() {
			for i := range rounds {
				img, err := mutate.AppendLayers(shared, layerOf(t, image(t, 2000, 1)))
				if err != nil {
					t.Error(err)
					return
				}
				path := fmt.Sprintf("app%d:v%d", w%2, i%3)
				pushUntilTaken(t, s, path, img)
			}
		})
	}
	pushes.Wait()
	close(done)
	collector.Wait()
	s.gc(t, keepNothing)
	for _, repo := range []string{"app0", "app1"} {
		tags, err := s.Tags(t.Context(), repo)
		if err != nil || len(tags) != 3 {
			t.Fatalf("tags %q of %s, %v", tags, repo, err)
		}
		for _, tag := range tags {
			if err := s.pull(t, repo+":"+tag); err != nil {
				t.Errorf("%s:%s: %v", repo, tag, err)
			}
		}
	}
}

// complete checks what a crash at this moment would leave: no manifest without its blobs.
func (s *server) complete(t *testing.T) {
	t.Helper()
	root := filepath.Join(s.dir, "docker/registry/v2")
	data := func(digest string) string {
		hex := strings.TrimPrefix(digest, "sha256:")
		return filepath.Join(root, "blobs/sha256", hex[:2], hex, "data")
	}
	links, err := filepath.Glob(filepath.Join(root, "repositories/*/_manifests/revisions/sha256/*/link"))
	if err != nil {
		t.Error(err)
	}
	for _, link := range links {
		missing := ""
		d := "sha256:" + filepath.Base(filepath.Dir(link))
		text, err := os.ReadFile(data(d))
		if err != nil {
			missing = d
		} else {
			m, err := v1.ParseManifest(strings.NewReader(string(text)))
			if err != nil {
				t.Error(err)
				return
			}
			for _, b := range append(m.Layers, m.Config) {
				if _, err := os.Stat(data(b.Digest.String())); err != nil {
					missing = b.Digest.String()
				}
			}
		}
		if missing == "" {
			continue
		}
		if _, err := os.Stat(link); err == nil {
			t.Errorf("manifest %s is there without %s", d, missing)
		}
	}
}

func layerOf(t *testing.T, img v1.Image) v1.Layer {
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	return layers[0]
}

func pushUntilTaken(t *testing.T, s *server, path string, img v1.Image) {
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if err = remote.Write(s.ref(t, path), img); err == nil {
			return
		}
		if !strings.Contains(err.Error(), "BLOB_UNKNOWN") {
			break
		}
	}
	t.Errorf("push %s: %v", path, err)
}

// With a grace period no push is ever refused.
func TestGC_NeverRefusesAPushWithinItsGrace(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	shared := image(t, 5000, 2)
	s.push(t, "app:base", shared)
	s.untag(t, "app:base")
	s.age(t, 2*time.Hour)
	done := make(chan struct{})
	var collector, pushes sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if _, err := s.GC(t.Context(), time.Hour, keepNothing); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for w := range 4 {
		pushes.Go(func() {
			for i := range 5 {
				img, err := mutate.AppendLayers(shared, layerOf(t, image(t, 2000, 1)))
				if err == nil {
					err = remote.Write(s.ref(t, fmt.Sprintf("app:w%d-%d", w, i)), img)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	pushes.Wait()
	close(done)
	collector.Wait()
}
