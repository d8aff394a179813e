package handlers

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	secretsapi "github.com/slipway-run/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-run/slipway/internal/secret"
)

// Secrets answers the operations of Secrets Manager.
type Secrets struct {
	Secrets *secret.Secrets
	// TokenKey signs page tokens.
	TokenKey []byte
}

var _ secretsapi.Handlers = (*Secrets)(nil)

func (h *Secrets) here(ctx context.Context) apprunner.Place {
	return apprunner.Place{Account: h.Secrets.Account, Region: region(ctx)}
}

func invalidParameter(format string, args ...any) error {
	return secret.Errorf("InvalidParameterException", format, args...)
}

// valueOf is the value of a request, which has a text or bytes, or neither.
func valueOf(text *string, binary []byte) (secret.Value, error) {
	if text != nil && binary != nil {
		return secret.Value{}, invalidParameter("You can't specify both a binary secret value and a string secret value in the same secret.")
	}
	return secret.Value{Text: text, Binary: binary}, nil
}

func secretTags(list []secretsapi.Tag) (map[string]string, error) {
	tags := make(map[string]string, len(list))
	for _, t := range list {
		if _, twice := tags[text(t.Key)]; twice {
			return nil, invalidParameter("Tag key %q is given twice.", text(t.Key))
		}
		tags[text(t.Key)] = text(t.Value)
	}
	return tags, nil
}

// CreateSecret makes a secret.
func (h *Secrets) CreateSecret(ctx context.Context, in *secretsapi.CreateSecretInput) (*secretsapi.CreateSecretOutput, error) {
	if len(in.AddReplicaRegions) > 0 {
		return nil, invalidParameter("AddReplicaRegions: Slipway does not replicate secrets. Leave it out: every Region of this Slipway is on the same machine.")
	}
	value, err := valueOf(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	tags, err := secretTags(in.Tags)
	if err != nil {
		return nil, err
	}
	s, version, err := h.Secrets.Create(ctx, h.here(ctx), secret.New{
		Name: *in.Name, Description: text(in.Description), KMSKey: text(in.KmsKeyId), Type: text(in.Type),
		Token: text(in.ClientRequestToken), Value: value, Tags: tags,
	})
	if err != nil {
		return nil, err
	}
	return &secretsapi.CreateSecretOutput{ARN: &s.ARN, Name: &s.Name, VersionId: filled(version)}, nil
}

// PutSecretValue adds a version to a secret.
func (h *Secrets) PutSecretValue(ctx context.Context, in *secretsapi.PutSecretValueInput) (*secretsapi.PutSecretValueOutput, error) {
	if in.RotationToken != nil {
		return nil, invalidParameter("RotationToken: Slipway does not rotate secrets. Leave it out.")
	}
	value, err := valueOf(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	s, v, err := h.Secrets.Put(ctx, h.here(ctx), *in.SecretId, text(in.ClientRequestToken), value, in.VersionStages)
	if err != nil {
		return nil, err
	}
	return &secretsapi.PutSecretValueOutput{ARN: &s.ARN, Name: &s.Name, VersionId: &v.ID, VersionStages: v.Stages}, nil
}

// UpdateSecret changes what describes a secret, its value, or both.
func (h *Secrets) UpdateSecret(ctx context.Context, in *secretsapi.UpdateSecretInput) (*secretsapi.UpdateSecretOutput, error) {
	value, err := valueOf(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	s, version, err := h.Secrets.Update(ctx, h.here(ctx), *in.SecretId, secret.Patch{
		Description: in.Description, KMSKey: in.KmsKeyId, Type: in.Type, Token: text(in.ClientRequestToken), Value: value,
	})
	if err != nil {
		return nil, err
	}
	return &secretsapi.UpdateSecretOutput{ARN: &s.ARN, Name: &s.Name, VersionId: filled(version)}, nil
}

// GetSecretValue returns a version of a secret with its value.
func (h *Secrets) GetSecretValue(ctx context.Context, in *secretsapi.GetSecretValueInput) (*secretsapi.GetSecretValueOutput, error) {
	s, v, value, err := h.Secrets.Get(ctx, h.here(ctx), *in.SecretId, text(in.VersionId), text(in.VersionStage))
	if err != nil {
		return nil, err
	}
	return &secretsapi.GetSecretValueOutput{
		ARN: &s.ARN, Name: &s.Name, VersionId: &v.ID, VersionStages: v.Stages, CreatedDate: awsapi.NewTime(v.CreatedAt),
		SecretString: value.Text, SecretBinary: value.Binary,
	}, nil
}

// DescribeSecret returns everything of a secret but its values.
func (h *Secrets) DescribeSecret(ctx context.Context, in *secretsapi.DescribeSecretInput) (*secretsapi.DescribeSecretOutput, error) {
	s, tags, err := h.Secrets.Describe(ctx, h.here(ctx), *in.SecretId)
	if err != nil {
		return nil, err
	}
	e := secretEntry(secret.Listed{Secret: s, Tags: tags})
	return &secretsapi.DescribeSecretOutput{
		ARN: e.ARN, Name: e.Name, Description: e.Description, KmsKeyId: e.KmsKeyId, Type: e.Type, Tags: e.Tags,
		CreatedDate: e.CreatedDate, LastChangedDate: e.LastChangedDate, LastAccessedDate: e.LastAccessedDate, DeletedDate: e.DeletedDate,
		VersionIdsToStages: e.SecretVersionsToStages,
	}, nil
}

func secretEntry(s secret.Listed) secretsapi.SecretListEntry {
	out := secretsapi.SecretListEntry{
		ARN: &s.ARN, Name: &s.Name, Description: filled(s.Description), KmsKeyId: filled(s.KMSKey), Type: filled(s.Type),
		CreatedDate: awsapi.NewTime(s.CreatedAt), LastChangedDate: awsapi.NewTime(s.ChangedAt),
		LastAccessedDate: awsapi.NewTime(s.AccessedAt), DeletedDate: awsapi.NewTime(s.DeletedAt),
	}
	if stages := s.Stages(); len(stages) > 0 {
		out.SecretVersionsToStages = stages
	}
	for _, key := range keysOf(s.Tags) {
		out.Tags = append(out.Tags, secretsapi.Tag{Key: new(key), Value: new(s.Tags[key])})
	}
	return out
}

// ListSecrets lists the secrets of the Region, the newest first unless it is told otherwise.
func (h *Secrets) ListSecrets(ctx context.Context, in *secretsapi.ListSecretsInput) (*secretsapi.ListSecretsOutput, error) {
	var filters []secret.Filter
	for _, f := range in.Filters {
		filters = append(filters, secret.Filter{Key: text(f.Key), Values: f.Values})
	}
	planned := awsapi.Deref(in.IncludePlannedDeletion)
	all, err := h.Secrets.List(ctx, h.here(ctx), filters, planned)
	if err != nil {
		return nil, err
	}
	by := secretOrder(text(in.SortBy), in.SortOrder == nil || *in.SortOrder == secretsapi.SortOrderTypeDesc)
	some, next, err := secretPage(h.TokenKey, all, by, orDefault(in.MaxResults, pageSize), in.NextToken,
		scope("ListSecrets", h.here(ctx), filters, planned, text(in.SortBy), text(in.SortOrder)), "InvalidNextTokenException")
	if err != nil {
		return nil, err
	}
	out := &secretsapi.ListSecretsOutput{SecretList: []secretsapi.SecretListEntry{}, NextToken: next}
	for _, s := range some {
		out.SecretList = append(out.SecretList, secretEntry(s))
	}
	return out, nil
}

// secretOrder makes the key that a listing is sorted by.
func secretOrder(by string, descending bool) func(secret.Listed) string {
	return func(s secret.Listed) string {
		key := s.Name
		at := map[string]time.Time{"": s.CreatedAt, "created-date": s.CreatedAt, "last-accessed-date": s.AccessedAt, "last-changed-date": s.ChangedAt}
		if t, ok := at[by]; ok {
			key = fmt.Sprintf("%019d%s", max(t.UnixMilli(), 0), s.Name)
		}
		if !descending {
			return key
		}
		mirror := make([]byte, len(key)+1)
		for i := range len(key) {
			mirror[i] = math.MaxUint8 - key[i]
		}
		mirror[len(key)] = math.MaxUint8 // a longer name comes first
		return string(mirror)
	}
}

// DeleteSecret marks a secret for deletion, or deletes it at once.
func (h *Secrets) DeleteSecret(ctx context.Context, in *secretsapi.DeleteSecretInput) (*secretsapi.DeleteSecretOutput, error) {
	s, ends, err := h.Secrets.Delete(ctx, h.here(ctx), *in.SecretId, in.RecoveryWindowInDays, awsapi.Deref(in.ForceDeleteWithoutRecovery))
	if err != nil {
		return nil, err
	}
	return &secretsapi.DeleteSecretOutput{ARN: &s.ARN, Name: &s.Name, DeletionDate: awsapi.NewTime(ends)}, nil
}

// RestoreSecret takes the mark for deletion away.
func (h *Secrets) RestoreSecret(ctx context.Context, in *secretsapi.RestoreSecretInput) (*secretsapi.RestoreSecretOutput, error) {
	s, err := h.Secrets.Restore(ctx, h.here(ctx), *in.SecretId)
	if err != nil {
		return nil, err
	}
	return &secretsapi.RestoreSecretOutput{ARN: &s.ARN, Name: &s.Name}, nil
}

// TagResource sets tags of a secret.
func (h *Secrets) TagResource(ctx context.Context, in *secretsapi.TagResourceInput) (*secretsapi.TagResourceOutput, error) {
	tags, err := secretTags(in.Tags)
	if err != nil {
		return nil, err
	}
	return &secretsapi.TagResourceOutput{}, h.Secrets.Retag(ctx, h.here(ctx), *in.SecretId, tags, nil)
}

// UntagResource removes tags of a secret; those that are not there are no error.
func (h *Secrets) UntagResource(ctx context.Context, in *secretsapi.UntagResourceInput) (*secretsapi.UntagResourceOutput, error) {
	return &secretsapi.UntagResourceOutput{}, h.Secrets.Retag(ctx, h.here(ctx), *in.SecretId, nil, in.TagKeys)
}
