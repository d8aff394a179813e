package images_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	clease "github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/compression"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd/images"
	"github.com/slipway-run/slipway/internal/registry"
)

// upstream is a registry that can be told to misbehave.
type upstream struct {
	*httptest.Server
	reg      *registry.Registry
	requests atomic.Int64
	sent     atomic.Int64 // bytes of blobs
	mu       sync.Mutex
	fault    func(w http.ResponseWriter, r *http.Request) (handled bool)
}

func newUpstream(t testing.TB) *upstream {
	t.Helper()
	reg, err := registry.Open(registry.Config{Dir: t.TempDir(), Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{reg: reg}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.requests.Add(1)
		u.mu.Lock()
		fault := u.fault
		u.mu.Unlock()
		if fault != nil && fault(w, r) {
			return
		}
		u.next(w, r)
	}))
	t.Cleanup(func() {
		u.Close()
		if err := reg.Close(); err != nil {
			t.Error(err)
		}
	})
	return u
}

// next passes a request on to the registry.
func (u *upstream) next(w http.ResponseWriter, r *http.Request) {
	u.reg.ServeHTTP(counter{w, u, r}, r)
}

func (u *upstream) misbehave(fault func(w http.ResponseWriter, r *http.Request) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.fault = fault
}

// counter counts the bytes of blobs.
type counter struct {
	http.ResponseWriter
	u *upstream
	r *http.Request
}

func (c counter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	if c.r.Method == http.MethodGet && strings.Contains(c.r.URL.Path, "/blobs/") {
		c.u.sent.Add(int64(n))
	}
	return n, err
}

func (u *upstream) host() string { return strings.TrimPrefix(u.URL, "http://") }

func (u *upstream) request(digest string) engine.PullRequest {
	return engine.PullRequest{
		Host: "registry.example", Repository: "team/app", Digest: digest,
		Endpoints: []engine.Endpoint{{URL: u.URL + "/v2"}},
	}
}

func (u *upstream) push(t testing.TB, img v1.Image) engine.PullRequest {
	t.Helper()
	ref, err := name.ParseReference(u.host() + "/team/app:latest")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	return u.request(digestOf(t, img))
}

func (u *upstream) pushIndex(t testing.TB, index v1.ImageIndex) engine.PullRequest {
	t.Helper()
	ref, err := name.ParseReference(u.host() + "/team/app:latest")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
	return u.request(digestOf(t, index))
}

func digestOf(t testing.TB, o interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	d, err := o.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// archive makes a layer with one file of random bytes.
func archive(t testing.TB, file string, size int) []byte {
	t.Helper()
	data := make([]byte, size)
	_, _ = rand.Read(data)
	return archiveOf(t, file, data)
}

func archiveOf(t testing.TB, file string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: file, Mode: 0o755, Size: int64(len(data)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, tarball []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(tarball)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func layer(t testing.TB, file string, size int) v1.Layer {
	t.Helper()
	data := gzipped(t, archive(t, file, size))
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func zstdLayer(t testing.TB, file string, size int) v1.Layer {
	t.Helper()
	data := archive(t, file, size)
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		tarball.WithMediaType(types.OCILayerZStd), tarball.WithCompression(compression.ZStd))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// build makes an OCI image for an architecture.
func build(t testing.TB, arch string, layers ...v1.Layer) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.AppendLayers(img, layers...)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", arch
	cfg.Config.Entrypoint, cfg.Config.Cmd = []string{"/app"}, []string{"serve"}
	cfg.Config.Env = []string{"PATH=/bin"}
	cfg.Config.ExposedPorts = map[string]struct{}{"9000/tcp": {}, "8080": {}, "53/udp": {}}
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		t.Fatal(err)
	}
	return img
}

func pull(t testing.TB, s *images.Store, req engine.PullRequest) engine.Image {
	t.Helper()
	img, err := s.Pull(t.Context(), req)
	if err != nil {
		t.Fatalf("pull: %v", err)
	}
	return img
}

func unpacked(t testing.TB, client *containerd.Client, name string) bool {
	t.Helper()
	ctx := namespaces.WithNamespace(t.Context(), images.Namespace)
	img, err := client.GetImage(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	ok, err := img.IsUnpacked(ctx, images.Snapshotter)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func leases(t testing.TB, client *containerd.Client) int {
	t.Helper()
	found, err := client.LeasesService().List(namespaces.WithNamespace(t.Context(), images.Namespace))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestPull_EveryKindOfImage(t *testing.T) {
	client := start(t)
	s := images.New(client, quiet())
	here := runtime.GOARCH
	docker := mutate.ConfigMediaType(mutate.MediaType(build(t, here, layer(t, "d", 3000)), types.DockerManifestSchema2), types.DockerConfigJSON)
	tests := map[string]func(u *upstream) engine.PullRequest{
		"an OCI image": func(u *upstream) engine.PullRequest {
			return u.push(t, build(t, here, layer(t, "a", 3000), layer(t, "b", 10)))
		},
		"a Docker image": func(u *upstream) engine.PullRequest { return u.push(t, docker) },
		"zstd layers":    func(u *upstream) engine.PullRequest { return u.push(t, build(t, here, zstdLayer(t, "z", 3000))) },
		"the same layer twice": func(u *upstream) engine.PullRequest {
			l := layer(t, "same", 100)
			return u.push(t, build(t, here, l, l))
		},
		"an index with an attestation": func(u *upstream) engine.PullRequest {
			return u.pushIndex(t, index(t, types.OCIImageIndex, here))
		},
		"a Docker manifest list": func(u *upstream) engine.PullRequest {
			return u.pushIndex(t, index(t, types.DockerManifestList, here))
		},
	}
	for reason, make := range tests {
		t.Run(reason, func(t *testing.T) {
			u := newUpstream(t)
			req := make(u)
			got := pull(t, s, req)
			if want := "registry.example/team/app@" + req.Digest; got.Name != want {
				t.Errorf("name %q, want %q", got.Name, want)
			}
			want := engine.Image{
				Name: got.Name, Digest: got.Digest, Size: got.Size,
				Entrypoint: []string{"/app"}, Command: []string{"serve"}, Env: []string{"PATH=/bin"}, ExposedPorts: []int{8080, 9000},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if !unpacked(t, client, got.Name) {
				t.Error("the image is not unpacked")
			}
			if n := leases(t, client); n != 0 {
				t.Errorf("%d leases left", n)
			}
		})
	}
}

func index(t testing.TB, mt types.MediaType, here string) v1.ImageIndex {
	t.Helper()
	other := "s390x"
	add := func(arch string) mutate.IndexAddendum {
		return mutate.IndexAddendum{Add: build(t, arch, layer(t, arch, 100)),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}}
	}
	unknown := add(other)
	unknown.Descriptor.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
	return mutate.AppendManifests(mutate.IndexMediaType(empty.Index, mt), unknown, add(other), add(here))
}

func TestPull_OfAPresentImageAsksNobody(t *testing.T) {
	client := start(t)
	s := images.New(client, quiet())
	u := newUpstream(t)
	req := u.push(t, build(t, runtime.GOARCH, layer(t, "a", 1000)))
	first := pull(t, s, req)
	u.Close()

	req.Endpoints = []engine.Endpoint{{URL: "http://127.0.0.1:1/v2"}}
	began := time.Now()
	const rounds = 50
	for range rounds {
		if diff := cmp.Diff(first, pull(t, s, req)); diff != "" {
			t.Fatal(diff)
		}
	}
	t.Logf("a pull of a present image takes %s", time.Since(began)/rounds)
}

func TestPull_FetchesOnlyWhatIsMissing(t *testing.T) {
	client := start(t)
	s := images.New(client, quiet())
	u := newUpstream(t)
	base := layer(t, "base", 500_000)
	pull(t, s, u.push(t, build(t, runtime.GOARCH, base)))
	u.sent.Store(0)
	pull(t, s, u.push(t, build(t, runtime.GOARCH, base, layer(t, "top", 1000))))
	if sent := u.sent.Load(); sent > 100_000 {
		t.Errorf("%d bytes were sent for a layer of 1000", sent)
	}
}

// cut drops the connection of a blob's answer after n bytes, the given number of times.
func (u *upstream) cut(n int64, times int) func(w http.ResponseWriter, r *http.Request) bool {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		if times == 0 {
			return false
		}
		times--
		return u.cutAfter(w, r, n)
	}
}

func (u *upstream) cutAfter(w http.ResponseWriter, r *http.Request, n int64) bool {
	u.next(&cutWriter{ResponseWriter: w, left: n}, r)
	return true
}

// cutWriter aborts the connection after so many bytes.
type cutWriter struct {
	http.ResponseWriter
	left int64
}

func (c *cutWriter) Write(p []byte) (int, error) {
	if int64(len(p)) >= c.left {
		_, _ = c.ResponseWriter.Write(p[:c.left])
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= int64(len(p))
	return c.ResponseWriter.Write(p)
}

func TestPull_GoesOnAfterACutConnection(t *testing.T) {
	client := start(t)
	s := images.New(client, quiet())
	u := newUpstream(t)
	const size = 3_000_000
	req := u.push(t, build(t, runtime.GOARCH, layer(t, "big", size)))
	u.misbehave(u.cut(size/2, 1))
	pull(t, s, req)
	if sent := u.sent.Load(); sent > size+size/8 {
		t.Errorf("%d bytes were sent for a layer of %d", sent, size)
	}
}

func TestPull_GoesOnWhereAnEarlierOneGaveUp(t *testing.T) {
	client := start(t)
	u := newUpstream(t)
	const size = 3_000_000
	req := u.push(t, build(t, runtime.GOARCH, layer(t, "big", size)))
	u.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		if r.Header.Get("Range") != "" {
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		return u.cutAfter(w, r, size/2)
	})
	_, err := images.New(client, quiet(), images.WithPatience(300*time.Millisecond)).Pull(t.Context(), req)
	if !engine.Is(err, engine.Unavailable) {
		t.Fatalf("got %v, want Unavailable", err)
	}
	collect(t, client)
	u.misbehave(nil)
	before := u.sent.Load()
	pull(t, images.New(client, quiet()), req)
	if sent := u.sent.Load() - before; sent > size*5/8 {
		t.Errorf("%d bytes were sent for the second half of a layer of %d", sent, size)
	}
	if n := leases(t, client); n != 0 {
		t.Errorf("%d leases left", n)
	}
}

func TestPull_TriesPassingFaultsAgain(t *testing.T) {
	client := start(t)
	s := images.New(client, quiet())
	for _, status := range []int{429, 500, 503} {
		u := newUpstream(t)
		req := u.push(t, build(t, runtime.GOARCH, layer(t, "a", 100)))
		var failed atomic.Int64
		u.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
			if failed.Add(1)%2 == 0 {
				return false
			}
			w.WriteHeader(status)
			return true
		})
		pull(t, s, req)
		if failed.Load() < 4 {
			t.Errorf("%d: only %d requests came", status, failed.Load())
		}
	}
}

func TestPull_WaitsAsLongAsTheRegistrySays(t *testing.T) {
	client := start(t)
	s := images.New(client, quiet())
	u := newUpstream(t)
	req := u.push(t, build(t, runtime.GOARCH, layer(t, "a", 100)))
	var refused atomic.Bool
	u.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if refused.Swap(true) {
			return false
		}
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	began := time.Now()
	pull(t, s, req)
	if took := time.Since(began); took < time.Second {
		t.Errorf("it asked again after %s", took)
	}
}

func TestPull_UsesTheNextServer(t *testing.T) {
	client := start(t)
	u, mirror := newUpstream(t), newUpstream(t)
	tests := []struct {
		reason string
		fault  func(w http.ResponseWriter, r *http.Request) bool
	}{
		{"the mirror does not have it", func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(404); return true }},
		{"the mirror is down", func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true }},
		{"the mirror sends something else", func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = io.WriteString(w, `{"schemaVersion":2}`)
			return true
		}},
	}
	for _, tt := range tests {
		req := u.push(t, build(t, runtime.GOARCH, layer(t, "a", 100)))
		mirror.misbehave(tt.fault)
		req.Endpoints = slices.Insert(req.Endpoints, 0, engine.Endpoint{URL: mirror.URL + "/v2"})
		if _, err := images.New(client, quiet()).Pull(t.Context(), req); err != nil {
			t.Errorf("%s: %v", tt.reason, err)
		}
	}
}

func TestPull_SaysWhyItFails(t *testing.T) {
	client := start(t)
	tests := []struct {
		reason string
		make   func(u *upstream) engine.PullRequest
		code   engine.Code
		want   []string
	}{
		{"a digest that the registry does not have", func(u *upstream) engine.PullRequest {
			return u.request("sha256:" + strings.Repeat("0", 64))
		}, engine.ImageNotFound, []string{"registry.example/team/app@sha256:000", "does not have it", "404"}},
		{"a registry that wants credentials", func(u *upstream) engine.PullRequest {
			req := u.push(t, build(t, runtime.GOARCH, layer(t, "a", 100)))
			u.misbehave(func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
				w.WriteHeader(401)
				return true
			})
			return req
		}, engine.AccessDenied, []string{"slipway registry login registry.example"}},
		{"a registry that forbids", func(u *upstream) engine.PullRequest {
			u.misbehave(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(403); return true })
			return u.request("sha256:" + strings.Repeat("0", 64))
		}, engine.AccessDenied, []string{"403", "slipway registry login registry.example"}},
		{"a registry that is down", func(u *upstream) engine.PullRequest {
			u.misbehave(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true })
			return u.request("sha256:" + strings.Repeat("0", 64))
		}, engine.Unavailable, []string{`registry "registry.example" does not answer`, "503"}},
		{"nobody at the address", func(u *upstream) engine.PullRequest {
			req := u.request("sha256:" + strings.Repeat("0", 64))
			req.Endpoints[0].URL = "http://127.0.0.1:1/v2"
			return req
		}, engine.Unavailable, []string{"connection refused"}},
		{"an image for another machine", func(u *upstream) engine.PullRequest {
			return u.push(t, build(t, "s390x", layer(t, "a", 100)))
		}, engine.WrongArchitecture, []string{"linux/s390x only", "this machine is linux/" + runtime.GOARCH, "docker build --platform linux/" + runtime.GOARCH}},
		{"an index for other machines", func(u *upstream) engine.PullRequest {
			return u.pushIndex(t, index(t, types.OCIImageIndex, "ppc64le"))
		}, engine.WrongArchitecture, []string{"linux/s390x, linux/ppc64le only"}},
		{"a layer that is no archive", func(u *upstream) engine.PullRequest {
			return u.push(t, build(t, runtime.GOARCH, badLayer{layer(t, "a", 100), []byte("no archive at all")}))
		}, engine.BadImage, []string{"extract layer"}},
		{"a blob that is always damaged", func(u *upstream) engine.PullRequest {
			req := u.push(t, build(t, runtime.GOARCH, layer(t, "a", 5000)))
			u.misbehave(u.damage(-1))
			return req
		}, engine.BadImage, []string{"damaged"}},
		{"a digest that is none", func(u *upstream) engine.PullRequest { return u.request("latest") },
			engine.BadImage, []string{`digest "latest"`}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			u := newUpstream(t)
			req := tt.make(u)
			_, err := images.New(client, quiet(), images.WithPatience(200*time.Millisecond)).Pull(t.Context(), req)
			if !engine.Is(err, tt.code) {
				t.Fatalf("got %v, want code %s", err, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("message %q does not say %q", err, want)
				}
			}
		})
	}
}

// damage flips a byte of layers' answers, the given number of times; -1 for always.
func (u *upstream) damage(times int64) func(w http.ResponseWriter, r *http.Request) bool {
	var done atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		rec := httptest.NewRecorder()
		u.next(rec, r)
		body := rec.Body.Bytes()
		if len(body) > 4000 && (times < 0 || done.Add(1) <= times) {
			body[2000] ^= 1
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
		return true
	}
}

func TestPull_FetchesADamagedLayerAgain(t *testing.T) {
	client := start(t)
	u := newUpstream(t)
	req := u.push(t, build(t, runtime.GOARCH, layer(t, "a", 5000)))
	u.misbehave(u.damage(1))
	img := pull(t, images.New(client, quiet()), req)
	if !unpacked(t, client, img.Name) {
		t.Error("the image is not unpacked")
	}
}

// badLayer says it is a layer, and is none.
type badLayer struct {
	v1.Layer
	data []byte
}

func (l badLayer) Digest() (v1.Hash, error) {
	h, _, err := v1.SHA256(bytes.NewReader(l.data))
	return h, err
}
func (l badLayer) Size() (int64, error) { return int64(len(l.data)), nil }
func (l badLayer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.data)), nil
}

func TestPull_SendsCredentialsToTheServerTheyAreFor(t *testing.T) {
	client := start(t)
	u, mirror := newUpstream(t), newUpstream(t)
	req := u.push(t, build(t, runtime.GOARCH, layer(t, "a", 100)))
	u.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, _ := r.BasicAuth(); user == "me" && password == "secret" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(401)
		return true
	})
	mirror.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "" {
			t.Error("the mirror was sent the registry's credentials")
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(401)
		return true
	})
	req.Endpoints[0].Username, req.Endpoints[0].Password = "me", "secret"
	req.Endpoints = slices.Insert(req.Endpoints, 0, engine.Endpoint{URL: mirror.URL + "/v2"})
	pull(t, images.New(client, quiet()), req)
}

func TestPull_ReportsProgress(t *testing.T) {
	client := start(t)
	u := newUpstream(t)
	req := u.push(t, build(t, runtime.GOARCH, layer(t, "a", 500_000), layer(t, "b", 1000)))
	var got []engine.Progress
	req.Progress = func(p engine.Progress) { got = append(got, p) }
	pull(t, images.New(client, quiet()), req)
	if len(got) == 0 {
		t.Fatal("no progress was reported")
	}
	last := got[len(got)-1]
	if last.Layers != 2 || last.LayersDone != 2 || last.Bytes < 501_000 || last.BytesDone != last.Bytes {
		t.Errorf("in the end %+v", last)
	}
}

func TestPull_OfOneImageByMany(t *testing.T) {
	client := start(t)
	s := images.New(client, quiet())
	u := newUpstream(t)
	const size = 500_000
	req := u.push(t, build(t, runtime.GOARCH, layer(t, "a", size)))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s.Pull(t.Context(), req); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if sent := u.sent.Load(); sent > size+size/4 {
		t.Errorf("%d bytes were sent for one layer of %d", sent, size)
	}
}

func TestPull_EndsWithItsContext(t *testing.T) {
	client := start(t)
	u := newUpstream(t)
	req := u.push(t, build(t, runtime.GOARCH, layer(t, "a", 500_000)))
	ctx, cancel := context.WithCancel(t.Context())
	u.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		cancel()
		<-r.Context().Done()
		return true
	})
	began := time.Now()
	_, err := images.New(client, quiet()).Pull(ctx, req)
	if err == nil || ctx.Err() == nil {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestKeepImages_DeletesTheOthers(t *testing.T) {
	client := start(t)
	s := images.New(client, quiet())
	u := newUpstream(t)
	var names []string
	for i := range 3 {
		names = append(names, pull(t, s, u.push(t, build(t, runtime.GOARCH, layer(t, fmt.Sprint(i), 1000)))).Name)
	}
	if err := s.KeepImages(t.Context(), names[1:2]); err != nil {
		t.Fatal(err)
	}
	ctx := namespaces.WithNamespace(t.Context(), images.Namespace)
	left, err := client.ListImages(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || left[0].Name() != names[1] || !unpacked(t, client, names[1]) {
		t.Errorf("left: %v", left)
	}
	count := 0
	err = client.SnapshotService(images.Snapshotter).Walk(ctx, func(context.Context, snapshots.Info) error { count++; return nil })
	if err != nil || count != 1 {
		t.Errorf("%d snapshots left, %v", count, err)
	}
}

// collect has containerd delete what nothing holds, now.
func collect(t testing.TB, client *containerd.Client) {
	t.Helper()
	ctx := namespaces.WithNamespace(t.Context(), images.Namespace)
	ls := client.LeasesService()
	l, err := ls.Create(ctx, clease.WithRandomID())
	if err == nil {
		err = ls.Delete(ctx, l, clease.SynchronousDelete)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestPull_GoesOnAfterTheEngineWasKilled(t *testing.T) {
	bin, dir := engineDir(t), newDir(t)
	client, kill := startIn(t, bin, dir)
	u := newUpstream(t)
	const size = 8_000_000
	req := u.push(t, build(t, runtime.GOARCH, layer(t, "big", size)))
	var once sync.Once
	u.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		u.next(&pausing{ResponseWriter: w, at: size / 2, pause: func() { once.Do(kill) }}, r)
		return true
	})
	_, err := images.New(client, quiet()).Pull(t.Context(), req)
	if _, coded := errors.AsType[*engine.Error](err); err == nil || coded {
		t.Fatalf("got %v, want a fault of the engine, which may be tried again", err)
	}
	u.misbehave(nil)
	again, _ := startIn(t, bin, dir)
	collect(t, again)
	before := u.sent.Load()
	img := pull(t, images.New(again, quiet()), req)
	if sent := u.sent.Load() - before; sent > size*6/8 {
		t.Errorf("%d bytes were sent for the rest of a layer of %d", sent, size)
	}
	if !unpacked(t, again, img.Name) || leases(t, again) != 0 {
		t.Errorf("unpacked %t, %d leases", unpacked(t, again, img.Name), leases(t, again))
	}
}

// pausing calls pause once so many bytes have been sent and the engine has had time to store most.
type pausing struct {
	http.ResponseWriter
	at    int64
	pause func()
}

func (p *pausing) Write(data []byte) (int, error) {
	n, err := p.ResponseWriter.Write(data)
	if p.at -= int64(n); p.at <= 0 {
		_ = http.NewResponseController(p.ResponseWriter).Flush()
		time.Sleep(200 * time.Millisecond)
		p.pause()
	}
	return n, err
}

// smallDisk mounts a disk of 24 MB below dir.
func smallDisk(t testing.TB, dir string) string {
	t.Helper()
	small, err := os.MkdirTemp(dir, "d")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=24m"); err != nil {
		unable(t, "mount tmpfs: %v", err)
	}
	return small
}

func TestPull_SaysThatTheDiskIsFull(t *testing.T) {
	bin, dir := engineDir(t), newDir(t)
	client, _ := startIn(t, bin, smallDisk(t, dir))
	u := newUpstream(t)
	_, err := images.New(client, quiet()).Pull(t.Context(), u.push(t, build(t, runtime.GOARCH, layer(t, "big", 26_000_000))))
	if !engine.Is(err, engine.DiskFull) {
		t.Errorf("downloading: got %v, want DiskFull", err)
	}
	// It fits compressed, but not unpacked.
	zeros := gzipped(t, archiveOf(t, "zeros", make([]byte, 30_000_000)))
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(zeros)), nil })
	if err != nil {
		t.Fatal(err)
	}
	client2, _ := startIn(t, bin, smallDisk(t, dir))
	_, err = images.New(client2, quiet()).Pull(t.Context(), u.push(t, build(t, runtime.GOARCH, l)))
	if !engine.Is(err, engine.DiskFull) {
		t.Errorf("unpacking: got %v, want DiskFull", err)
	}
}

func TestPull_FollowsRedirectsWithoutTheCredentials(t *testing.T) {
	client := start(t)
	u, storage := newUpstream(t), newUpstream(t)
	req := u.push(t, build(t, runtime.GOARCH, layer(t, "a", 2_000_000)))
	storage.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "" {
			t.Error("the storage was sent the registry's credentials")
		}
		u.next(w, r)
		return true
	})
	// Another name of the same address, as credentials go with a host's name, not with its port.
	elsewhere := strings.Replace(storage.URL, "127.0.0.1", "localhost", 1)
	u.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if user, _, _ := r.BasicAuth(); user != "me" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(401)
			return true
		}
		if strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, elsewhere+r.URL.Path, http.StatusTemporaryRedirect)
			return true
		}
		return false
	})
	req.Endpoints[0].Username, req.Endpoints[0].Password = "me", "secret"
	pull(t, images.New(client, quiet()), req)
}

func TestPull_GetsAToken(t *testing.T) {
	client := start(t)
	u := newUpstream(t)
	req := u.push(t, build(t, runtime.GOARCH, layer(t, "a", 1000)))
	var scope atomic.Value
	u.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/token":
			if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
				w.WriteHeader(401)
				return true
			}
			scope.Store(r.URL.Query().Get("scope"))
			_, _ = io.WriteString(w, `{"token":"abc","expires_in":300}`)
			return true
		case r.Header.Get("Authorization") == "Bearer abc":
			return false
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="x"`, u.URL))
		w.WriteHeader(401)
		return true
	})
	req.Endpoints[0].Username, req.Endpoints[0].Password = "me", "wrong"
	s := images.New(client, quiet())
	if _, err := s.Pull(t.Context(), req); !engine.Is(err, engine.AccessDenied) {
		t.Errorf("a wrong password: %v", err)
	}
	req.Endpoints[0].Password = "secret"
	pull(t, s, req)
	if got := scope.Load(); got != "repository:team/app:pull" {
		t.Errorf("scope %q", got)
	}
}
