package images

import (
	"context"
	"fmt"
	"io"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/containerd/containerd/v2/core/images"
)

// blob reads content from the servers and goes on where it was when a connection breaks. containerd
// seeks to what it has from an earlier pull before the first read.
type blob struct {
	ctx    context.Context
	remote *remote
	desc   ocispec.Descriptor
	path   string

	offset int64
	body   io.ReadCloser
	alive  time.Time // last time that bytes came
	resets int       // breaks since
	cancel context.CancelFunc
	idle   *time.Timer
	slot   bool
}

// fetch returns a reader that asks the servers at the first read.
func (r *remote) fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	path := "/blobs/" + desc.Digest.String()
	if images.IsManifestType(desc.MediaType) || images.IsIndexType(desc.MediaType) {
		path = "/manifests/" + desc.Digest.String()
	}
	return &blob{ctx: ctx, remote: r, desc: desc, path: path, alive: time.Now()}, nil
}

func (b *blob) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekStart || offset < 0 || offset > b.desc.Size {
		return b.offset, fmt.Errorf("seek to %d of %s: out of range", offset, b.desc.Digest)
	}
	b.hangUp()
	b.offset = offset
	b.remote.progress.at(b.desc.Digest, offset)
	return offset, nil
}

func (b *blob) Read(p []byte) (int, error) {
	for {
		if b.offset >= b.desc.Size {
			return 0, io.EOF
		}
		if b.body == nil {
			if err := b.connect(); err != nil {
				return 0, err
			}
		}
		b.idle.Reset(b.remote.stall)
		n, err := b.body.Read(p[:min(int64(len(p)), b.desc.Size-b.offset)])
		b.idle.Stop() // the time until the next read is not the server's
		if n > 0 {
			b.offset += int64(n)
			b.alive, b.resets = time.Now(), 0
			b.remote.progress.at(b.desc.Digest, b.offset)
			return n, nil
		}
		if err == nil {
			continue
		}
		b.hangUp()
		if err := b.pause(err); err != nil {
			return 0, err
		}
	}
}

// pause waits before the next connection, or gives up.
func (b *blob) pause(cause error) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	if time.Since(b.alive) > b.remote.patience {
		return b.remote.failure(b.path, []*fault{{kind: passing, url: b.remote.host, text: cause.Error(), err: cause}})
	}
	b.remote.log.Debug("connection to a registry broke, going on", "image", b.remote.image,
		"blob", b.desc.Digest, "offset", b.offset, "error", cause)
	wait := backoff(b.resets)
	b.resets++
	return sleep(b.ctx, wait)
}

func (b *blob) connect() error {
	queued := time.Now()
	if err := b.remote.slots.Acquire(b.ctx, 1); err != nil {
		return err
	}
	b.slot = true
	b.alive = b.alive.Add(time.Since(queued)) // to wait for a turn is not the registry's fault
	ctx, cancel := context.WithCancel(b.ctx)
	res, err := b.remote.open(ctx, b.path, "*/*", b.offset, b.alive) //nolint:bodyclose // hangUp closes it
	if err != nil {
		cancel()
		b.hangUp()
		return err
	}
	b.body, b.cancel = res.Body, cancel
	b.idle = time.AfterFunc(b.remote.stall, cancel)
	return nil
}

func (b *blob) hangUp() {
	if b.body != nil {
		b.idle.Stop()
		b.cancel()
		_ = b.body.Close()
		b.body = nil
	}
	if b.slot {
		b.remote.slots.Release(1)
		b.slot = false
	}
}

func (b *blob) Close() error {
	b.hangUp()
	return nil
}
