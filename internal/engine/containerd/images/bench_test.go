package images_test

import (
	"fmt"
	"runtime"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-run/slipway/internal/engine/containerd/images"
)

// BenchmarkPull measures a pull from a registry on this machine: of an image that is present, of a
// small one that is not, and of one of 100 MB.
func BenchmarkPull(b *testing.B) {
	client := start(b)
	s := images.New(client, quiet())
	u := newUpstream(b)
	cold := func(b *testing.B, layers int, size int) {
		b.SetBytes(int64(layers * size))
		for range b.N {
			b.StopTimer()
			var ls []v1.Layer
			for i := range layers {
				ls = append(ls, layer(b, fmt.Sprint(i), size))
			}
			req := u.push(b, build(b, runtime.GOARCH, ls...))
			b.StartTimer()
			pull(b, s, req)
		}
	}
	b.Run("present", func(b *testing.B) {
		req := u.push(b, build(b, runtime.GOARCH, layer(b, "a", 1000)))
		pull(b, s, req)
		for b.Loop() {
			pull(b, s, req)
		}
	})
	b.Run("small", func(b *testing.B) { cold(b, 2, 10_000) })
	b.Run("100MB", func(b *testing.B) { cold(b, 4, 25_000_000) })
}
