package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/slipway-run/slipway/internal/ecr"
)

// AddRepository implements ecr.Store.
func (s *Store) AddRepository(ctx context.Context, r ecr.Repository, arn string, tags map[string]string) (added bool, err error) {
	document, err := s.seal(r, r.Region+"/"+r.Name, "")
	if err != nil {
		return false, err
	}
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "INSERT INTO repository (region, name, document) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", r.Region, r.Name, document)
		if err != nil {
			return fmt.Errorf("store repository %q: %w", r.Name, err)
		}
		n, err := result.RowsAffected()
		if added = n > 0; err != nil || !added {
			return err
		}
		return putTags(ctx, tx, arn, tags)
	})
	return added && err == nil, err
}

// DropRepository implements ecr.Store.
func (s *Store) DropRepository(ctx context.Context, region, name, arn string) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM repository WHERE region = ? AND name = ?", region, name); err != nil {
			return fmt.Errorf("remove repository %q: %w", name, err)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM tag WHERE arn = ?", arn); err != nil {
			return fmt.Errorf("remove the tags of repository %q: %w", name, err)
		}
		return nil
	})
}

// Repositories implements ecr.Store.
func (s *Store) Repositories(ctx context.Context, region string) ([]ecr.Repository, error) {
	return find[ecr.Repository](ctx, s, s.read, "SELECT region || '/' || name, document, '', '' FROM repository WHERE region = ? ORDER BY name", region)
}
