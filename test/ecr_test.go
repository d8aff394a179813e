package test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-run/slipway/test/kit"
)

// TestNeighbours calls the services of AWS beside App Runner, as scripts for it do.
func TestNeighbours(t *testing.T) {
	s := kit.Start(t, quick)
	for name, test := range map[string]func(*testing.T, *kit.Slipway){
		"who am I":         testCallerIdentity,
		"from push to URL": testRepositoryToURL,
		"images":           testRepositoryImages,
		"tags that stay":   testImmutable,
		"made by a push":   testRepositoryByPush,
		"Regions":          testRepositoryRegions,
		"tokens":           testTokens,
		"refusals":         testRepositoryRefusals,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s.With(t))
		})
	}
}

// aws runs the AWS CLI for a service, which must succeed, and reads its answer into out unless that
// is nil.
func aws(t *testing.T, s *kit.Slipway, out any, service string, args ...string) string {
	t.Helper()
	stdout, stderr, err := s.TryAWSFor(service, args...)
	if err != nil {
		t.Fatalf("aws %s %s: %v\n%s", service, strings.Join(args, " "), err, stderr)
	}
	if out != nil {
		if err := json.Unmarshal([]byte(stdout), out); err != nil {
			t.Fatalf("aws %s %s printed no JSON: %v\n%s", service, strings.Join(args, " "), err, stdout)
		}
	}
	return strings.TrimSpace(stdout)
}

// denied runs the AWS CLI for a service, which must fail with words in its message.
func denied(t *testing.T, s *kit.Slipway, words, service string, args ...string) {
	t.Helper()
	_, stderr, err := s.TryAWSFor(service, args...)
	if err == nil || !strings.Contains(stderr, words) {
		t.Errorf("aws %s %s: %v, %q; want %q", service, strings.Join(args, " "), err, stderr, words)
	}
}

func testCallerIdentity(t *testing.T, s *kit.Slipway) {
	var who struct{ UserId, Account, Arn string }
	aws(t, s, &who, "sts", "get-caller-identity")
	if who.Account != "000000000000" || who.Arn != "arn:aws:iam::000000000000:root" || who.UserId != "000000000000" {
		t.Errorf("the caller is %+v", who)
	}
	denied(t, s, "(InvalidAction)", "sts", "get-session-token")
	wrong := []string{"AWS_ACCESS_KEY_ID=" + s.Key().ID, "AWS_SECRET_ACCESS_KEY=wrong", "AWS_DEFAULT_REGION=" + kit.Region}
	if _, stderr, err := s.RunAWSFor(wrong, "sts", "get-caller-identity", "--endpoint-url", "http://"+s.API); err == nil || !strings.Contains(stderr, "(SignatureDoesNotMatch)") {
		t.Errorf("with a wrong secret: %v, %q", err, stderr)
	}
}

// repository is what ECR tells of one.
type repository struct {
	RepositoryArn, RepositoryName, RepositoryUri, RegistryId string
	ImageTagMutability                                       string
	CreatedAt                                                any
	ImageScanningConfiguration                               struct{ ScanOnPush bool }
}

func createRepository(t *testing.T, s *kit.Slipway, name string, args ...string) repository {
	t.Helper()
	var out struct{ Repository repository }
	aws(t, s, &out, "ecr", append([]string{"create-repository", "--repository-name", name}, args...)...)
	return out.Repository
}

// skopeo runs skopeo with text on its standard input and returns what it said.
func skopeo(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Fatal("skopeo is not installed: run make bootstrap")
	}
	cmd := exec.CommandContext(t.Context(), "skopeo", args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// imageDir writes an image where skopeo reads it.
func imageDir(t *testing.T, image v1.Image) string {
	t.Helper()
	dir := t.TempDir() + "/image"
	store, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.AppendImage(image); err != nil {
		t.Fatal(err)
	}
	return "oci:" + dir
}

// testRepositoryToURL is the way of every tutorial: make a repository, log in, push, run, push again.
func testRepositoryToURL(t *testing.T, s *kit.Slipway) {
	r := createRepository(t, s, "tutorial/app", "--tags", "Key=team,Value=blue", "--image-scanning-configuration", "scanOnPush=true")
	if r.RepositoryUri != s.API+"/tutorial/app" || r.RepositoryArn != "arn:aws:ecr:us-east-1:000000000000:repository/tutorial/app" ||
		r.RegistryId != "000000000000" || r.ImageTagMutability != "MUTABLE" || !r.ImageScanningConfiguration.ScanOnPush || r.CreatedAt == nil {
		t.Errorf("the repository is %+v", r)
	}
	password := aws(t, s, nil, "ecr", "get-login-password")
	auth := t.TempDir() + "/auth.json"
	if out, err := skopeo(t, password, "login", "--authfile", auth, "--tls-verify=false", "--username", "AWS", "--password-stdin", s.API); err != nil {
		t.Fatalf("skopeo login: %v\n%s", err, out)
	}
	push := func(version string) {
		t.Helper()
		if out, err := skopeo(t, "", "--insecure-policy", "copy", "--authfile", auth, "--dest-tls-verify=false", imageDir(t, kit.Mimic(t, version)), "docker://"+r.RepositoryUri+":live"); err != nil {
			t.Fatalf("skopeo copy: %v\n%s", err, out)
		}
	}
	push("v1")
	var created struct{ Service struct{ ServiceArn string } }
	s.AWS(&created, "create-service", "--service-name", "from-repository", "--instance-configuration", "Cpu=256,Memory=512",
		"--health-check-configuration", "Interval=1", "--source-configuration", fmt.Sprintf(`{"AutoDeploymentsEnabled": true,
		"AuthenticationConfiguration": {"AccessRoleArn": %q},
		"ImageRepository": {"ImageIdentifier": %q, "ImageRepositoryType": "ECR"}}`, kit.Role, r.RepositoryUri+":live"))
	service := s.Await(created.Service.ServiceArn, "RUNNING")
	wantBody(t, s, service, "/", "v1 instance")
	// The same image by the name that it has in AWS.
	wantBody(t, s, s.Run(s.Input("by-ecr-name", "tutorial/app:live")), "/", "v1 instance")
	push("v2")
	s.Eventually("what was pushed serves", 30*time.Second, serves(s, service, "v2 instance"))
	var tags struct{ Tags []struct{ Key, Value string } }
	aws(t, s, nil, "ecr", "tag-resource", "--resource-arn", r.RepositoryArn, "--tags", "Key=stage,Value=test")
	aws(t, s, nil, "ecr", "untag-resource", "--resource-arn", r.RepositoryArn, "--tag-keys", "team")
	aws(t, s, &tags, "ecr", "list-tags-for-resource", "--resource-arn", r.RepositoryArn)
	if len(tags.Tags) != 1 || tags.Tags[0].Key != "stage" || tags.Tags[0].Value != "test" {
		t.Errorf("the tags are %+v", tags.Tags)
	}
	denied(t, s, "(RepositoryNotEmptyException)", "ecr", "delete-repository", "--repository-name", "tutorial/app")
	aws(t, s, nil, "ecr", "delete-repository", "--repository-name", "tutorial/app", "--force")
	denied(t, s, "(RepositoryNotFoundException)", "ecr", "describe-repositories", "--repository-names", "tutorial/app")
	if code, body := s.Get(service, "/"); code != 200 {
		t.Errorf("after its repository is deleted the service answers %d %q", code, body)
	}
	// One with the same name begins anew.
	if again := createRepository(t, s, "tutorial/app"); again.ImageScanningConfiguration.ScanOnPush {
		t.Errorf("the new repository has settings of the old one: %+v", again)
	}
	tags.Tags = nil
	if aws(t, s, &tags, "ecr", "list-tags-for-resource", "--resource-arn", r.RepositoryArn); len(tags.Tags) != 0 {
		t.Errorf("the new repository has tags of the old one: %+v", tags.Tags)
	}
}

// imageIDs is what ECR tells of which images there are, and which could not be had.
type imageIDs struct {
	ImageIds []struct{ ImageDigest, ImageTag string }
	Failures []struct{ FailureCode string }
	Images   []struct{ ImageManifest, ImageManifestMediaType string }
}

func testRepositoryImages(t *testing.T, s *kit.Slipway) {
	createRepository(t, s, "images")
	one, two := kit.Mimic(t, "one"), kit.Mimic(t, "two")
	s.Push(one, "images:a")
	s.Push(one, "images:b")
	s.Push(two, "images:moved")
	s.Push(one, "images:moved") // two is untagged now
	digest := func(image v1.Image) string {
		d, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d.String()
	}
	in := []string{"--repository-name", "images"}
	list := func(args ...string) (ids []string) {
		t.Helper()
		var out imageIDs
		aws(t, s, &out, "ecr", append(append([]string{"list-images"}, in...), args...)...)
		for _, id := range out.ImageIds {
			ids = append(ids, id.ImageTag)
		}
		return ids
	}
	if got := list(); len(got) != 4 {
		t.Errorf("the images are %q", got)
	}
	if got := list("--page-size", "1"); len(got) != 4 {
		t.Errorf("the images page by page are %q", got)
	}
	if got := strings.Join(list("--filter", "tagStatus=TAGGED"), " "); got != "a b moved" {
		t.Errorf("the tags are %q", got)
	}
	if got := list("--filter", "tagStatus=UNTAGGED"); len(got) != 1 || got[0] != "" {
		t.Errorf("the images without a tag are %q", got)
	}
	var described struct {
		ImageDetails []struct {
			ImageDigest, ImageManifestMediaType, ArtifactMediaType string
			ImageTags                                              []string
			ImageSizeInBytes                                       int64
			ImagePushedAt                                          any
		}
	}
	aws(t, s, &described, "ecr", append([]string{"describe-images", "--image-ids", "imageTag=b"}, in...)...)
	size, err := one.Size()
	if err != nil {
		t.Fatal(err)
	}
	if d := described.ImageDetails; len(d) != 1 || d[0].ImageDigest != digest(one) || strings.Join(d[0].ImageTags, " ") != "a b moved" ||
		d[0].ImageSizeInBytes < size || d[0].ImageManifestMediaType == "" || d[0].ArtifactMediaType == "" || d[0].ImagePushedAt == nil {
		t.Errorf("described are %+v", d)
	}
	denied(t, s, "(ImageNotFoundException)", "ecr", append([]string{"describe-images", "--image-ids", "imageTag=c"}, in...)...)

	var got imageIDs
	aws(t, s, &got, "ecr", append([]string{"batch-get-image", "--image-ids", "imageTag=a", "imageTag=absent", "imageDigest=" + digest(two)}, in...)...)
	manifest, err := one.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Images) != 2 || got.Images[0].ImageManifest != string(manifest) || len(got.Failures) != 1 || got.Failures[0].FailureCode != "ImageNotFound" {
		t.Errorf("got %+v", got)
	}
	// A tag, then an image with what is left of its tags.
	var gone imageIDs
	aws(t, s, &gone, "ecr", append([]string{"batch-delete-image", "--image-ids", "imageTag=a"}, in...)...)
	if len(gone.ImageIds) != 1 || gone.ImageIds[0].ImageTag != "a" || strings.Join(list("--filter", "tagStatus=TAGGED"), " ") != "b moved" {
		t.Errorf("deleted are %+v", gone)
	}
	aws(t, s, &gone, "ecr", append([]string{"batch-delete-image", "--image-ids", "imageDigest=" + digest(one), "imageTag=absent"}, in...)...)
	if len(gone.ImageIds) != 2 || len(gone.Failures) != 1 || len(list()) != 1 {
		t.Errorf("deleted are %+v", gone)
	}
	if err := pullAs(t, s.API+"/images:b", &authn.Basic{Username: s.Key().ID, Password: s.Key().Secret}); err == nil {
		t.Error("a deleted image can be pulled")
	}
	aws(t, s, nil, "ecr", append([]string{"batch-delete-image", "--image-ids", "imageDigest=" + digest(two)}, in...)...)
	aws(t, s, nil, "ecr", "delete-repository", "--repository-name", "images") // empty: no force
}

func pullAs(t *testing.T, image string, auth authn.Authenticator) error {
	t.Helper()
	ref, err := name.ParseReference(image, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	_, err = remote.Get(ref, remote.WithAuth(auth))
	return err
}

// testImmutable pushes another image to a tag that may not move.
func testImmutable(t *testing.T, s *kit.Slipway) {
	r := createRepository(t, s, "fixed", "--image-tag-mutability", "IMMUTABLE")
	s.PushMimic("fixed:v1", "v1")
	s.PushMimic("fixed:v1", "v1") // nothing new
	key := s.Key()
	out, err := skopeo(t, "", "--insecure-policy", "copy", "--dest-creds", key.ID+":"+key.Secret, "--dest-tls-verify=false", imageDir(t, kit.Mimic(t, "v2")), "docker://"+r.RepositoryUri+":v1")
	if err == nil || !strings.Contains(out, "already exists in the 'fixed' repository and cannot be overwritten because the tag is immutable") {
		t.Errorf("another image for the tag: %v\n%s", err, out)
	}
	s.PushMimic("fixed:v2", "v2")
}

// testRepositoryByPush pushes without a repository: the push makes it.
func testRepositoryByPush(t *testing.T, s *kit.Slipway) {
	s.PushMimic("pushed/app:v1", "v1")
	var out struct{ Repositories []repository }
	aws(t, s, &out, "ecr", "describe-repositories", "--repository-names", "pushed/app")
	if len(out.Repositories) != 1 || out.Repositories[0].RepositoryUri != s.API+"/pushed/app" || out.Repositories[0].CreatedAt == nil {
		t.Errorf("described are %+v", out.Repositories)
	}
	denied(t, s, "(RepositoryAlreadyExistsException)", "ecr", "create-repository", "--repository-name", "pushed/app")
}

// testRepositoryRegions makes repositories with one name in two Regions.
func testRepositoryRegions(t *testing.T, s *kit.Slipway) {
	home := createRepository(t, s, "regional")
	there := *s
	there.Region = "eu-west-1"
	far := createRepository(t, &there, "regional")
	if home.RepositoryUri != s.API+"/regional" || far.RepositoryUri != s.API+"/eu-west-1/regional" {
		t.Errorf("the repositories are at %s and %s", home.RepositoryUri, far.RepositoryUri)
	}
	s.PushMimic("regional:v1", "home")
	s.PushMimic("eu-west-1/regional:v1", "far")
	var out struct{ Repositories []repository }
	aws(t, &there, &out, "ecr", "describe-repositories")
	if len(out.Repositories) != 1 || out.Repositories[0].RepositoryName != "regional" {
		t.Errorf("in the other Region there are %+v", out.Repositories)
	}
	denied(t, s, "(InvalidParameterException)", "ecr", "create-repository", "--repository-name", "eu-west-1/x")
	in := there.Input("far-away", "")
	setImage("000000000000.dkr.ecr.eu-west-1.amazonaws.com/regional:v1")(in)
	wantBody(t, s, there.Run(in), "/", "far instance")
}

// testTokens logs in with what the two kinds of ECR give.
func testTokens(t *testing.T, s *kit.Slipway) {
	s.PushMimic("tokens:v1", "v1")
	var private struct {
		AuthorizationData []struct {
			AuthorizationToken, ProxyEndpoint string
			ExpiresAt                         any
		}
	}
	aws(t, s, &private, "ecr", "get-authorization-token")
	var public struct {
		AuthorizationData struct{ AuthorizationToken string }
	}
	aws(t, s, &public, "ecr-public", "get-authorization-token")
	if len(private.AuthorizationData) != 1 || private.AuthorizationData[0].ProxyEndpoint != "http://"+s.API || private.AuthorizationData[0].ExpiresAt == nil {
		t.Fatalf("got %+v", private)
	}
	for kind, token := range map[string]string{"ecr": private.AuthorizationData[0].AuthorizationToken, "ecr-public": public.AuthorizationData.AuthorizationToken} {
		plain, err := base64.StdEncoding.DecodeString(token)
		user, password, _ := strings.Cut(string(plain), ":")
		if err != nil || user != "AWS" || strings.Contains(password, s.Key().Secret) {
			t.Fatalf("the token of %s is for %q, %v", kind, user, err)
		}
		if err := pullAs(t, s.API+"/tokens:v1", &authn.Basic{Username: user, Password: password}); err != nil {
			t.Errorf("pull with the token of %s: %v", kind, err)
		}
		if err := pullAs(t, s.API+"/tokens:v1", &authn.Basic{Username: user, Password: altered(password, len(password)/2)}); err == nil {
			t.Errorf("a token of %s that was changed lets in", kind)
		}
	}
	if err := pullAs(t, s.API+"/tokens:v1", &authn.Basic{Username: "AWS", Password: s.Key().Secret}); err == nil {
		t.Error("the secret is no token")
	}
}

func testRepositoryRefusals(t *testing.T, s *kit.Slipway) {
	denied(t, s, "(RepositoryNotFoundException)", "ecr", "list-images", "--repository-name", "absent")
	denied(t, s, "(RepositoryNotFoundException)", "ecr", "delete-repository", "--repository-name", "absent")
	denied(t, s, "(RepositoryNotFoundException)", "ecr", "batch-delete-image", "--repository-name", "absent", "--image-ids", "imageTag=x")
	denied(t, s, "(InvalidParameterException)", "ecr", "create-repository", "--repository-name", "Upper")
	denied(t, s, "(InvalidTagParameterException)", "ecr", "create-repository", "--repository-name", "tagged", "--tags", "Key=aws:x,Value=y")
	denied(t, s, "(InvalidParameterException)", "ecr", "list-tags-for-resource", "--resource-arn", "arn:aws:ecr:us-east-1:111111111111:repository/x")
	denied(t, s, "(RepositoryNotFoundException)", "ecr", "list-images", "--repository-name", "x1", "--registry-id", "111111111111")
}
