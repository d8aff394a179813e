package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// tagsQuota is how many tags a resource can have in AWS.
const tagsQuota = 50

// Tags returns the tags of a resource.
func (s *Store) Tags(ctx context.Context, arn string) (map[string]string, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT key, value FROM tag WHERE arn = ?", arn)
	if err != nil {
		return nil, fmt.Errorf("read the tags of %s: %w", arn, err)
	}
	defer rows.Close()
	tags := map[string]string{}
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return nil, fmt.Errorf("read the tags of %s: %w", arn, err)
		}
		tags[key] = value
	}
	return tags, rows.Err()
}

// ChangeTags sets some tags of a resource and removes others. Removing one that is not there is no
// error.
func (s *Store) ChangeTags(ctx context.Context, arn string, set map[string]string, remove []string) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		for _, key := range remove {
			if _, err := tx.ExecContext(ctx, "DELETE FROM tag WHERE arn = ? AND key = ?", arn, key); err != nil {
				return fmt.Errorf("remove tag %q of %s: %w", key, arn, err)
			}
		}
		return putTags(ctx, tx, arn, set)
	})
}

func putTags(ctx context.Context, tx *sql.Tx, arn string, tags map[string]string) error {
	for key, value := range tags {
		_, err := tx.ExecContext(ctx, `INSERT INTO tag (arn, key, value) VALUES (?, ?, ?)
			ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value`, arn, key, value)
		if err != nil {
			return fmt.Errorf("store tag %q of %s: %w", key, arn, err)
		}
	}
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM tag WHERE arn = ?", arn).Scan(&n); err != nil {
		return fmt.Errorf("count the tags of %s: %w", arn, err)
	}
	if n > tagsQuota {
		return apprunner.Errorf(apprunner.InvalidRequest, "Resource %s would have %d tags; the most allowed is %d.", arn, n, tagsQuota)
	}
	return nil
}
