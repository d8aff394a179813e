package registry_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// tool finds a program, and skips the test without it, but not where everything must be there.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" || os.Getenv("SLIPWAY_TEST_REQUIRE") == "1" {
		t.Fatalf("%s is not installed: %v", name, err)
	}
	t.Skipf("%s is not installed: %v", name, err)
	return ""
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_RUNTIME_DIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// images returns the digests of an index's images.
func images(t *testing.T, index v1.ImageIndex) []string {
	t.Helper()
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range m.Manifests {
		out = append(out, d.Digest.String())
	}
	return out
}

func TestSkopeo_CopiesInOutAcrossAndDeletes(t *testing.T) {
	t.Parallel()
	skopeo := tool(t, "skopeo")
	s := open(t, t.TempDir(), keys{user: "AKIA1", password: "secret"})
	dir := filepath.Join(t.TempDir(), "in")
	index := mutate.AppendManifests(empty.Index, platform(t, "amd64"), platform(t, "arm64"))
	if _, err := layout.Write(dir, index); err != nil {
		t.Fatal(err)
	}
	// An OCI layout names images by an annotation: its index holds one image, our index.
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendIndex(mutate.IndexMediaType(index, types.OCIImageIndex),
		layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "v1"})); err != nil {
		t.Fatal(err)
	}
	policy := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	const login = "AKIA1:secret"
	at := "docker://" + s.host + "/"
	run(t, skopeo, "--policy", policy, "copy", "--all", "--dest-tls-verify=false", "--dest-creds", login, "oci:"+dir+":v1", at+"team/app:v1")
	run(t, skopeo, "--policy", policy, "copy", "--all", "--src-tls-verify=false", "--src-creds", login, "--dest-tls-verify=false",
		"--dest-creds", login, at+"team/app:v1", at+"other:v1")
	run(t, skopeo, "--policy", policy, "copy", "--all", "--src-tls-verify=false", "--src-creds", login, at+"other:v1", "oci:"+filepath.Join(t.TempDir(), "out")+":v1")
	want := images(t, index)
	for _, repo := range []string{"team/app", "other"} {
		got, err := remote.Index(s.ref(t, repo+":v1"), remote.WithAuth(&authn.Basic{Username: "AKIA1", Password: "secret"}))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(got); err != nil {
			t.Errorf("%s:v1: %v", repo, err)
		}
		if diff := cmp.Diff(want, images(t, got)); diff != "" {
			t.Errorf("%s:v1:\n%s", repo, diff)
		}
	}
	if tags := run(t, skopeo, "list-tags", "--tls-verify=false", "--creds", login, at+"other"); !strings.Contains(tags, `"v1"`) {
		t.Errorf("tags: %s", tags)
	}
	run(t, skopeo, "delete", "--tls-verify=false", "--creds", login, at+"other:v1")
	if _, err := s.Resolve(t.Context(), "other", "v1"); err == nil {
		t.Error("other:v1 is still there")
	}
}
