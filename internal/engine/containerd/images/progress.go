package images

import (
	"maps"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-run/slipway/internal/engine"
)

// interval is how often progress is reported.
const interval = 250 * time.Millisecond

// progress counts what has arrived of each layer.
type progress struct {
	mu   sync.Mutex
	size map[digest.Digest]int64
	have map[digest.Digest]int64
}

func newProgress() *progress {
	return &progress{size: make(map[digest.Digest]int64), have: make(map[digest.Digest]int64)}
}

func (p *progress) expect(layers []ocispec.Descriptor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range layers {
		p.size[l.Digest] = l.Size
	}
}

// at records that a layer has arrived up to an offset.
func (p *progress) at(d digest.Digest, offset int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.size[d]; ok {
		p.have[d] = offset
	}
}

func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.Copy(p.have, p.size)
}

func (p *progress) report() engine.Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := engine.Progress{Layers: len(p.size)}
	for d, size := range p.size {
		out.Bytes += size
		out.BytesDone += p.have[d]
		if p.have[d] >= size {
			out.LayersDone++
		}
	}
	return out
}

// follow calls fn with changes, from one goroutine, until stop is called; that makes the last call.
func (p *progress) follow(fn func(engine.Progress)) (stop func()) {
	if fn == nil {
		return func() {}
	}
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		var last engine.Progress
		tell := func() {
			if now := p.report(); now != last {
				last = now
				fn(now)
			}
		}
		for {
			select {
			case <-tick.C:
				tell()
			case <-quit:
				tell()
				return
			}
		}
	})
	return func() { close(quit); wg.Wait() }
}
