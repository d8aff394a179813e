package buildkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// bases are the images that a build begins from. BuildKit reads them through this process, which alone
// knows registries and their logins: a build has the images that it names, and no others.
type bases struct {
	noStore
	ctx  context.Context // of the build: an image is read long after it was found
	find Images

	mu     sync.Mutex
	byName map[string]base
	blobs  map[digest.Digest]*blob

	faults
}

// base is an image that was found.
type base struct {
	digest digest.Digest
	config []byte
}

func newBases(ctx context.Context, find Images) *bases {
	return &bases{ctx: ctx, find: find, byName: map[string]base{}, blobs: map[digest.Digest]*blob{}}
}

// get finds an image once for a build: a tag that moves meanwhile changes nothing.
func (b *bases) get(reference string) (base, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found, ok := b.byName[reference]; ok {
		return found, nil
	}
	image, err := b.find(b.ctx, reference)
	if err != nil {
		return base{}, baseFailure(reference, err)
	}
	found, err := b.add(image)
	if err != nil {
		return base{}, baseFailure(reference, err)
	}
	b.byName[reference] = found
	return found, nil
}

func (b *bases) add(image v1.Image) (base, error) {
	manifest, err := image.RawManifest()
	if err != nil {
		return base{}, err
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return base{}, err
	}
	layers, err := image.Layers()
	if err != nil {
		return base{}, err
	}
	for _, layer := range layers {
		d, err1 := layer.Digest()
		size, err2 := layer.Size()
		if err := errors.Join(err1, err2); err != nil {
			return base{}, err
		}
		b.blobs[digest.Digest(d.String())] = &blob{faults: &b.faults, size: size, open: layer.Compressed, layer: layer}
	}
	for _, data := range [][]byte{manifest, config} {
		b.blobs[digest.FromBytes(data)] = &blob{faults: &b.faults, size: int64(len(data)), open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(data)), nil
		}}
	}
	return base{digest: digest.FromBytes(manifest), config: config}, nil
}

func (b *bases) blob(d digest.Digest) (*blob, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found := b.blobs[d]; found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("%s is no part of an image that this build begins from: %w", d, errdefs.ErrNotFound)
}

// Info implements content.Store.
func (b *bases) Info(_ context.Context, d digest.Digest) (content.Info, error) {
	found, err := b.blob(d)
	if err != nil {
		return content.Info{}, err
	}
	return content.Info{Digest: d, Size: found.size}, nil
}

// ReaderAt implements content.Store.
func (b *bases) ReaderAt(_ context.Context, desc ocispec.Descriptor) (content.ReaderAt, error) {
	found, err := b.blob(desc.Digest)
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (b *bases) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, each := range b.blobs {
		each.end()
	}
}

// blob is read from its begin to its end, by many short reads: a stream stays open between them.
type blob struct {
	*faults
	size  int64
	open  func() (io.ReadCloser, error)
	layer v1.Layer // nil for what is no layer

	mu     sync.Mutex
	stream io.ReadCloser
	at     int64
}

func (b *blob) Size() int64  { return b.size }
func (b *blob) Close() error { return nil } // the next read goes on

func (b *blob) ReadAt(p []byte, offset int64) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if offset >= b.size {
		return 0, io.EOF
	}
	if err := b.seek(offset); err != nil {
		return 0, b.note(err)
	}
	n, err := io.ReadFull(b.stream, p[:min(int64(len(p)), b.size-offset)])
	b.at += int64(n)
	if err != nil {
		b.drop()
		return n, b.note(fmt.Errorf("read part of a base image: %w", err))
	}
	if b.at == b.size {
		b.drop()
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (b *blob) seek(offset int64) error {
	if b.stream == nil || offset < b.at {
		b.drop()
		stream, err := b.open()
		if err != nil {
			return fmt.Errorf("read part of a base image: %w", err)
		}
		b.stream, b.at = stream, 0
	}
	n, err := io.CopyN(io.Discard, b.stream, offset-b.at)
	b.at += n
	if err != nil {
		b.drop()
		return fmt.Errorf("read part of a base image: %w", err)
	}
	return nil
}

func (b *blob) drop() {
	if b.stream != nil {
		_ = b.stream.Close()
		b.stream = nil
	}
}

func (b *blob) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop()
}

// noStore is what a content.Store must have and nobody here calls.
type noStore struct{}

func (noStore) Info(context.Context, digest.Digest) (content.Info, error) {
	return content.Info{}, errdefs.ErrNotFound
}

func (noStore) ReaderAt(context.Context, ocispec.Descriptor) (content.ReaderAt, error) {
	return nil, errdefs.ErrNotFound
}

func (noStore) Writer(context.Context, ...content.WriterOpt) (content.Writer, error) {
	return nil, errdefs.ErrNotImplemented
}

func (noStore) Update(context.Context, content.Info, ...string) (content.Info, error) {
	return content.Info{}, errdefs.ErrNotImplemented
}
func (noStore) Walk(context.Context, content.WalkFunc, ...string) error { return nil }
func (noStore) Delete(context.Context, digest.Digest) error             { return errdefs.ErrNotImplemented }
func (noStore) Status(context.Context, string) (content.Status, error) {
	return content.Status{}, errdefs.ErrNotFound
}
func (noStore) ListStatuses(context.Context, ...string) ([]content.Status, error) { return nil, nil }
func (noStore) Abort(context.Context, string) error                               { return nil }
