package source_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/source"
)

// upstream is a registry on a loopback address.
type upstream struct {
	*httptest.Server
	host  string
	gets  atomic.Int64 // of manifests
	fault atomic.Pointer[http.HandlerFunc]
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{}
	h := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := u.fault.Load(); f != nil {
			(*f)(w, r)
			return
		}
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/") {
			u.gets.Add(1)
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(u.Close)
	u.host = strings.TrimPrefix(u.URL, "http://")
	return u
}

func (u *upstream) misbehave(f http.HandlerFunc) { u.fault.Store(&f) }

func (u *upstream) parse(t *testing.T, path string) source.Reference {
	t.Helper()
	return parse(t, u.host+"/"+path)
}

func parse(t *testing.T, identifier string) source.Reference {
	t.Helper()
	ref, err := source.Parse(identifier, here)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func platform(t *testing.T, arch string) v1.Image {
	t.Helper()
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", arch
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		t.Fatal(err)
	}
	return img
}

func (u *upstream) push(t *testing.T, path string, img v1.Image) string {
	t.Helper()
	ref, err := name.ParseReference(u.host + "/" + path)
	if err == nil {
		err = remote.Write(ref, img)
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

func (u *upstream) pushIndex(t *testing.T, path string, archs ...string) {
	t.Helper()
	var index v1.ImageIndex = empty.Index
	for _, arch := range archs {
		os := "linux"
		if arch == "unknown" {
			os = "unknown"
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: platform(t, arch),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: os, Architecture: arch}}})
	}
	ref, err := name.ParseReference(u.host + "/" + path)
	if err == nil {
		err = remote.WriteIndex(ref, index)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func newRegistries(t *testing.T, cfg source.Config) *source.Registries {
	t.Helper()
	cfg.Log = slog.New(slog.DiscardHandler)
	r, err := source.NewRegistries(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestResolve_PinsTheDigestWithoutPullingTheManifest(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	want := u.push(t, "team/app:v1", platform(t, runtime.GOARCH))
	r := newRegistries(t, source.Config{})
	for _, path := range []string{"team/app:v1", "team/app@" + want} {
		got, err := r.Resolve(t.Context(), u.parse(t, path))
		if err != nil {
			t.Fatal(err)
		}
		if got.Digest != want || !strings.Contains(got.MediaType, "manifest") {
			t.Errorf("%s: got %+v, want %s", path, got, want)
		}
	}
	if n := u.gets.Load(); n != 0 {
		t.Errorf("%d manifests were pulled, which some registries count", n)
	}
}

func TestResolve_AsksWithABodyWhereHeadIsRefused(t *testing.T) {
	t.Parallel()
	u, front := newUpstream(t), newUpstream(t)
	want := u.push(t, "app:v1", platform(t, runtime.GOARCH))
	front.misbehave(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		u.Config.Handler.ServeHTTP(w, r)
	})
	got, err := newRegistries(t, source.Config{}).Resolve(t.Context(), front.parse(t, "app:v1"))
	if err != nil || got.Digest != want {
		t.Errorf("got %+v, %v; want %s", got, err, want)
	}
}

func TestResolve_SaysWhyItFails(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	u.push(t, "app:v1", platform(t, runtime.GOARCH))
	answer := func(status int, body string) *upstream {
		u := newUpstream(t)
		u.misbehave(func(w http.ResponseWriter, r *http.Request) {
			if status == 401 {
				w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
		return u
	}
	tests := []struct {
		reason string
		ref    source.Reference
		code   engine.Code
		want   []string
	}{
		{"an unknown tag", u.parse(t, "app:v2"), engine.ImageNotFound, []string{`tag "v2" in repository "app"`, "does not exist"}},
		{"an unknown digest", u.parse(t, "app@"+digest), engine.ImageNotFound, []string{"digest " + digest + ` in repository "app"`}},
		{"an unknown repository", u.parse(t, "nope:v1"), engine.ImageNotFound, []string{`has no repository "nope"`}},
		{"a registry that wants credentials", answer(401, "").parse(t, "app"), engine.AccessDenied, []string{"slipway registry login 127.0.0.1", "401"}},
		{"a registry that forbids", answer(403, `{"errors":[{"code":"DENIED","message":"not yours"}]}`).parse(t, "app"), engine.AccessDenied, []string{"DENIED not yours"}},
		{"a registry that is down", answer(503, "").parse(t, "app"), engine.Unavailable, []string{"did not answer", "503 Service Unavailable"}},
		{"nobody at the address", parse(t, "127.0.0.1:1/app"), engine.Unavailable, []string{"connection refused"}},
	}
	r := newRegistries(t, source.Config{})
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			_, err := r.Resolve(t.Context(), tt.ref)
			if !engine.Is(err, tt.code) {
				t.Fatalf("got %v, want %s", err, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("message %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestResolve_TriesAgainWhatPasses(t *testing.T) {
	t.Parallel()
	u, front := newUpstream(t), newUpstream(t)
	want := u.push(t, "app:v1", platform(t, runtime.GOARCH))
	var n atomic.Int64
	front.misbehave(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 2 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		u.Config.Handler.ServeHTTP(w, r)
	})
	got, err := newRegistries(t, source.Config{}).Resolve(t.Context(), front.parse(t, "app:v1"))
	if err != nil || got.Digest != want {
		t.Errorf("got %+v, %v; want %s", got, err, want)
	}
}

func TestResolve_AsksMirrorsFirst(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	mirrored := u.push(t, "hub/library/nginx:latest", platform(t, runtime.GOARCH))
	down := newUpstream(t)
	down.misbehave(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	r := newRegistries(t, source.Config{Mirrors: map[string][]string{"docker.io": {down.URL, u.URL + "/hub"}}})
	got, err := r.Resolve(t.Context(), parse(t, "nginx"))
	if err != nil || got.Digest != mirrored {
		t.Fatalf("got %+v, %v; want %s", got, err, mirrored)
	}
	req, err := r.PullRequest(t.Context(), got)
	if err != nil {
		t.Fatal(err)
	}
	want := engine.PullRequest{Host: "docker.io", Repository: "library/nginx", Digest: mirrored, Endpoints: []engine.Endpoint{
		{URL: down.URL + "/v2"}, {URL: u.URL + "/v2/hub"}, {URL: "https://registry-1.docker.io/v2"},
	}}
	if diff := cmp.Diff(want, req); diff != "" {
		t.Error(diff)
	}
}

func TestNewRegistries_RefusesAMirrorThatIsNone(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"mirror.example", "ftp://mirror.example", "https://user:secret@mirror.example", "https://", "https://x?y=z"} {
		_, err := source.NewRegistries(source.Config{Mirrors: map[string][]string{"docker.io": {u}}})
		if err == nil || !strings.Contains(err.Error(), `registry.mirrors of "docker.io"`) {
			t.Errorf("mirror %q: %v", u, err)
		}
	}
}

// logins is a store of credentials.
type logins map[string][2]string

func (l logins) For(_ context.Context, host string) (string, string, bool, error) {
	c, ok := l[host]
	return c[0], c[1], ok, nil
}

func TestResolve_LogsInWhereItHasCredentials(t *testing.T) {
	t.Parallel()
	u, front := newUpstream(t), newUpstream(t)
	want := u.push(t, "app:v1", platform(t, runtime.GOARCH))
	front.misbehave(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		u.Config.Handler.ServeHTTP(w, r)
	})
	ref := front.parse(t, "app:v1")
	r := newRegistries(t, source.Config{Credentials: logins{front.host: {"me", "secret"}}})
	got, err := r.Resolve(t.Context(), ref)
	if err != nil || got.Digest != want {
		t.Errorf("got %+v, %v; want %s", got, err, want)
	}
	endpoints, err := r.Endpoints(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]engine.Endpoint{{URL: front.URL + "/v2", Username: "me", Password: "secret"}}, endpoints); diff != "" {
		t.Error(diff)
	}
}

// cloud logs in to ECR, or fails.
type cloud struct{ err error }

func (c cloud) Login(_ context.Context, host, role string) (string, string, error) {
	return "AWS", role + " at " + host, c.err
}

func TestEndpoints_LogInToECRAsTheAccessRole(t *testing.T) {
	t.Parallel()
	const host = "111111111111.dkr.ecr.eu-west-1.amazonaws.com"
	ref := parse(t, host+"/app:v1")
	ref.Role = "pull"
	url := "https://" + host + "/v2"
	for _, tt := range []struct {
		reason string
		cfg    source.Config
		want   []engine.Endpoint
	}{
		{"as the role", source.Config{AWS: cloud{}}, []engine.Endpoint{{URL: url, Username: "AWS", Password: "pull at " + host}}},
		{"a login goes first", source.Config{AWS: cloud{}, Credentials: logins{host: {"me", "secret"}}}, []engine.Endpoint{{URL: url, Username: "me", Password: "secret"}}},
		{"nobody knows AWS", source.Config{}, []engine.Endpoint{{URL: url}}},
		{"a mirror needs no AWS", source.Config{AWS: cloud{errors.New("no credentials")}, Mirrors: map[string][]string{host: {"http://mirror:5000"}}},
			[]engine.Endpoint{{URL: "http://mirror:5000/v2"}, {URL: url}}},
	} {
		got, err := newRegistries(t, tt.cfg).Endpoints(t.Context(), ref)
		if err != nil {
			t.Errorf("%s: %v", tt.reason, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s:\n%s", tt.reason, diff)
		}
	}
	r := newRegistries(t, source.Config{AWS: cloud{engine.Errorf(engine.AccessDenied, "no credentials")}})
	if _, err := r.Resolve(t.Context(), ref); !engine.Is(err, engine.AccessDenied) || err.Error() != "no credentials" {
		t.Errorf("without credentials: %v", err)
	}
	if got, err := r.Endpoints(t.Context(), parse(t, "ghcr.io/x")); err != nil || got[0].Username != "" {
		t.Errorf("a registry that is not of AWS: %+v, %v", got, err)
	}
}

func TestEndpoints_UseTLSBeyondThisMachine(t *testing.T) {
	t.Parallel()
	r := newRegistries(t, source.Config{EmbeddedEndpoint: engine.Endpoint{URL: "http://127.0.0.1:7420/v2", Username: "in", Password: "side"}})
	tests := map[string]engine.Endpoint{
		"localhost:5000/x":     {URL: "http://localhost:5000/v2"},
		"127.0.0.1/x":          {URL: "http://127.0.0.1/v2"},
		"[::1]:5000/x":         {URL: "http://[::1]:5000/v2"},
		"reg.localhost:8080/x": {URL: "http://reg.localhost:8080/v2"},
		"10.0.0.1:5000/x":      {URL: "https://10.0.0.1:5000/v2"},
		"ghcr.io/x":            {URL: "https://ghcr.io/v2"},
		"000000000000.dkr.ecr.us-east-1.amazonaws.com/x": {URL: "http://127.0.0.1:7420/v2", Username: "in", Password: "side"},
	}
	for identifier, want := range tests {
		got, err := r.Endpoints(t.Context(), parse(t, identifier))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]engine.Endpoint{want}, got); diff != "" {
			t.Errorf("%s:\n%s", identifier, diff)
		}
	}
}

// embedded is the embedded registry with what it holds by "repo:tag" or "repo@digest".
type embedded map[string]string

func (e embedded) Resolve(_ context.Context, repo, tag string) (string, error) {
	return e.get(repo + ":" + tag)
}

func (e embedded) Content(_ context.Context, repo, digest string) ([]byte, error) {
	s, err := e.get(repo + "@" + digest)
	return []byte(s), err
}

func (e embedded) get(key string) (string, error) {
	if e == nil {
		return "", errors.New("disk failure")
	}
	if s, ok := e[key]; ok {
		return s, nil
	}
	return "", fmt.Errorf("%q: %w", key, fs.ErrNotExist)
}

func TestResolve_AsksTheEmbeddedRegistryInProcess(t *testing.T) {
	t.Parallel()
	const ecr = "000000000000.dkr.ecr.us-east-1.amazonaws.com/"
	config := "sha256:" + strings.Repeat("c", 64)
	r := newRegistries(t, source.Config{Embedded: embedded{
		"app:v1":        digest,
		"app@" + digest: `{"schemaVersion":2,"config":{"digest":"` + config + `"}}`,
		"app@" + config: `{"os":"linux","architecture":"s390x"}`,
	}})
	got, err := r.Resolve(t.Context(), parse(t, ecr+"app:v1"))
	if err != nil || got.Digest != digest {
		t.Fatalf("got %+v, %v", got, err)
	}
	if err := r.CheckPlatform(t.Context(), got); !engine.Is(err, engine.WrongArchitecture) || !strings.Contains(err.Error(), "linux/s390x only") {
		t.Errorf("CheckPlatform: %v", err)
	}
	if _, err := r.Resolve(t.Context(), parse(t, ecr+"app:v2")); !engine.Is(err, engine.ImageNotFound) || !strings.Contains(err.Error(), "docker push") {
		t.Errorf("an unknown tag: %v", err)
	}
	broken := newRegistries(t, source.Config{Embedded: embedded(nil)})
	if _, err := broken.Resolve(t.Context(), parse(t, ecr+"app:v1")); !engine.Is(err, engine.Unavailable) {
		t.Errorf("a disk failure: %v", err)
	}
}

func TestCheckPlatform(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	u.push(t, "app:here", platform(t, runtime.GOARCH))
	u.push(t, "app:other", platform(t, "s390x"))
	u.pushIndex(t, "app:both", "s390x", runtime.GOARCH)
	u.pushIndex(t, "app:others", "s390x", "ppc64le", "unknown")
	machine := "linux/" + runtime.GOARCH
	tests := map[string]string{
		"app:here":   "",
		"app:both":   "",
		"app:other":  "is for linux/s390x only; this machine is " + machine + "; build with `docker build --platform " + machine + "`",
		"app:others": "is for linux/s390x, linux/ppc64le only; this machine is " + machine,
	}
	r := newRegistries(t, source.Config{})
	for path, want := range tests {
		image, err := r.Resolve(t.Context(), u.parse(t, path))
		if err != nil {
			t.Fatal(err)
		}
		err = r.CheckPlatform(t.Context(), image)
		if want == "" && err != nil || want != "" && (!engine.Is(err, engine.WrongArchitecture) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}
