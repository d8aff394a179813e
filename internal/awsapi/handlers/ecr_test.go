package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/awsapi"
	ecrapi "github.com/slipway-run/slipway/internal/awsapi/ecr"
	"github.com/slipway-run/slipway/internal/awsapi/handlers"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/ecr"
)

// shelf is a registry with fixed repositories of one kind: the images of "app".
type shelf struct {
	ecr.Store
	ecr.Images
	images []ecr.Image
}

type settingsOf struct{ shelf }

func (settingsOf) Repositories(_ context.Context, region string) (all []ecr.Repository, err error) {
	for _, name := range []string{"app", "b", "c"} {
		all = append(all, ecr.Repository{Region: region, Name: name, Mutability: "MUTABLE", Encryption: "AES256", CreatedAt: time.Unix(1, 0)})
	}
	return all, nil
}

func (settingsOf) AddRepository(context.Context, ecr.Repository, string, map[string]string) (bool, error) {
	return false, errors.New("nothing should be made")
}

type imagesOf struct{ shelf }

func (imagesOf) Repositories(context.Context) ([]string, error) { return []string{"app"}, nil }

func (i imagesOf) Images(_ context.Context, repo string) ([]ecr.Image, error) {
	if repo != "app" {
		return nil, nil
	}
	return append([]ecr.Image(nil), i.images...), nil
}

func (imagesOf) Content(_ context.Context, _, digest string) ([]byte, error) {
	if digest == digestOf(0) {
		return []byte(`{"schemaVersion":2}`), nil
	}
	return nil, fs.ErrNotExist
}

func digestOf(n int) string { return fmt.Sprintf("sha256:%064d", n) }

func newECR() *handlers.ECR {
	s := shelf{}
	for n := range 120 {
		image := ecr.Image{Digest: digestOf(n), MediaType: "application/vnd.oci.image.manifest.v1+json", PushedAt: time.Unix(int64(n+1), 0)}
		if n%2 == 0 {
			image.Tags = []string{fmt.Sprintf("v%d", n)}
		}
		s.images = append(s.images, image)
	}
	return &handlers.ECR{TokenKey: []byte("key"), Registry: &ecr.Registry{
		Account: "123456789012", Home: "us-east-1", Host: "127.0.0.1:7420", Store: settingsOf{s}, Images: imagesOf{s}, Now: time.Now,
	}}
}

func inRegion(ctx context.Context, region string) context.Context {
	return awsapi.WithCall(ctx, awsapi.Call{Identity: sigv4.Identity{Region: region}})
}

func wantException(t *testing.T, err error, code string) {
	t.Helper()
	e, ok := errors.AsType[*ecr.Error](err)
	if !ok || e.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestECR_Pages(t *testing.T) {
	t.Parallel()
	h, ctx := newECR(), inRegion(t.Context(), "us-east-1")
	first, err := h.ListImages(ctx, &ecrapi.ListImagesInput{RepositoryName: new("app")})
	if err != nil || len(first.ImageIds) != 100 || first.NextToken == nil || first.Validate() != nil {
		t.Fatalf("the first page has %d, %v", len(first.ImageIds), err)
	}
	last, err := h.ListImages(ctx, &ecrapi.ListImagesInput{RepositoryName: new("app"), NextToken: first.NextToken})
	if err != nil || len(last.ImageIds) != 20 || last.NextToken != nil || *last.ImageIds[0].ImageDigest != digestOf(100) {
		t.Errorf("the last page has %d, %v", len(last.ImageIds), err)
	}
	tagged := &ecrapi.DescribeImagesInput{RepositoryName: new("app"), MaxResults: new(int32(7)), Filter: &ecrapi.DescribeImagesFilter{TagStatus: new(ecrapi.TagStatusTagged)}}
	seen := 0
	for {
		out, err := h.DescribeImages(ctx, tagged)
		if err != nil || out.Validate() != nil {
			t.Fatal(err)
		}
		if seen += len(out.ImageDetails); out.NextToken == nil {
			break
		}
		tagged.NextToken = out.NextToken
	}
	if seen != 60 {
		t.Errorf("%d images have tags", seen)
	}
	// A token is of use for the listing that it came from alone.
	_, err = h.ListImages(ctx, &ecrapi.ListImagesInput{RepositoryName: new("b"), NextToken: first.NextToken})
	wantException(t, err, "InvalidParameter")
	_, err = h.DescribeImages(ctx, &ecrapi.DescribeImagesInput{RepositoryName: new("app"), NextToken: first.NextToken})
	wantException(t, err, "InvalidParameter")
	_, err = h.DescribeRepositories(inRegion(t.Context(), "us-east-1"), &ecrapi.DescribeRepositoriesInput{NextToken: new("x")})
	wantException(t, err, "InvalidParameter")
}

func TestECR_DescribeRepositories(t *testing.T) {
	t.Parallel()
	h, ctx := newECR(), inRegion(t.Context(), "us-east-1")
	out, err := h.DescribeRepositories(ctx, &ecrapi.DescribeRepositoriesInput{RepositoryNames: []string{"b"}})
	if err != nil || out.Validate() != nil {
		t.Fatal(err)
	}
	want := []ecrapi.Repository{{
		CreatedAt: awsapi.NewTime(time.Unix(1, 0)), RegistryId: new("123456789012"), RepositoryName: new("b"),
		RepositoryArn: new("arn:aws:ecr:us-east-1:123456789012:repository/b"), RepositoryUri: new("127.0.0.1:7420/b"),
		ImageTagMutability: new(ecrapi.ImageTagMutabilityMutable), ImageScanningConfiguration: &ecrapi.ImageScanningConfiguration{ScanOnPush: new(false)},
		EncryptionConfiguration: &ecrapi.EncryptionConfiguration{EncryptionType: new(ecrapi.EncryptionTypeAes256)},
	}}
	if diff := cmp.Diff(want, out.Repositories); diff != "" {
		t.Error(diff)
	}
	for _, in := range []*ecrapi.DescribeRepositoriesInput{
		{RepositoryNames: []string{"b", "absent"}}, {RepositoryNames: []string{"b"}, RegistryId: new("111111111111")},
	} {
		_, err := h.DescribeRepositories(ctx, in)
		wantException(t, err, "RepositoryNotFound")
	}
	_, err = h.DescribeRepositories(ctx, &ecrapi.DescribeRepositoriesInput{RepositoryNames: []string{"b"}, MaxResults: new(int32(1))})
	wantException(t, err, "InvalidParameter")
}

func TestECR_Refuses(t *testing.T) {
	t.Parallel()
	h, ctx := newECR(), inRegion(t.Context(), "us-east-1")
	describe := func(ids ...ecrapi.ImageIdentifier) error {
		_, err := h.DescribeImages(ctx, &ecrapi.DescribeImagesInput{RepositoryName: new("app"), ImageIds: ids})
		return err
	}
	wantException(t, describe(ecrapi.ImageIdentifier{ImageTag: new("absent")}), "ImageNotFound")
	wantException(t, describe(ecrapi.ImageIdentifier{ImageTag: new("v2"), ImageDigest: new(digestOf(4))}), "ImageNotFound")
	wantException(t, describe(ecrapi.ImageIdentifier{}), "InvalidParameter")
	_, err := h.ListImages(ctx, &ecrapi.ListImagesInput{RepositoryName: new("app"), RegistryId: new("111111111111")})
	wantException(t, err, "RepositoryNotFound")
	_, err = h.GetAuthorizationToken(ctx, &ecrapi.GetAuthorizationTokenInput{RegistryIds: []string{"111111111111"}})
	wantException(t, err, "InvalidParameter")
	create := func(mutability ecrapi.ImageTagMutability, filters ...string) error {
		in := &ecrapi.CreateRepositoryInput{RepositoryName: new("new"), ImageTagMutability: &mutability}
		for _, filter := range filters {
			in.ImageTagMutabilityExclusionFilters = append(in.ImageTagMutabilityExclusionFilters, ecrapi.ImageTagMutabilityExclusionFilter{Filter: &filter})
		}
		_, err := h.CreateRepository(ctx, in)
		return err
	}
	wantException(t, create("IMMUTABLE", "dev-*"), "InvalidParameter")
	wantException(t, create("IMMUTABLE_WITH_EXCLUSION"), "InvalidParameter")
	_, err = h.CreateRepository(ctx, &ecrapi.CreateRepositoryInput{RepositoryName: new("new"), Tags: []ecrapi.Tag{{Key: new("a"), Value: new("1")}, {Key: new("a"), Value: new("2")}}})
	wantException(t, err, "InvalidTagParameter")
}

func TestECR_BatchGetImage(t *testing.T) {
	t.Parallel()
	h, ctx := newECR(), inRegion(t.Context(), "us-east-1")
	in := &ecrapi.BatchGetImageInput{RepositoryName: new("app"), ImageIds: []ecrapi.ImageIdentifier{{ImageTag: new("v0")}, {ImageTag: new("absent")}}}
	out, err := h.BatchGetImage(ctx, in)
	if err != nil || len(out.Images) != 1 || *out.Images[0].ImageManifest != `{"schemaVersion":2}` || *out.Images[0].ImageId.ImageDigest != digestOf(0) ||
		len(out.Failures) != 1 || *out.Failures[0].FailureCode != "ImageNotFound" || out.Validate() != nil {
		t.Errorf("got %+v, %v", out, err)
	}
	in.AcceptedMediaTypes = []string{"application/vnd.docker.distribution.manifest.v2+json"}
	if out, err = h.BatchGetImage(ctx, in); err != nil || len(out.Images) != 0 || len(out.Failures) != 2 {
		t.Errorf("of another media type: %+v, %v", out, err)
	}
}
