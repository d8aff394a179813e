package buildkit_test

import (
	"crypto/rand"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/slipway-run/slipway/test/kit"
)

// A build from two images gets each layer from the image that has it, also those that are so large that
// they are passed on instead of kept.
func TestLargeLayersOfSeveralBases(t *testing.T) {
	t.Parallel()
	w := common(t)
	p := twoStages(w.base)
	for i, where := range []string{"bases/tools:1", "bases/run:1"} {
		random := make([]byte, 6<<20)
		_, _ = rand.Read(random)
		image, err := mutate.AppendLayers(kit.Busybox(t), kit.Layer(t, "large", 0o644, random))
		if err != nil {
			t.Fatal(err)
		}
		p.Stages[i].From = w.push(image, where)
	}
	l := &log{}
	job := w.job(l, repository(t, map[string]string{"main.txt": "hello"}), p)
	image, err := w.image(t.Context(), job.Push.Repository+"@"+w.build(job).Digest)
	if err != nil {
		t.Fatal(err)
	}
	if all := files(t, image); len(all["large"]) != 6<<20 || all["prepared"] != "" {
		t.Errorf("the image has a large file of %d bytes", len(all["large"]))
	}
}
