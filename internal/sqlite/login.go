package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// login is what a registry is told.
type login struct{ User, Password string }

// SetLogin keeps the credentials of a registry host.
func (s *Store) SetLogin(ctx context.Context, host, user, password string) error {
	document, err := s.seal(login{user, password}, host, "")
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO registry_login (host, document) VALUES (?, ?)
			ON CONFLICT (host) DO UPDATE SET document = excluded.document`, host, document)
		if err != nil {
			return fmt.Errorf("store the login of %q: %w", host, err)
		}
		return nil
	})
}

// RemoveLogin forgets the credentials of a registry host, and tells whether there were any.
func (s *Store) RemoveLogin(ctx context.Context, host string) (found bool, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "DELETE FROM registry_login WHERE host = ?", host)
		if err != nil {
			return fmt.Errorf("remove the login of %q: %w", host, err)
		}
		n, err := result.RowsAffected()
		found = n > 0
		return err
	})
	return found, err
}

// For returns the credentials of a registry host.
func (s *Store) For(ctx context.Context, host string) (user, password string, ok bool, err error) {
	found, err := find[login](ctx, s, s.read, "SELECT host, document, '', '' FROM registry_login WHERE host = ?", host)
	if err != nil || len(found) == 0 {
		return "", "", false, err
	}
	return found[0].User, found[0].Password, true, nil
}

// Logins returns the hosts that have credentials.
func (s *Store) Logins(ctx context.Context) ([]string, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT host FROM registry_login")
	if err != nil {
		return nil, fmt.Errorf("read the registry logins: %w", err)
	}
	defer rows.Close()
	var hosts []string
	for rows.Next() {
		var host string
		if err := rows.Scan(&host); err != nil {
			return nil, fmt.Errorf("read the registry logins: %w", err)
		}
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	return hosts, rows.Err()
}
