package handlers

import (
	"context"

	"github.com/slipway-run/slipway/internal/awsapi"
	ecrpublicapi "github.com/slipway-run/slipway/internal/awsapi/ecrpublic"
	"github.com/slipway-run/slipway/internal/ecr"
)

// ECRPublic answers the operations of Amazon ECR Public. The account here has no public repositories;
// its token is good for the embedded registry.
type ECRPublic struct {
	Registry *ecr.Registry
	Tokens   *ecr.Tokens
}

var _ ecrpublicapi.Handlers = (*ECRPublic)(nil)

// GetAuthorizationToken makes a password for docker login.
func (h *ECRPublic) GetAuthorizationToken(ctx context.Context, _ *ecrpublicapi.GetAuthorizationTokenInput) (*ecrpublicapi.GetAuthorizationTokenOutput, error) {
	token, expires, err := h.Tokens.Issue(ctx, awsapi.CallFrom(ctx).Identity.AccessKeyID)
	if err != nil {
		return nil, err
	}
	return &ecrpublicapi.GetAuthorizationTokenOutput{AuthorizationData: &ecrpublicapi.AuthorizationData{
		AuthorizationToken: new(basic(token)), ExpiresAt: awsapi.NewTime(expires),
	}}, nil
}

// DescribeRepositories finds no public repositories.
func (h *ECRPublic) DescribeRepositories(_ context.Context, in *ecrpublicapi.DescribeRepositoriesInput) (*ecrpublicapi.DescribeRepositoriesOutput, error) {
	if len(in.RepositoryNames) > 0 {
		return nil, h.Registry.Missing(in.RepositoryNames[0], h.Registry.Account)
	}
	return &ecrpublicapi.DescribeRepositoriesOutput{Repositories: []ecrpublicapi.Repository{}}, nil
}
