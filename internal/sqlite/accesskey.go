package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// AccessKeys returns the documents of the access keys beside the root key.
func (s *Store) AccessKeys(ctx context.Context) ([][]byte, error) {
	found, err := find[json.RawMessage](ctx, s, s.read, "SELECT id, document, '', '' FROM access_key ORDER BY rowid")
	if err != nil {
		return nil, err
	}
	documents := make([][]byte, len(found))
	for i, d := range found {
		documents[i] = d
	}
	return documents, nil
}

// AddAccessKey keeps the document of a new access key, sealed: it has the secret in it.
func (s *Store) AddAccessKey(ctx context.Context, id string, document []byte) error {
	sealed, err := s.seal(json.RawMessage(document), id, "")
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO access_key (id, document) VALUES (?, ?)", id, sealed); err != nil {
			return fmt.Errorf("store access key %q: %w", id, err)
		}
		return nil
	})
}

// RemoveAccessKey forgets an access key, and tells whether there was one.
func (s *Store) RemoveAccessKey(ctx context.Context, id string) (found bool, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "DELETE FROM access_key WHERE id = ?", id)
		if err != nil {
			return fmt.Errorf("remove access key %q: %w", id, err)
		}
		n, err := result.RowsAffected()
		found = n > 0
		return err
	})
	return found, err
}
