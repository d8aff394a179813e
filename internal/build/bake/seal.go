package bake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// The files of a finished layer.
const (
	sealed     = "layer.tar.zst"
	sealedInfo = "layer.json"
)

// info is what is remembered of a layer.
type info struct {
	Digest, DiffID string // of the compressed and of the plain archive, in hexadecimal
	Size           int64  // of the compressed one
}

// seal packs the files of a layer in dir.
func seal(dir string, since time.Time) (size int64, err error) {
	f, err := os.Create(filepath.Join(dir, sealed))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	digest, diff := sha256.New(), sha256.New()
	count := &counter{}
	compressed, err := zstd.NewWriter(io.MultiWriter(f, digest, count), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return 0, err
	}
	if err := pack(io.MultiWriter(compressed, diff), filepath.Join(dir, "files"), since); err != nil {
		return 0, err
	}
	if err := errors.Join(compressed.Close(), f.Sync()); err != nil {
		return 0, err
	}
	text, err := json.Marshal(info{hexadecimal(digest), hexadecimal(diff), count.n})
	if err != nil {
		return 0, err
	}
	return count.n, os.WriteFile(filepath.Join(dir, sealedInfo), text, 0o600)
}

func hexadecimal(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// sealedLayer is a finished layer as part of an image.
type sealedLayer struct {
	dir string
	info
}

var _ v1.Layer = sealedLayer{}

// openLayer finds a finished layer.
func openLayer(dir string) (sealedLayer, error) {
	l := sealedLayer{dir: dir}
	text, err := os.ReadFile(filepath.Join(dir, sealedInfo))
	if err != nil {
		return l, err
	}
	return l, json.Unmarshal(text, &l.info)
}

// Digest implements v1.Layer.
func (l sealedLayer) Digest() (v1.Hash, error) {
	return v1.Hash{Algorithm: "sha256", Hex: l.info.Digest}, nil
}

// DiffID implements v1.Layer.
func (l sealedLayer) DiffID() (v1.Hash, error) {
	return v1.Hash{Algorithm: "sha256", Hex: l.info.DiffID}, nil
}

// Compressed implements v1.Layer.
func (l sealedLayer) Compressed() (io.ReadCloser, error) {
	return os.Open(filepath.Join(l.dir, sealed))
}

// Uncompressed implements v1.Layer.
func (l sealedLayer) Uncompressed() (io.ReadCloser, error) {
	f, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	plain, err := zstd.NewReader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{plain, closers{plain.IOReadCloser(), f}}, nil
}

type closers []io.Closer

func (c closers) Close() (err error) {
	for _, one := range c {
		err = errors.Join(err, one.Close())
	}
	return err
}

// Size implements v1.Layer.
func (l sealedLayer) Size() (int64, error) { return l.info.Size, nil }

// MediaType implements v1.Layer.
func (l sealedLayer) MediaType() (types.MediaType, error) { return types.OCILayerZStd, nil }
