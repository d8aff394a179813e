package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-run/slipway/internal/secret"
)

var (
	_ secret.Store[secret.Secret]    = shelf[secret.Secret]{}
	_ secret.Store[secret.Parameter] = shelf[secret.Parameter]{}
)

// shelf keeps secrets or parameters.
type shelf[T any] struct {
	*Store
	kind string
	lost string // the exception for a value whose key is lost
}

// Secrets keeps those of Secrets Manager.
func (s *Store) Secrets() secret.Store[secret.Secret] {
	return shelf[secret.Secret]{s, "secret", "DecryptionFailure"}
}

// Parameters keeps those of the Parameter Store.
func (s *Store) Parameters() secret.Store[secret.Parameter] {
	return shelf[secret.Parameter]{s, "parameter", "InvalidKeyId"}
}

const selectSecret = "SELECT kind || '/' || region || '/' || name, document, '', '' FROM secret WHERE kind = ? "

// sealedAs is the name that a document is bound to.
func (h shelf[T]) sealedAs(region, name string) string { return h.kind + "/" + region + "/" + name }

// Find implements secret.Store.
func (h shelf[T]) Find(ctx context.Context, region, name string) (*T, error) {
	return h.find(ctx, h.read, region, name)
}

func (h shelf[T]) find(ctx context.Context, q querier, region, name string) (*T, error) {
	found, err := find[T](ctx, h.Store, q, selectSecret+"AND region = ? AND name = ?", h.kind, region, name)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// List implements secret.Store.
func (h shelf[T]) List(ctx context.Context, region string) ([]T, error) {
	return find[T](ctx, h.Store, h.read, selectSecret+"AND ?2 IN (region, '') ORDER BY region, name", h.kind, region)
}

// Value implements secret.Store.
func (h shelf[T]) Value(ctx context.Context, region, name, version string) (secret.Value, error) {
	return h.value(ctx, h.read, region, name, version)
}

func (h shelf[T]) value(ctx context.Context, q rower, region, name, version string) (v secret.Value, err error) {
	document, kmsKey, err := h.document(ctx, q, region, name, version)
	if err != nil {
		return v, err
	}
	v, err = open[secret.Value](h.Store, h.sealedAs(region, name)+"@"+version, document, kmsKey)
	if gone, ok := errors.AsType[lostKey](err); ok {
		_, reason := gone.LostKey()
		return v, secret.Errorf(h.lost, "The value of %s cannot be decrypted: the key that stands for %s is lost: %s. Restore that file from a backup, or set the value again with another key.", name, kmsKey, reason)
	}
	return v, err
}

// Sealed implements secret.Store.
func (h shelf[T]) Sealed(ctx context.Context, region, name, version string) ([]byte, error) {
	document, _, err := h.document(ctx, h.read, region, name, version)
	return document, err
}

// rower is what a query for one row needs of a database or a transaction.
type rower interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (h shelf[T]) document(ctx context.Context, q rower, region, name, version string) (document []byte, kmsKey string, err error) {
	row := q.QueryRowContext(ctx, "SELECT document, kms_key FROM secret_value WHERE kind = ? AND region = ? AND name = ? AND version = ?", h.kind, region, name, version)
	if err := row.Scan(&document, &kmsKey); err != nil {
		return nil, "", fmt.Errorf("read version %s of %s %q: %w", version, h.kind, name, err)
	}
	return document, kmsKey, nil
}

// Change implements secret.Store.
func (h shelf[T]) Change(ctx context.Context, region, name string, decide secret.Decide[T]) error {
	return h.inTx(ctx, func(tx *sql.Tx) error {
		now, err := h.find(ctx, tx, region, name)
		if err != nil {
			return err
		}
		u, err := decide(now, func(version string) (secret.Value, error) { return h.value(ctx, tx, region, name, version) })
		if err != nil || u.Keep {
			return err
		}
		if u.Item == nil {
			return h.remove(ctx, tx, region, name, u.ARN)
		}
		if u.Replaces != "" {
			if err := h.remove(ctx, tx, region, name, u.Replaces); err != nil {
				return err
			}
		}
		if err := h.put(ctx, tx, region, name, u); err != nil {
			return err
		}
		return putTags(ctx, tx, u.ARN, u.Tags)
	})
}

func (h shelf[T]) remove(ctx context.Context, tx *sql.Tx, region, name, arn string) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM secret WHERE kind = ? AND region = ? AND name = ?", h.kind, region, name); err != nil {
		return fmt.Errorf("remove %s %q: %w", h.kind, name, err)
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM tag WHERE arn = ?", arn); err != nil {
		return fmt.Errorf("remove the tags of %s %q: %w", h.kind, name, err)
	}
	return nil
}

func (h shelf[T]) put(ctx context.Context, tx *sql.Tx, region, name string, u secret.Update[T]) error {
	document, err := h.seal(*u.Item, h.sealedAs(region, name), "")
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO secret (kind, region, name, document) VALUES (?, ?, ?, ?)
		ON CONFLICT (kind, region, name) DO UPDATE SET document = excluded.document`, h.kind, region, name, document)
	if err != nil {
		return fmt.Errorf("store %s %q: %w", h.kind, name, err)
	}
	for version, value := range u.Add {
		if err := h.putValue(ctx, tx, region, name, version, ownKey(u.KMSKey), value); err != nil {
			return err
		}
	}
	for _, version := range u.Drop {
		if _, err := tx.ExecContext(ctx, "DELETE FROM secret_value WHERE kind = ? AND region = ? AND name = ? AND version = ?", h.kind, region, name, version); err != nil {
			return fmt.Errorf("drop version %s of %s %q: %w", version, h.kind, name, err)
		}
	}
	return nil
}

// ownKey is the KMS key that a value gets a key of its own for: none for the one that AWS manages.
func ownKey(kmsKey string) string {
	if strings.Contains(kmsKey, "alias/aws/") {
		return ""
	}
	return kmsKey
}

func (h shelf[T]) putValue(ctx context.Context, tx *sql.Tx, region, name, version, kmsKey string, value secret.Value) error {
	if kmsKey != "" {
		if err := h.vault.Make(kmsKey); err != nil {
			return err
		}
	}
	document, err := h.seal(value, h.sealedAs(region, name)+"@"+version, kmsKey)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO secret_value (kind, region, name, version, kms_key, document) VALUES (?, ?, ?, ?, ?, ?)",
		h.kind, region, name, version, kmsKey, document)
	if err != nil {
		return fmt.Errorf("store version %s of %s %q: %w", version, h.kind, name, err)
	}
	return nil
}
