package registry_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-run/slipway/internal/ecr"
	"github.com/slipway-run/slipway/internal/registry"
)

func (s *server) images(t *testing.T, repo string) map[string]ecr.Image {
	t.Helper()
	list, err := s.Images(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]ecr.Image{}
	for _, image := range list {
		all[image.Digest] = image
	}
	return all
}

func TestImages_DescribesWhatWasPushed(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	before := time.Now().Add(-time.Second)
	small, large := image(t, 1000, 1), image(t, 5000, 2)
	index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{Add: small}, mutate.IndexAddendum{Add: large})
	if err := remote.WriteIndex(s.ref(t, "app:all"), index); err != nil {
		t.Fatal(err)
	}
	s.push(t, "app:one", large)
	s.push(t, "app:also", large)
	s.push(t, "app/below:v1", small)

	all := s.images(t, "app")
	if len(all) != 3 {
		t.Fatalf("there are %d images: %+v", len(all), all)
	}
	size := int64(0)
	manifest, err := large.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range append(manifest.Layers, manifest.Config) {
		size += layer.Size
	}
	got, list := all[digestOf(t, large)], all[digestOf(t, index)]
	if cmp.Diff([]string{"also", "one"}, got.Tags) != "" || got.Size != size || got.Parent != digestOf(t, index) ||
		got.MediaType != string(types.DockerManifestSchema2) || got.ArtifactType != string(types.DockerConfigJSON) || got.PushedAt.Before(before) {
		t.Errorf("the image is %+v, its size %d", got, size)
	}
	if cmp.Diff([]string{"all"}, list.Tags) != "" || list.Size != size || list.MediaType != string(types.OCIImageIndex) || list.Parent != "" {
		t.Errorf("the index is %+v", list)
	}
	if all[digestOf(t, small)].Tags != nil {
		t.Errorf("the image without a tag is %+v", all[digestOf(t, small)])
	}
	if all := s.images(t, "absent"); len(all) != 0 {
		t.Errorf("a repository that is not there has %+v", all)
	}
}

func TestDeleteImage(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	img, child := image(t, 1000, 1), image(t, 1000, 1)
	d := s.push(t, "app:a", img)
	s.push(t, "app:b", img)
	s.push(t, "app:c", img)
	remove := func(digest, tag string, want ...string) {
		t.Helper()
		got, err := s.DeleteImage(t.Context(), "app", digest, tag)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("delete %s %s: %v\n%s", digest, tag, err, diff)
		}
	}
	remove(d, "b", "b")
	if err := s.pull(t, "app:a"); err != nil {
		t.Errorf("the other tags: %v", err)
	}
	for _, tag := range []string{"b", "../../x"} {
		if _, err := s.DeleteImage(t.Context(), "app", d, tag); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a tag %q that is not there: %v", tag, err)
		}
	}
	remove(d, "", "a", "c")
	if len(s.images(t, "app")) != 0 || s.pull(t, "app:a") == nil || s.pull(t, "app@"+d) == nil {
		t.Error("the image is still there")
	}
	s.push(t, "app:last", img)
	remove(d, "last", "last")
	if len(s.images(t, "app")) != 0 {
		t.Error("an image outlives its last tag")
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: child})
	if err := remote.WriteIndex(s.ref(t, "app:index"), index); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteImage(t.Context(), "app", digestOf(t, child), ""); !errors.Is(err, ecr.ErrReferenced) {
		t.Errorf("an image of an index: %v", err)
	}
	remove(digestOf(t, index), "", "index")
	if _, err := s.DeleteImage(t.Context(), "app", digestOf(t, child), ""); err != nil {
		t.Errorf("an image that was of an index: %v", err)
	}
	if _, err := s.GC(t.Context(), 0, func(string, string) bool { return false }); err != nil {
		t.Error(err)
	}
}

func TestDeleteRepository(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	s.push(t, "app:v1", image(t, 1000, 1))
	below := image(t, 1000, 1)
	s.push(t, "app/below:v1", below)
	if err := s.DeleteRepository(t.Context(), "app", false); !errors.Is(err, ecr.ErrNotEmpty) {
		t.Errorf("with an image: %v", err)
	}
	if err := s.DeleteRepository(t.Context(), "app", true); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Repositories(t.Context()); err != nil || cmp.Diff([]string{"app/below"}, all) != "" {
		t.Errorf("left are %q, %v", all, err)
	}
	if _, err := s.GC(t.Context(), 0, func(string, string) bool { return false }); err != nil {
		t.Error(err)
	}
	if err := s.pull(t, "app/below:v1"); err != nil {
		t.Errorf("the repository below: %v", err)
	}
	if err := s.DeleteRepository(t.Context(), "absent", false); err != nil {
		t.Errorf("one that is not there: %v", err)
	}
	if err := s.DeleteRepository(t.Context(), "../registry", true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a path: %v", err)
	}
	again := image(t, 1000, 1)
	s.push(t, "app:v1", again)
	if len(s.images(t, "app")) != 1 {
		t.Error("the new repository has images of the old one")
	}
}

func TestImmutableTagsDoNotMove(t *testing.T) {
	t.Parallel()
	r, err := registry.Open(registry.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Immutable: func(_ context.Context, repo, tag string) (bool, error) {
		if repo == "broken" {
			return false, errors.New("disk failure")
		}
		return repo == "fixed" && tag != "latest", nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(r)
	t.Cleanup(func() { web.Close(); _ = r.Close() })
	s := &server{r, web.URL, strings.TrimPrefix(web.URL, "http://"), ""}

	// Of many pushes at the same time one wins, and the tag stays with it.
	images := make([]v1.Image, 8)
	errs := make([]error, len(images))
	var wg sync.WaitGroup
	for i := range images {
		images[i] = image(t, 500, 1)
		wg.Go(func() { errs[i] = remote.Write(s.ref(t, "fixed:v1"), images[i]) })
	}
	wg.Wait()
	won := -1
	for i, err := range errs {
		switch {
		case err == nil && won >= 0:
			t.Errorf("pushes %d and %d both set the tag", won, i)
		case err == nil:
			won = i
		case !strings.Contains(err.Error(), "TAG_INVALID") || !strings.Contains(err.Error(), "cannot be overwritten because the tag is immutable"):
			t.Errorf("push %d: %v", i, err)
		}
	}
	if won < 0 {
		t.Fatal("no push set the tag")
	}
	if d, err := r.Resolve(t.Context(), "fixed", "v1"); err != nil || d != digestOf(t, images[won]) {
		t.Errorf("the tag names %s, %v", d, err)
	}
	s.push(t, "fixed:v1", images[won]) // nothing new
	s.push(t, "fixed:latest", images[0])
	s.push(t, "fixed:latest", images[1])
	s.push(t, "free:v1", images[0])
	s.push(t, "free:v1", images[1])
	if err := remote.Write(s.ref(t, "broken:v1"), images[0], remote.WithRetryStatusCodes()); err == nil || !strings.Contains(err.Error(), "cannot be read now") {
		t.Errorf("settings that cannot be read: %v", err)
	}
}
