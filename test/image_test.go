package test

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// TestImages brings images in by every way that there is.
func TestImages(t *testing.T) {
	mirror := kit.StartRegistry(t, "")
	private := kit.StartRegistry(t, "team")
	s := kit.Start(t, fmt.Sprintf(`timeouts: {stop: 1s}
registry:
  poll-interval: 1s
  mirrors:
    public.ecr.aws: ["http://%s/aws"]
    docker.io: ["http://%[1]s/hub"]
`, mirror.Host))
	for name, test := range map[string]func(*testing.T, *kit.Slipway){
		"skopeo":           testSkopeo,
		"index":            testIndex,
		"Docker manifest":  testDockerManifest,
		"digest":           testDigest,
		"deleted image":    testDeletedImage,
		"ECR Public rules": testPublicRules,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s.With(t))
		})
	}
	t.Run("mirrors", func(t *testing.T) {
		t.Parallel()
		testMirrors(t, s.With(t), mirror)
	})
	t.Run("another registry", func(t *testing.T) {
		t.Parallel()
		testOtherRegistry(t, s.With(t), private)
	})
}

func testSkopeo(t *testing.T, s *kit.Slipway) {
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Fatal("skopeo is not installed: run make bootstrap")
	}
	dir, key := t.TempDir(), s.Key()
	store, err := layout.Write(dir+"/image", empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.AppendImage(kit.Mimic(t, "v1")); err != nil {
		t.Fatal(err)
	}
	skopeo := func(stdin string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "skopeo", args...)
		cmd.Stdin = strings.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("skopeo %s: %v\n%s", args[0], err, out)
		}
	}
	skopeo(key.Secret, "login", "--authfile", dir+"/auth.json", "--tls-verify=false", "--username", key.ID, "--password-stdin", s.API)
	skopeo("", "--insecure-policy", "copy", "--authfile", dir+"/auth.json", "--dest-tls-verify=false", "oci:"+dir+"/image", "docker://"+s.API+"/by/skopeo:v1")
	wantBody(t, s, s.Run(s.Input("skopeo", "by/skopeo:v1")), "/", "v1 instance")
}

// testIndex pushes an image for two platforms: the one of this machine is to run.
func testIndex(t *testing.T, s *kit.Slipway) {
	s.PushIndex(index(t, "v1"), "multi:v1")
	wantBody(t, s, s.Run(s.Input("multi", "multi:v1")), "/", "v1 instance")
}

func index(t *testing.T, version string) v1.ImageIndex {
	t.Helper()
	here := kit.Mimic(t, version)
	there := kit.Configure(t, kit.Mimic(t, "wrong"), foreign(), v1.Config{Entrypoint: []string{"/mimic"}})
	add := func(image v1.Image, architecture string) mutate.IndexAddendum {
		return mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}}}
	}
	return mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), add(there, foreign()), add(here, runtime.GOARCH))
}

func testDockerManifest(t *testing.T, s *kit.Slipway) {
	image := mutate.ConfigMediaType(mutate.MediaType(kit.Mimic(t, "v1"), types.DockerManifestSchema2), types.DockerConfigJSON)
	s.Push(image, "docker/app:v1")
	wantBody(t, s, s.Run(s.Input("docker", "docker/app:v1")), "/", "v1 instance")
}

// testDigest names an image by its digest: the tag may move, also with automatic deployment.
func testDigest(t *testing.T, s *kit.Slipway) {
	image := kit.Mimic(t, "v1")
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	s.Push(image, "pinned:v1")
	in := s.Input("pinned", "pinned@"+digest.String())
	in.SourceConfiguration.AutoDeploymentsEnabled = new(true)
	service := s.Run(in)
	s.PushMimic("pinned:v1", "v2")
	_, id := s.Do("StartDeployment", *service.ServiceArn)
	s.AwaitOperation("pinned", id)
	wantBody(t, s, service, "/", "v1 instance")
	if n := len(s.Operations("pinned")); n != 2 {
		t.Errorf("there are %d operations, want that of the creation and that of the deployment", n)
	}
}

// testDeletedImage deletes the image of a running service: it goes on, and scales out.
func testDeletedImage(t *testing.T, s *kit.Slipway) {
	image := kit.Mimic(t, "deleted")
	s.Push(image, "deleted:v1")
	in := s.Input("deleted", "deleted:v1")
	in.AutoScalingConfigurationArn = s.Scaling("from-copy", 1, 1, 2)
	service := s.Run(in)
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	key := s.Key()
	auth := remote.WithAuth(&authn.Basic{Username: key.ID, Password: key.Secret})
	for _, ref := range []string{s.API + "/deleted:v1", s.API + "/deleted@" + digest.String()} {
		target, err := name.ParseReference(ref, name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Delete(target, auth); err != nil {
			t.Fatalf("delete %s: %v", ref, err)
		}
	}
	s.Eventually("two instances serve", 20*time.Second, func() error {
		if names := answering(s, service, 4); len(names) != 2 {
			return kit.Errorf("these do: %v", names)
		}
		return nil
	})
	// A new deployment does need it.
	_, id := s.Do("StartDeployment", *service.ServiceArn)
	if o := s.AwaitOperation("deleted", id); !strings.Contains(o.Reason, "not found") {
		t.Errorf("the deployment of a deleted image ended %s: %s", o.Status, o.Reason)
	}
	wantBody(t, s, service, "/", "deleted instance")
}

func testMirrors(t *testing.T, s *kit.Slipway, mirror *kit.Registry) {
	mirror.Push(kit.Mimic(t, "v1"), "aws/team/app:v1")
	mirror.Push(kit.Mimic(t, "v1"), "hub/library/app:latest")
	in := s.Input("from-public", "x")
	in.SourceConfiguration.AuthenticationConfiguration = nil
	in.SourceConfiguration.ImageRepository.ImageRepositoryType = new(apprunnerapi.ImageRepositoryTypeEcrPublic)
	setImage("public.ecr.aws/team/app:v1")(in)
	wantBody(t, s, s.Run(in), "/", "v1 instance")
	in = s.Input("from-hub", "x")
	setImage("app")(in)
	wantBody(t, s, s.Run(in), "/", "v1 instance")
}

func testPublicRules(_ *testing.T, s *kit.Slipway) {
	in := s.Input("public", "x")
	in.SourceConfiguration.AutoDeploymentsEnabled = new(true)
	in.SourceConfiguration.ImageRepository.ImageRepositoryType = new(apprunnerapi.ImageRepositoryTypeEcrPublic)
	setImage("public.ecr.aws/team/app:v1")(in)
	s.WantError(s.Call("CreateService", in, nil), "InvalidRequestException",
		"App Runner doesn't support automatic deployments for an image in an ECR Public repository.")
	in.SourceConfiguration.AutoDeploymentsEnabled = new(false)
	in.SourceConfiguration.ImageRepository.ImageRepositoryType = new(apprunnerapi.ImageRepositoryTypeEcr)
	s.WantError(s.Call("CreateService", in, nil), "InvalidRequestException", "does not fit ImageRepositoryType ECR")
}

// testOtherRegistry deploys from a registry that wants a login, and again when the tag moves there.
func testOtherRegistry(t *testing.T, s *kit.Slipway, private *kit.Registry) {
	private.Push(kit.Mimic(t, "v1"), "team/app:live")
	login(s, private)
	if hosts := s.CLI("registry", "list"); strings.TrimSpace(hosts) != private.Host {
		t.Errorf("slipway registry list prints %q", hosts)
	}
	in := s.Input("external", "x")
	in.SourceConfiguration.AutoDeploymentsEnabled = new(true)
	in.SourceConfiguration.AuthenticationConfiguration = nil
	setImage(private.Host + "/team/app:live")(in)
	service := s.Run(in)
	wantBody(t, s, service, "/", "v1 instance")
	private.Push(kit.Mimic(t, "v2"), "team/app:live")
	s.Eventually("the image that was pushed elsewhere serves", 20*time.Second, serves(s, service, "v2 instance"))
	o := s.Operations("external")[0]
	if log := s.DeploymentLog("external", o.ID); !strings.Contains(log, "AUTO_DEPLOYMENT") {
		t.Errorf("the deployment log does not tell what started it:\n%s", log)
	}
}
