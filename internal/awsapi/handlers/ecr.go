package handlers

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	ecrapi "github.com/slipway-run/slipway/internal/awsapi/ecr"
	"github.com/slipway-run/slipway/internal/ecr"
)

// ECR answers the operations of Amazon ECR for the embedded registry.
type ECR struct {
	Registry *ecr.Registry
	Tokens   *ecr.Tokens
	// TokenKey signs page tokens.
	TokenKey []byte
}

var _ ecrapi.Handlers = (*ECR)(nil)

func region(ctx context.Context) string { return awsapi.CallFrom(ctx).Identity.Region }

// mine refuses the registry of another account. To ask for a repository there finds none.
func (h *ECR) mine(registryID *string, name string) error {
	if id := text(registryID); id != "" && id != h.Registry.Account {
		return h.Registry.Missing(name, id)
	}
	return nil
}

// pageSize is how many results a call gets that does not say.
const pageSize = 100

// ecrPage is page, with the defaults and the exception of ECR.
func ecrPage[T any](key []byte, items []T, by func(T) string, limit *int32, token *string, scope string) ([]T, *string, error) {
	some, next, err := page(&Handlers{TokenKey: key}, items, by, cmp.Or(number(limit), pageSize), token, scope)
	if apprunner.CodeOf(err) == apprunner.InvalidRequest {
		return nil, nil, ecr.Errorf("InvalidParameter", "Invalid parameter at 'nextToken' failed to satisfy constraint: '%s'", err.Error())
	}
	return some, next, err
}

// GetAuthorizationToken makes a password for docker login.
func (h *ECR) GetAuthorizationToken(ctx context.Context, in *ecrapi.GetAuthorizationTokenInput) (*ecrapi.GetAuthorizationTokenOutput, error) {
	for _, id := range in.RegistryIds {
		if id != h.Registry.Account {
			return nil, ecr.Errorf("InvalidParameter", "Registry %q is not the one here: this Slipway has account %s.", id, h.Registry.Account)
		}
	}
	token, expires, err := h.Tokens.Issue(ctx, awsapi.CallFrom(ctx).Identity.AccessKeyID)
	if err != nil {
		return nil, err
	}
	return &ecrapi.GetAuthorizationTokenOutput{AuthorizationData: []ecrapi.AuthorizationData{{
		AuthorizationToken: new(basic(token)), ExpiresAt: awsapi.NewTime(expires), ProxyEndpoint: new("http://" + h.Registry.Host),
	}}}, nil
}

func basic(token string) string {
	return base64.StdEncoding.EncodeToString([]byte(ecr.User + ":" + token))
}

// CreateRepository makes an empty repository.
func (h *ECR) CreateRepository(ctx context.Context, in *ecrapi.CreateRepositoryInput) (*ecrapi.CreateRepositoryOutput, error) {
	if err := h.mine(in.RegistryId, *in.RepositoryName); err != nil {
		return nil, err
	}
	r := ecr.Repository{Region: region(ctx), Name: *in.RepositoryName, Mutability: text(in.ImageTagMutability)}
	for _, filter := range in.ImageTagMutabilityExclusionFilters {
		r.Exclusions = append(r.Exclusions, text(filter.Filter))
	}
	if wants := r.Mutability == "IMMUTABLE_WITH_EXCLUSION" || r.Mutability == "MUTABLE_WITH_EXCLUSION"; wants != (len(r.Exclusions) > 0) {
		return nil, ecr.Errorf("InvalidParameter", "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'Filters belong to IMMUTABLE_WITH_EXCLUSION and MUTABLE_WITH_EXCLUSION, which need at least one'")
	}
	if scan := in.ImageScanningConfiguration; scan != nil {
		r.ScanOnPush = awsapi.Deref(scan.ScanOnPush)
	}
	if e := in.EncryptionConfiguration; e != nil {
		r.Encryption, r.KMSKey = text(e.EncryptionType), text(e.KmsKey)
	}
	tags, err := ecrTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if r, err = h.Registry.Create(ctx, r, tags); err != nil {
		return nil, err
	}
	return &ecrapi.CreateRepositoryOutput{Repository: h.repository(r)}, nil
}

func (h *ECR) repository(r ecr.Repository) *ecrapi.Repository {
	out := &ecrapi.Repository{
		CreatedAt: awsapi.NewTime(r.CreatedAt), RegistryId: &h.Registry.Account, RepositoryName: &r.Name,
		RepositoryArn: new(h.Registry.ARN(r.Region, r.Name)), RepositoryUri: new(h.Registry.URI(r)),
		ImageTagMutability:         new(ecrapi.ImageTagMutability(r.Mutability)),
		ImageScanningConfiguration: &ecrapi.ImageScanningConfiguration{ScanOnPush: &r.ScanOnPush},
		EncryptionConfiguration: &ecrapi.EncryptionConfiguration{
			EncryptionType: new(ecrapi.EncryptionType(r.Encryption)), KmsKey: filled(r.KMSKey),
		},
	}
	for _, pattern := range r.Exclusions {
		out.ImageTagMutabilityExclusionFilters = append(out.ImageTagMutabilityExclusionFilters, ecrapi.ImageTagMutabilityExclusionFilter{
			Filter: &pattern, FilterType: new(ecrapi.ImageTagMutabilityExclusionFilterTypeWildcard),
		})
	}
	return out
}

// DescribeRepositories lists repositories, all of the Region or those that are named.
func (h *ECR) DescribeRepositories(ctx context.Context, in *ecrapi.DescribeRepositoriesInput) (*ecrapi.DescribeRepositoriesOutput, error) {
	some, next, err := repositoriesOf(ctx, h.Registry, h.TokenKey, text(in.RegistryId), in.RepositoryNames, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &ecrapi.DescribeRepositoriesOutput{Repositories: []ecrapi.Repository{}, NextToken: next}
	for _, r := range some {
		out.Repositories = append(out.Repositories, *h.repository(r))
	}
	return out, nil
}

// repositoriesOf returns the named repositories, or a page of all.
func repositoriesOf(ctx context.Context, g *ecr.Registry, key []byte, registryID string, names []string, limit *int32, token *string) ([]ecr.Repository, *string, error) {
	if len(names) > 0 && (limit != nil || token != nil) {
		return nil, nil, ecr.Errorf("InvalidParameter", "maxResults and nextToken cannot be used together with repositoryNames.")
	}
	all, err := g.List(ctx, region(ctx))
	if err != nil {
		return nil, nil, err
	}
	if registryID != "" && registryID != g.Account {
		all = nil
	}
	if len(names) == 0 {
		return ecrPage(key, all, func(r ecr.Repository) string { return r.Name }, limit, token, scope("DescribeRepositories", region(ctx), registryID, number(limit)))
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(r ecr.Repository) bool { return r.Name == name }) {
			return nil, nil, g.Missing(name, cmp.Or(registryID, g.Account))
		}
	}
	return slices.DeleteFunc(all, func(r ecr.Repository) bool { return !slices.Contains(names, r.Name) }), nil, nil
}

// DeleteRepository deletes a repository, one with images only with force.
func (h *ECR) DeleteRepository(ctx context.Context, in *ecrapi.DeleteRepositoryInput) (*ecrapi.DeleteRepositoryOutput, error) {
	if err := h.mine(in.RegistryId, *in.RepositoryName); err != nil {
		return nil, err
	}
	r, err := h.Registry.Delete(ctx, region(ctx), *in.RepositoryName, awsapi.Deref(in.Force))
	if err != nil {
		return nil, err
	}
	return &ecrapi.DeleteRepositoryOutput{Repository: h.repository(r)}, nil
}
