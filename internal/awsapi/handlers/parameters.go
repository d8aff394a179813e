package handlers

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"slices"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	ssmapi "github.com/slipway-run/slipway/internal/awsapi/ssm"
	"github.com/slipway-run/slipway/internal/secret"
)

// Parameters answers the operations of the Parameter Store of Systems Manager.
type Parameters struct {
	Parameters *secret.Parameters
	// Caller tells who changed a parameter.
	Caller func(context.Context) string
	// TokenKey signs page tokens.
	TokenKey []byte
}

var _ ssmapi.Handlers = (*Parameters)(nil)

func (h *Parameters) here(ctx context.Context) apprunner.Place {
	return apprunner.Place{Account: h.Parameters.Account, Region: region(ctx)}
}

func keysOf(tags map[string]string) []string { return slices.Sorted(maps.Keys(tags)) }

func orDefault(n *int32, otherwise int) int { return cmp.Or(number(n), otherwise) }

// secretPage is page, of items in any order, with an exception of its own for a token.
func secretPage[T any](key []byte, items []T, by func(T) string, limit int, token *string, scope, exception string) ([]T, *string, error) {
	items = slices.SortedFunc(slices.Values(items), func(a, b T) int { return cmp.Compare(by(a), by(b)) })
	some, next, err := page(&Handlers{TokenKey: key}, items, by, limit, token, scope)
	if apprunner.CodeOf(err) == apprunner.InvalidRequest {
		return nil, nil, secret.Errorf(exception, "%s", err)
	}
	return some, next, err
}

// The sizes of pages that nobody asked for.
const (
	parametersPage = 50
	pathPage       = 10
)

// PutParameter makes a parameter or another version of it.
func (h *Parameters) PutParameter(ctx context.Context, in *ssmapi.PutParameterInput) (*ssmapi.PutParameterOutput, error) {
	if in.Policies != nil {
		return nil, secret.Errorf("InvalidPolicyTypeException", "Slipway has no parameter policies. Leave Policies out.")
	}
	n := secret.NewParameter{
		Name: *in.Name, Type: text(in.Type), Value: *in.Value, Description: text(in.Description), KMSKey: text(in.KeyId),
		Pattern: text(in.AllowedPattern), Tier: text(in.Tier), Format: text(in.DataType), Overwrite: awsapi.Deref(in.Overwrite),
		By: h.Caller(ctx), Tags: map[string]string{},
	}
	for _, t := range in.Tags {
		n.Tags[text(t.Key)] = text(t.Value)
	}
	p, err := h.Parameters.Put(ctx, h.here(ctx), n)
	if err != nil {
		return nil, err
	}
	return &ssmapi.PutParameterOutput{Tier: new(ssmapi.ParameterTier(p.Tier)), Version: new(p.Latest().Version)}, nil
}

// GetParameter returns a parameter: its newest version, or the one after the colon.
func (h *Parameters) GetParameter(ctx context.Context, in *ssmapi.GetParameterInput) (*ssmapi.GetParameterOutput, error) {
	g, err := h.Parameters.Get(ctx, h.here(ctx), *in.Name, awsapi.Deref(in.WithDecryption))
	if err != nil {
		return nil, err
	}
	return &ssmapi.GetParameterOutput{Parameter: h.parameter(ctx, g)}, nil
}

func (h *Parameters) parameter(ctx context.Context, g secret.Got) *ssmapi.Parameter {
	out := &ssmapi.Parameter{
		ARN: new(secret.ParameterARN(h.here(ctx), g.Name)), Name: &g.Name, Type: new(ssmapi.ParameterType(g.Type)),
		DataType: new(secret.DataType), Version: &g.Version, LastModifiedDate: awsapi.NewTime(g.ChangedAt),
		Selector: filled(g.Selector), Value: g.Value.Text,
	}
	if g.Sealed != nil {
		out.Value = new(base64.StdEncoding.EncodeToString(g.Sealed))
	}
	return out
}

// GetParameters returns several parameters, and the names of those that are not there.
func (h *Parameters) GetParameters(ctx context.Context, in *ssmapi.GetParametersInput) (*ssmapi.GetParametersOutput, error) {
	out := &ssmapi.GetParametersOutput{Parameters: []ssmapi.Parameter{}, InvalidParameters: []string{}}
	for i, name := range in.Names {
		if slices.Contains(in.Names[:i], name) {
			return nil, secret.Errorf("ValidationException", "Parameter names must be unique: %s is given twice.", name)
		}
		g, err := h.Parameters.Get(ctx, h.here(ctx), name, awsapi.Deref(in.WithDecryption))
		if e, ok := errors.AsType[*secret.Error](err); ok && (e.Code == "ParameterNotFound" || e.Code == "ParameterVersionNotFound") {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, *h.parameter(ctx, g))
	}
	return out, nil
}

func parameterFilters(list []ssmapi.ParameterStringFilter) (filters []secret.ParameterFilter) {
	for _, f := range list {
		filters = append(filters, secret.ParameterFilter{Key: text(f.Key), Option: text(f.Option), Values: f.Values})
	}
	return filters
}

func byName(p secret.Parameter) string { return p.Name }

// GetParametersByPath returns the parameters under a path.
func (h *Parameters) GetParametersByPath(ctx context.Context, in *ssmapi.GetParametersByPathInput) (*ssmapi.GetParametersByPathOutput, error) {
	filters, deep := parameterFilters(in.ParameterFilters), awsapi.Deref(in.Recursive)
	all, err := h.Parameters.ByPath(ctx, h.here(ctx), *in.Path, deep, filters)
	if err != nil {
		return nil, err
	}
	some, next, err := secretPage(h.TokenKey, all, byName, orDefault(in.MaxResults, pathPage), in.NextToken,
		scope("GetParametersByPath", h.here(ctx), *in.Path, deep, filters), "InvalidNextToken")
	if err != nil {
		return nil, err
	}
	out := &ssmapi.GetParametersByPathOutput{Parameters: []ssmapi.Parameter{}, NextToken: next}
	for _, p := range some {
		g, err := h.Parameters.Read(ctx, p, awsapi.Deref(in.WithDecryption))
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, *h.parameter(ctx, g))
	}
	return out, nil
}

// DescribeParameters lists parameters without their values.
func (h *Parameters) DescribeParameters(ctx context.Context, in *ssmapi.DescribeParametersInput) (*ssmapi.DescribeParametersOutput, error) {
	if len(in.Filters) > 0 && len(in.ParameterFilters) > 0 {
		return nil, secret.Errorf("ValidationException", "Filters and ParameterFilters cannot be used together. Use ParameterFilters.")
	}
	filters := parameterFilters(in.ParameterFilters)
	for _, f := range in.Filters { // the older form compares beginnings
		filters = append(filters, secret.ParameterFilter{Key: text(f.Key), Option: "BeginsWith", Values: f.Values})
	}
	all, err := h.Parameters.Search(ctx, h.here(ctx), filters)
	if err != nil {
		return nil, err
	}
	if awsapi.Deref(in.Shared) {
		all = nil // nothing is shared with this account
	}
	some, next, err := secretPage(h.TokenKey, all, byName, orDefault(in.MaxResults, parametersPage), in.NextToken,
		scope("DescribeParameters", h.here(ctx), filters), "InvalidNextToken")
	if err != nil {
		return nil, err
	}
	out := &ssmapi.DescribeParametersOutput{Parameters: []ssmapi.ParameterMetadata{}, NextToken: next}
	for _, p := range some {
		latest := p.Latest()
		out.Parameters = append(out.Parameters, ssmapi.ParameterMetadata{
			ARN: new(secret.ParameterARN(h.here(ctx), p.Name)), Name: &p.Name, Type: new(ssmapi.ParameterType(p.Type)), KeyId: filled(p.KMSKey),
			Description: filled(p.Description), AllowedPattern: filled(p.Pattern), Tier: new(ssmapi.ParameterTier(p.Tier)), DataType: new(secret.DataType),
			Version: &latest.Version, LastModifiedDate: awsapi.NewTime(latest.ChangedAt), LastModifiedUser: filled(p.ChangedBy),
			Policies: []ssmapi.ParameterInlinePolicy{},
		})
	}
	return out, nil
}

// DeleteParameter deletes a parameter.
func (h *Parameters) DeleteParameter(ctx context.Context, in *ssmapi.DeleteParameterInput) (*ssmapi.DeleteParameterOutput, error) {
	found, err := h.Parameters.Delete(ctx, h.here(ctx), *in.Name)
	if err == nil && !found {
		err = secret.NotFound(*in.Name)
	}
	return &ssmapi.DeleteParameterOutput{}, err
}

// DeleteParameters deletes several parameters, and names those that are not there.
func (h *Parameters) DeleteParameters(ctx context.Context, in *ssmapi.DeleteParametersInput) (*ssmapi.DeleteParametersOutput, error) {
	out := &ssmapi.DeleteParametersOutput{DeletedParameters: []string{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		found, err := h.Parameters.Delete(ctx, h.here(ctx), name)
		switch {
		case err != nil:
			return nil, err
		case found:
			out.DeletedParameters = append(out.DeletedParameters, name)
		default:
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, nil
}
