package registry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-run/slipway/internal/registry"
)

// rights is a registry in which the key "user" has the listed rights, each "action repository", and
// the key "root" all.
type rights struct {
	mu    sync.Mutex
	may   map[string]bool
	asked []string
	fail  error
}

func (r *rights) Authenticate(_ context.Context, user, _ string) (string, error) { return user, nil }

func (r *rights) Authorize(_ context.Context, keyID, action, repository string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, action+" "+repository)
	switch {
	case r.fail != nil:
		return r.fail
	case keyID == "root" || r.may[action+" "+repository]:
		return nil
	default:
		return fmt.Errorf("%w: %s may not %s", registry.ErrForbidden, keyID, action)
	}
}

// with replaces the rights of the user.
func (r *rights) with(list ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.may, r.asked = map[string]bool{}, nil
	for _, one := range list {
		r.may[one] = true
	}
}

func openWith(t *testing.T, r *rights) *server {
	t.Helper()
	dir := t.TempDir()
	reg, err := registry.Open(registry.Config{Dir: dir, Authenticator: r, Authorizer: r, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(reg)
	t.Cleanup(func() {
		s.Close()
		if err := reg.Close(); err != nil {
			t.Error(err)
		}
	})
	return &server{reg, s.URL, strings.TrimPrefix(s.URL, "http://"), dir}
}

func as(user string) remote.Option {
	return remote.WithAuth(&authn.Basic{Username: user, Password: "x"})
}

// send does one request as a user.
func (s *server) send(t *testing.T, user, method, path, mediaType, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(user, "x")
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(data)
}

var pushing = []string{"BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage"}

func TestRights_PushAndPull(t *testing.T) {
	t.Parallel()
	r := &rights{}
	s := openWith(t, r)
	img := image(t, 1000, 2)
	push := func() error { return remote.Write(s.ref(t, "app:v1"), img, as("user")) }
	pull := func() error {
		got, err := remote.Image(s.ref(t, "app:v1"), as("user"))
		if err != nil {
			return err
		}
		layers, err := got.Layers()
		if err != nil {
			return err
		}
		body, err := layers[0].Compressed()
		if err != nil {
			return err
		}
		return body.Close()
	}
	on := func(repository string, actions ...string) (all []string) {
		for _, a := range actions {
			all = append(all, "ecr:"+a+" "+repository)
		}
		return all
	}
	r.with(on("other", pushing...)...)
	if err := push(); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("a push to another repository: %v", err)
	}
	for i := range pushing[1:] { // without any one of them
		missing := append(append([]string{}, pushing[:i+1]...), pushing[i+2:]...)
		r.with(on("app", missing...)...)
		if pushing[i+1] == "UploadLayerPart" {
			continue // a client may send a layer with the request that ends its upload
		}
		if err := push(); err == nil {
			t.Errorf("a push without %s succeeded", pushing[i+1])
		}
	}
	r.with(on("app", pushing...)...)
	if err := push(); err != nil {
		t.Errorf("push: %v", err)
	}
	if err := pull(); err == nil || !strings.Contains(err.Error(), "DENIED") {
		t.Errorf("a pull by who may push: %v", err)
	}
	r.with(on("app", "BatchGetImage", "GetDownloadUrlForLayer")...)
	if err := pull(); err != nil {
		t.Errorf("pull: %v", err)
	}
	if err := remote.Write(s.ref(t, "app:v2"), image(t, 100, 1), as("user")); err == nil || !strings.Contains(err.Error(), "DENIED") {
		t.Errorf("a push by who may pull: %v", err)
	}
	r.with(on("app", "BatchGetImage")...)
	if err := pull(); err == nil {
		t.Error("a pull without the right to layers succeeded")
	}
}

// What each request asks for.
func TestRights_Asked(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("1", 64)
	for request, want := range map[string]string{
		"GET /v2/":                                 "",
		"GET /v2/_catalog":                         "ecr:DescribeRepositories ",
		"GET /v2/a/b/tags/list":                    "ecr:ListImages a/b",
		"GET /v2/a/b/manifests/v1":                 "ecr:BatchGetImage a/b",
		"HEAD /v2/a/b/manifests/v1":                "ecr:BatchGetImage a/b;ecr:PutImage a/b",
		"PUT /v2/a/b/manifests/v1":                 "ecr:PutImage a/b",
		"DELETE /v2/a/b/manifests/" + digest:       "ecr:BatchDeleteImage a/b",
		"GET /v2/a/b/blobs/" + digest:              "ecr:GetDownloadUrlForLayer a/b",
		"HEAD /v2/a/b/blobs/" + digest:             "ecr:BatchCheckLayerAvailability a/b;ecr:GetDownloadUrlForLayer a/b",
		"DELETE /v2/a/b/blobs/" + digest:           "ecr:BatchDeleteImage a/b",
		"POST /v2/a/b/blobs/uploads/":              "ecr:InitiateLayerUpload a/b",
		"PATCH /v2/a/b/blobs/uploads/1":            "ecr:UploadLayerPart a/b",
		"PUT /v2/a/b/blobs/uploads/1?digest=x":     "ecr:CompleteLayerUpload a/b",
		"GET /v2/a/b/blobs/uploads/1":              "ecr:UploadLayerPart a/b",
		"DELETE /v2/a/b/blobs/uploads/1":           "ecr:UploadLayerPart a/b",
		"GET /v2/a/b/something/else":               "ecr:DescribeRepositories ",
		"POST /v2/a/b/something/else":              "ecr:PutImage ",
		"DELETE /v2/x":                             "ecr:BatchDeleteImage ",
		"GET /v2/a/blobs/uploads/manifests/v1":     "ecr:BatchGetImage a/blobs/uploads",
		"POST /v2/a/manifests/b/blobs/uploads/":    "ecr:InitiateLayerUpload a/manifests/b",
		"PUT /v2/a/blobs/" + digest:                "ecr:PutImage a",
		"POST /v2/a/b/blobs/uploads/?mount=x":      "ecr:GetDownloadUrlForLayer ;ecr:InitiateLayerUpload a/b",
		"POST /v2/a/blobs/uploads/?mount=x&from=b": "ecr:GetDownloadUrlForLayer b;ecr:InitiateLayerUpload a",
	} {
		r := &rights{}
		s := openWith(t, r)
		method, path, _ := strings.Cut(request, " ")
		res, body := s.send(t, "user", method, path, "", "")
		if got := strings.Join(r.asked, ";"); got != want {
			t.Errorf("%s asks for %q, want %q", request, got, want)
		}
		if (want == "") != (res.StatusCode == http.StatusOK) || want != "" && (res.StatusCode != http.StatusForbidden || method != "HEAD" && firstCode([]byte(body)) != "DENIED") {
			t.Errorf("%s: %s %s", request, res.Status, body)
		}
	}
}

// Who may push to a repository must not get at the layers of another one by mounting them.
func TestRights_Mount(t *testing.T) {
	t.Parallel()
	r := &rights{}
	s := openWith(t, r)
	img := image(t, 1000, 1)
	if err := remote.Write(s.ref(t, "secret:v1"), img, as("root")); err != nil {
		t.Fatal(err)
	}
	layers, _ := img.Layers()
	mount := "mount=" + digestOf(t, layers[0]) + "&from=secret"
	r.with("ecr:InitiateLayerUpload mine")
	for reason, c := range map[string]struct{ query, mediaType, body string }{
		"in the query":            {"?" + mount, "", ""},
		"in a form":               {"", "application/x-www-form-urlencoded", mount},
		"in both":                 {"?from=mine&" + mount, "application/x-www-form-urlencoded", mount},
		"in a query that is torn": {"?x=%&" + mount, "", ""},
	} {
		res, _ := s.send(t, "user", http.MethodPost, "/v2/mine/blobs/uploads/"+c.query, c.mediaType, c.body)
		if res.StatusCode == http.StatusCreated {
			t.Errorf("a mount %s succeeded", reason)
		}
		if res, _ := s.send(t, "root", http.MethodHead, "/v2/mine/blobs/"+digestOf(t, layers[0]), "", ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("after a mount %s the layer is in the other repository", reason)
		}
	}
	r.with("ecr:InitiateLayerUpload mine", "ecr:GetDownloadUrlForLayer secret")
	if res, body := s.send(t, "user", http.MethodPost, "/v2/mine/blobs/uploads/?"+mount, "", ""); res.StatusCode != http.StatusCreated {
		t.Errorf("a mount of what may be read: %s %s", res.Status, body)
	}
}

func TestRights_ThatCannotBeChecked(t *testing.T) {
	t.Parallel()
	s := openWith(t, &rights{fail: errors.New("disk")})
	res, body := s.send(t, "user", http.MethodGet, "/v2/app/tags/list", "", "")
	if res.StatusCode != http.StatusServiceUnavailable || firstCode([]byte(body)) != "UNAVAILABLE" || strings.Contains(body, "disk") {
		t.Errorf("%s %s", res.Status, body)
	}
}
