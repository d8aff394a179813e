package buildkit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// small is below what manifests and configurations have, in bytes. They are kept until the end, when it
// is known what each is.
const small = 4 << 20

// outbox takes the finished image from BuildKit and passes it on to the registry. Layers that the
// registry has are not even sent here.
type outbox struct {
	noStore
	ctx    context.Context
	target name.Repository
	tag    string
	remote []remote.Option
	bases  *bases

	mu   sync.Mutex
	kept map[digest.Digest][]byte

	faults
}

func newOutbox(ctx context.Context, p Push, b *bases) (*outbox, error) {
	var options []name.Option
	if p.Insecure {
		options = append(options, name.Insecure)
	}
	target, err := name.NewRepository(p.Repository, options...)
	if err != nil {
		return nil, fmt.Errorf("push to %s: %w", p.Repository, err)
	}
	auth := authn.Anonymous
	if p.User != "" {
		auth = &authn.Basic{Username: p.User, Password: p.Password}
	}
	return &outbox{
		ctx: ctx, target: target, tag: p.Tag, bases: b, kept: map[digest.Digest][]byte{},
		remote: []remote.Option{remote.WithContext(ctx), remote.WithAuth(auth)},
	}, nil
}

// Info implements content.Store: it knows what was kept.
func (o *outbox) Info(_ context.Context, d digest.Digest) (content.Info, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if data, ok := o.kept[d]; ok {
		return content.Info{Digest: d, Size: int64(len(data))}, nil
	}
	return content.Info{}, fmt.Errorf("%s: %w", d, errdefs.ErrNotFound)
}

// Writer implements content.Store.
func (o *outbox) Writer(_ context.Context, opts ...content.WriterOpt) (content.Writer, error) {
	var w content.WriterOpts
	for _, opt := range opts {
		if err := opt(&w); err != nil {
			return nil, err
		}
	}
	if w.Desc.Size <= small {
		return &keeper{outbox: o, desc: w.Desc}, nil
	}
	has, err := o.has(w.Desc)
	if err != nil {
		return nil, o.note(err)
	}
	if has {
		return nil, fmt.Errorf("%s: %w", w.Desc.Digest, errdefs.ErrAlreadyExists)
	}
	return o.upload(w.Desc), nil
}

// has tells whether the repository has a layer, also after it was given one that the same registry has
// in the repository of a base image.
func (o *outbox) has(desc ocispec.Descriptor) (bool, error) {
	layer, err := remote.Layer(o.target.Digest(desc.Digest.String()), o.remote...)
	if err != nil {
		return false, fmt.Errorf("look for %s in the registry: %w", desc.Digest, err)
	}
	if there, err := partial.Exists(layer); err == nil && there {
		return true, nil
	}
	given := o.bases.layer(desc.Digest)
	mountable, ok := given.(*remote.MountableLayer)
	if !ok || mountable.Reference.Context().RegistryStr() != o.target.RegistryStr() {
		return false, nil
	}
	if err := remote.WriteLayer(o.target, mountable, o.remote...); err != nil {
		return false, fmt.Errorf("push %s: %w", desc.Digest, err)
	}
	return true, nil
}

// layer returns the layer of a base image, nil when none of them has it.
func (b *bases) layer(d digest.Digest) v1.Layer {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found := b.blobs[d]; found != nil {
		return found.layer
	}
	return nil
}

// finish stores the manifest, after everything that it names, and returns what it says.
func (o *outbox) finish(d digest.Digest) (Result, error) {
	manifest, ok := o.take(d)
	if !ok {
		return Result{}, fmt.Errorf("BuildKit did not send the manifest %s", d)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(manifest, &m); err != nil || m.Config.Digest == "" {
		return Result{}, errors.Join(fmt.Errorf("BuildKit sent a manifest that is none: %s", d), err)
	}
	for _, part := range append(m.Layers, m.Config) {
		data, ok := o.take(part.Digest)
		if !ok {
			continue // it was large, and is there
		}
		if err := remote.WriteLayer(o.target, static.NewLayer(data, types.MediaType(part.MediaType)), o.remote...); err != nil {
			return Result{}, fmt.Errorf("push %s: %w", part.Digest, err)
		}
	}
	if err := remote.Put(o.name(d), raw{manifest, types.MediaType(m.MediaType)}, o.remote...); err != nil {
		return Result{}, fmt.Errorf("push %s: %w", o.name(d), err)
	}
	config, _ := o.take(m.Config.Digest)
	return result(d, m, config)
}

// name is what the image is pushed as.
func (o *outbox) name(d digest.Digest) name.Reference {
	if o.tag == "" {
		return o.target.Digest(d.String())
	}
	return o.target.Tag(o.tag)
}

func (o *outbox) take(d digest.Digest) ([]byte, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	data, ok := o.kept[d]
	return data, ok
}

func result(d digest.Digest, m ocispec.Manifest, config []byte) (Result, error) {
	var c ocispec.Image
	if err := json.Unmarshal(config, &c); err != nil {
		return Result{}, fmt.Errorf("read the configuration of the image: %w", err)
	}
	r := Result{Digest: d.String(), Command: c.Config.Cmd, Entrypoint: c.Config.Entrypoint, Ports: ports(c.Config.ExposedPorts)}
	for _, layer := range m.Layers {
		r.Size += layer.Size
	}
	return r, nil
}

// raw is a manifest as it is.
type raw struct {
	data []byte
	kind types.MediaType
}

func (r raw) RawManifest() ([]byte, error)        { return r.data, nil }
func (r raw) MediaType() (types.MediaType, error) { return r.kind, nil }

// progress is what every writer must tell of itself.
type progress struct {
	desc  ocispec.Descriptor
	at    int64
	begin time.Time
}

func (p *progress) Status() (content.Status, error) {
	return content.Status{Ref: p.desc.Digest.String(), Offset: p.at, Total: p.desc.Size, Expected: p.desc.Digest, StartedAt: p.begin, UpdatedAt: time.Now()}, nil
}
func (p *progress) Digest() digest.Digest { return p.desc.Digest }

func (p *progress) Truncate(size int64) error {
	if size != p.at {
		return fmt.Errorf("go back to byte %d of %s: %w", size, p.desc.Digest, errdefs.ErrNotImplemented)
	}
	return nil
}

// keeper keeps something small.
type keeper struct {
	outbox *outbox
	desc   ocispec.Descriptor
	data   bytes.Buffer
}

func (k *keeper) Write(p []byte) (int, error) {
	if k.data.Len()+len(p) > small {
		return 0, fmt.Errorf("%s is larger than announced: %w", k.desc.Digest, errdefs.ErrInvalidArgument)
	}
	return k.data.Write(p)
}
func (k *keeper) Close() error              { return nil }
func (k *keeper) Digest() digest.Digest     { return k.desc.Digest }
func (k *keeper) Truncate(size int64) error { k.data.Truncate(int(size)); return nil }
func (k *keeper) Status() (content.Status, error) {
	p := progress{desc: k.desc, at: int64(k.data.Len())}
	return p.Status()
}

func (k *keeper) Commit(_ context.Context, _ int64, expected digest.Digest, _ ...content.Opt) error {
	data := k.data.Bytes()
	if expected != "" && digest.FromBytes(data) != expected {
		return fmt.Errorf("%s arrived damaged: %w", expected, errdefs.ErrFailedPrecondition)
	}
	k.outbox.mu.Lock()
	defer k.outbox.mu.Unlock()
	k.outbox.kept[digest.FromBytes(data)] = data
	return nil
}

// upload passes a layer on while it arrives.
func (o *outbox) upload(desc ocispec.Descriptor) *uploader {
	r, w := io.Pipe()
	u := &uploader{faults: &o.faults, progress: progress{desc: desc, begin: time.Now()}, pipe: w, done: make(chan error, 1)}
	once := remote.WithRetryBackoff(remote.Backoff{Steps: 1}) // what has passed cannot be sent again
	go func() {                                               // ends with the pipe or with ctx
		err := remote.WriteLayer(o.target, passing{desc, r}, append(o.remote, once)...)
		_ = r.CloseWithError(errPassed)
		u.done <- err
	}()
	return u
}

// errPassed says that the registry wants no more of a layer.
var errPassed = errors.New("the registry has it")

type uploader struct {
	*faults
	progress
	pipe *io.PipeWriter
	done chan error
	over bool
}

func (u *uploader) Write(p []byte) (int, error) {
	n, err := u.pipe.Write(p)
	if errors.Is(err, errPassed) { // Commit tells how it went
		n, err = len(p), nil
	}
	u.at += int64(n)
	return n, err
}

func (u *uploader) Commit(context.Context, int64, digest.Digest, ...content.Opt) error {
	u.over = true
	_ = u.pipe.Close()
	if err := <-u.done; err != nil {
		return u.note(fmt.Errorf("push %s: %w", u.desc.Digest, err))
	}
	return nil
}

func (u *uploader) Close() error {
	if !u.over {
		u.over = true
		_ = u.pipe.CloseWithError(context.Canceled)
		<-u.done
	}
	return nil
}

// passing is a layer that can be read once.
type passing struct {
	desc ocispec.Descriptor
	r    io.ReadCloser
}

func (p passing) Digest() (v1.Hash, error)             { return v1.NewHash(p.desc.Digest.String()) }
func (p passing) DiffID() (v1.Hash, error)             { return v1.Hash{}, errors.ErrUnsupported }
func (p passing) Compressed() (io.ReadCloser, error)   { return p.r, nil }
func (p passing) Uncompressed() (io.ReadCloser, error) { return nil, errors.ErrUnsupported }
func (p passing) Size() (int64, error)                 { return p.desc.Size, nil }
func (p passing) MediaType() (types.MediaType, error)  { return types.OCILayer, nil }

// ports reads "8080/tcp" and the like.
func ports(exposed map[string]struct{}) []int {
	var out []int
	for text := range exposed {
		number, proto, _ := strings.Cut(text, "/")
		if n, err := strconv.Atoi(number); err == nil && (proto == "" || proto == "tcp") {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// faults remembers what went wrong here while BuildKit asked for something: it is told again by BuildKit
// as if the build had failed.
type faults struct {
	lock  sync.Mutex
	first error
}

func (f *faults) note(err error) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.first == nil {
		f.first = err
	}
	return err
}

func (f *faults) fault() error {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.first
}
