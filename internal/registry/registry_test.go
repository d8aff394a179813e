package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slipway-run/slipway/internal/registry"
)

// server is a registry behind HTTP.
type server struct {
	*registry.Registry
	url, host, dir string
}

func open(t *testing.T, dir string, auth registry.Authenticator) *server {
	t.Helper()
	r, err := registry.Open(registry.Config{Dir: dir, Authenticator: auth, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(r)
	t.Cleanup(func() {
		s.Close()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return &server{r, s.URL, strings.TrimPrefix(s.URL, "http://"), dir}
}

func (s *server) ref(t *testing.T, path string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(s.host + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func (s *server) push(t *testing.T, path string, img v1.Image) string {
	t.Helper()
	if err := remote.Write(s.ref(t, path), img, remote.WithContext(t.Context())); err != nil {
		t.Fatalf("push %s: %v", path, err)
	}
	return digestOf(t, img)
}

func (s *server) pull(t *testing.T, path string) error {
	t.Helper()
	img, err := remote.Image(s.ref(t, path), remote.WithContext(t.Context()))
	if err != nil {
		return err
	}
	return validate.Image(img)
}

func digestOf(t *testing.T, o interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	d, err := o.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

func image(t *testing.T, size int64, layers int64) v1.Image {
	t.Helper()
	img, err := random.Image(size, layers)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestRegistry_PushesAndPullsEveryKindOfImage(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	docker := image(t, 2000, 3)
	oci := mutate.ConfigMediaType(mutate.MediaType(image(t, 2000, 2), types.OCIManifestSchema1), types.OCIConfigJSON)
	for path, img := range map[string]v1.Image{"app:docker": docker, "team/app:oci": oci} {
		s.push(t, path, img)
		if err := s.pull(t, path); err != nil {
			t.Errorf("pull %s: %v", path, err)
		}
		if err := s.pull(t, path[:strings.Index(path, ":")]+"@"+digestOf(t, img)); err != nil {
			t.Errorf("pull %s by digest: %v", path, err)
		}
	}
}

func TestRegistry_PushesAndPullsIndexes(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	for _, mt := range []types.MediaType{types.OCIImageIndex, types.DockerManifestList} {
		index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, mt),
			platform(t, "amd64"), platform(t, "arm64"))
		ref := s.ref(t, "app:multi")
		if err := remote.WriteIndex(ref, index); err != nil {
			t.Fatalf("%s: %v", mt, err)
		}
		got, err := remote.Index(ref)
		if err != nil {
			t.Fatalf("%s: %v", mt, err)
		}
		if err := validate.Index(got); err != nil {
			t.Errorf("%s: %v", mt, err)
		}
		if digestOf(t, got) != digestOf(t, index) {
			t.Errorf("%s: the index changed on its way", mt)
		}
	}
}

// platform makes an image for an architecture, to be put in an index.
func platform(t *testing.T, arch string) mutate.IndexAddendum {
	t.Helper()
	img := image(t, 500, 1)
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", arch
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		t.Fatal(err)
	}
	return mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}}
}

func TestRegistry_ListsTagsAndRepositoriesByHTTP(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	img := image(t, 100, 1)
	s.push(t, "app:v1", img)
	s.push(t, "app:v2", img)
	tags, err := remote.List(s.ref(t, "app").Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"v1", "v2"}, tags); diff != "" {
		t.Error(diff)
	}
}

func TestRegistry_LooksUpInProcess(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	ctx := t.Context()
	img := image(t, 100, 1)
	d := s.push(t, "app:v1", img)
	s.push(t, "app/sidecar:v1", image(t, 100, 1))

	repos, err := s.Repositories(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"app", "app/sidecar"}, repos); diff != "" {
		t.Error(diff)
	}
	tags, err := s.Tags(ctx, "app")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"v1"}, tags); diff != "" {
		t.Error(diff)
	}
	for _, tag := range []string{"v1", d} {
		got, err := s.Resolve(ctx, "app", tag)
		if err != nil || got != d {
			t.Errorf("Resolve(app, %s) = %s, %v; want %s", tag, got, err, d)
		}
	}
}

func TestRegistry_GivesContentInProcess(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	img := image(t, 100, 1)
	d := s.push(t, "app:v1", img)
	manifest, _ := img.RawManifest()
	config, _ := img.RawConfigFile()
	name, _ := img.ConfigName()
	for digest, want := range map[string][]byte{d: manifest, name.String(): config} {
		got, err := s.Content(t.Context(), "app", digest)
		if err != nil || string(got) != string(want) {
			t.Errorf("Content(%s) = %q, %v; want %q", digest, got, err, want)
		}
		if _, err := s.Content(t.Context(), "other", digest); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("of another repository: %v", err)
		}
	}
}

func TestRegistry_SaysWhatIsNotFound(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	s.push(t, "app:v1", image(t, 100, 1))
	tests := []struct{ reason, repo, tag, want string }{
		{"a repository that nobody pushed", "other", "v1", `repository "other"`},
		{"a tag that nobody pushed", "app", "v2", `tag "v2" in repository "app"`},
		{"a digest that nobody pushed", "app", "sha256:" + strings.Repeat("0", 64), "manifest sha256:000"},
		{"a name outside the grammar", "../etc", "v1", `"../etc" is not valid`},
		{"a tag outside the grammar", "app", "../v1", `"../v1" is not valid`},
	}
	for _, tt := range tests {
		_, err := s.Resolve(t.Context(), tt.repo, tt.tag)
		if !errors.Is(err, registry.ErrNotFound) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want ErrNotFound with %q", tt.reason, err, tt.want)
		}
	}
	if _, err := s.Tags(t.Context(), "other"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("Tags of an unknown repository: %v", err)
	}
}

func TestRegistry_DeletesTagsManifestsAndBlobs(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	img := image(t, 100, 1)
	d := s.push(t, "app:v1", img)
	s.push(t, "app:v2", img)

	status := func(method, path string) int {
		req, _ := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
		req.Header.Set("Accept", "*/*, "+string(types.DockerManifestSchema2))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	layers, _ := img.Layers()
	blob := "/v2/app/blobs/" + digestOf(t, layers[0])
	steps := []struct {
		method, path string
		want         int
	}{
		{"DELETE", "/v2/app/manifests/v1", 202},
		{"HEAD", "/v2/app/manifests/v1", 404},
		{"HEAD", "/v2/app/manifests/v2", 200},
		{"DELETE", "/v2/app/manifests/" + d, 202},
		{"HEAD", "/v2/app/manifests/v2", 404},
		{"DELETE", "/v2/app/manifests/" + d, 404},
		{"HEAD", blob, 200},
		{"DELETE", blob, 202},
		{"HEAD", blob, 404},
	}
	for _, step := range steps {
		if got := status(step.method, step.path); got != step.want {
			t.Errorf("%s %s: status %d, want %d", step.method, step.path, got, step.want)
		}
	}
}

func TestRegistry_MountsBlobsOfAnotherRepository(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	img := image(t, 1000, 1)
	s.push(t, "from:v1", img)
	layers, _ := img.Layers()
	d := digestOf(t, layers[0])

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // other tests close the connections of the default one
	res, err := client.Post(s.url+"/v2/to/blobs/uploads/?mount="+d+"&from=from", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusCreated || res.Header.Get("Docker-Content-Digest") != d {
		t.Errorf("mount: status %d, digest %q", res.StatusCode, res.Header.Get("Docker-Content-Digest"))
	}
	res, err = http.Head(s.url + "/v2/to/blobs/" + d)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the mounted blob: status %d", res.StatusCode)
	}
}

// keys lets in one pair of an access key.
type keys struct {
	user, password string
	fail           error
}

func (k keys) Authenticate(_ context.Context, user, password string) (string, error) {
	if k.fail != nil {
		return "", k.fail
	}
	if user != k.user || password != k.password {
		return "", registry.ErrDenied
	}
	return user, nil
}

func TestRegistry_ChecksCredentials(t *testing.T) {
	t.Parallel()
	good := keys{user: "AKIA1", password: "secret"}
	tests := []struct {
		reason         string
		auth           keys
		user, password string
		status         int
		code           string
	}{
		{"no credentials", good, "", "", 401, "UNAUTHORIZED"},
		{"a wrong password", good, "AKIA1", "x", 401, "UNAUTHORIZED"},
		{"the right ones", good, "AKIA1", "secret", 200, ""},
		{"a store that does not answer", keys{fail: errors.New("disk")}, "AKIA1", "secret", 503, "UNAVAILABLE"},
	}
	for _, tt := range tests {
		s := open(t, t.TempDir(), tt.auth)
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+"/v2/", nil)
		if tt.user != "" {
			req.SetBasicAuth(tt.user, tt.password)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d", tt.reason, res.StatusCode, tt.status)
		}
		if got := firstCode(body); got != tt.code {
			t.Errorf("%s: code %q, want %q", tt.reason, got, tt.code)
		}
		if challenge := res.Header.Get("WWW-Authenticate"); (tt.status == 401) != strings.HasPrefix(challenge, "Basic realm=") {
			t.Errorf("%s: challenge %q", tt.reason, challenge)
		}
	}
}

func firstCode(body []byte) string {
	var e struct {
		Errors []struct{ Code, Message string }
	}
	if json.Unmarshal(body, &e) != nil || len(e.Errors) == 0 {
		return ""
	}
	return e.Errors[0].Code
}

func TestRegistry_PushesWithCredentials(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), keys{user: "AKIA1", password: "secret"})
	img := image(t, 100, 1)
	if err := remote.Write(s.ref(t, "app:v1"), img); err == nil {
		t.Error("a push without credentials succeeded")
	}
	err := remote.Write(s.ref(t, "app:v1"), img, remote.WithAuth(&authn.Basic{Username: "AKIA1", Password: "secret"}))
	if err != nil {
		t.Error(err)
	}
}

func TestRegistry_AnswersBadRequestsWithACode(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	s.push(t, "app:v1", image(t, 100, 1))
	missing := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"sha256:` +
		strings.Repeat("1", 64) + `"},"layers":[]}`
	tests := []struct {
		reason, method, path, body string
		status                     int
		code                       string
	}{
		{"capitals in a name", "GET", "/v2/App/manifests/v1", "", 400, "NAME_INVALID"},
		{"capitals in an upload", "POST", "/v2/App/blobs/uploads/", "", 400, "NAME_INVALID"},
		{"capitals in a list", "GET", "/v2/App/tags/list", "", 400, "NAME_INVALID"},
		{"an unknown tag", "GET", "/v2/app/manifests/v9", "", 404, "MANIFEST_UNKNOWN"},
		{"an unknown repository", "GET", "/v2/nope/manifests/v1", "", 404, "MANIFEST_UNKNOWN"},
		{"an unknown repository's tags", "GET", "/v2/nope/tags/list", "", 404, "NAME_UNKNOWN"},
		{"a manifest whose blobs are missing", "PUT", "/v2/app/manifests/v2", missing, 400, "MANIFEST_BLOB_UNKNOWN"},
		{"a manifest that is none", "PUT", "/v2/app/manifests/v2", "{", 400, "MANIFEST_INVALID"},
		{"a manifest that is too large", "PUT", "/v2/app/manifests/v2", strings.Repeat(" ", 4<<20+1), 413, "SIZE_INVALID"},
		{"an upload that nobody began", "GET", "/v2/app/blobs/uploads/00000000-0000-0000-0000-000000000000", "", 404, "BLOB_UPLOAD_UNKNOWN"},
	}
	for _, tt := range tests {
		req, _ := http.NewRequestWithContext(t.Context(), tt.method, s.url+tt.path, strings.NewReader(tt.body))
		req.Header.Set("Content-Type", string(types.OCIManifestSchema1))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", tt.reason, err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != tt.status || firstCode(body) != tt.code {
			t.Errorf("%s: got %d %s, want %d %s", tt.reason, res.StatusCode, body, tt.status, tt.code)
		}
	}
}

func TestRegistry_ReportsTagsThatMove(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	var mu sync.Mutex
	var got []string
	s.OnPush(func(repo, tag, digest string) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprint(repo, ":", tag, "@", digest))
	})
	one, two := image(t, 100, 1), image(t, 100, 1)
	d1 := s.push(t, "app:v1", one)
	s.push(t, "app:v1", one) // the same again: nothing moved
	d2 := s.push(t, "app:v1", two)
	s.push(t, "app@"+d1, one) // no tag
	want := []string{"app:v1@" + d1, "app:v1@" + d2}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRegistry_ReportsTheLastOfRacingPushesLast(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	var mu sync.Mutex
	seen := make(map[string]bool)
	s.OnPush(func(_, _, digest string) {
		mu.Lock()
		defer mu.Unlock()
		seen[digest] = true
	})
	var wg sync.WaitGroup
	for range 8 {
		img := image(t, 100, 1)
		wg.Go(func() {
			if err := remote.Write(s.ref(t, "app:latest"), img); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	final, err := s.Resolve(t.Context(), "app", "latest")
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if !seen[final] {
		t.Errorf("nobody heard of %s, which the tag names in the end", final)
	}
}

func TestRegistry_KeepsEverythingOverARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, nil).push(t, "app:v1", image(t, 100, 1))
	s := open(t, dir, nil)
	if got, err := s.Resolve(t.Context(), "app", "v1"); err != nil || got != d {
		t.Errorf("got %s, %v; want %s", got, err, d)
	}
	if err := s.pull(t, "app:v1"); err != nil {
		t.Error(err)
	}
	tags, _ := s.Tags(t.Context(), "app")
	if !slices.Equal(tags, []string{"v1"}) {
		t.Errorf("tags %q", tags)
	}
}
