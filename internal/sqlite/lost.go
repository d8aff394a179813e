package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// lostKey is what errors of a vault have that are about a key which is lost.
type lostKey interface {
	error
	LostKey() (kmsKey, reason string)
}

// lostError is that a service cannot be read or written any more. The caller of the API is told.
type lostError struct{ told *apprunner.Error }

func (e lostError) Error() string { return e.told.Error() }
func (e lostError) Unwrap() error { return e.told }

func lost(err error) bool {
	_, ok := errors.AsType[lostError](err)
	return ok
}

// explain tells of a lost key which service it was for, and what can be done.
func explain(err error, service string) error {
	gone, ok := errors.AsType[lostKey](err)
	if !ok {
		return err
	}
	kmsKey, reason := gone.LostKey()
	return lostError{apprunner.Errorf(apprunner.InvalidRequest,
		"Service %s cannot be read: the key that stands for %s is lost: %s. Restore that file from a backup, or delete the service.", service, kmsKey, reason)}
}

// Lost returns, for each service that cannot be read since its key is lost, the error that says so.
func (s *Store) Lost(ctx context.Context) ([]error, error) {
	ids, err := s.sealedApart(ctx)
	if err != nil {
		return nil, err
	}
	var all []error
	for _, id := range ids {
		if _, err := s.Service(ctx, id); lost(err) {
			all = append(all, err)
		}
	}
	return all, nil
}

// sealedApart returns the ids of the services that have a key of their own.
func (s *Store) sealedApart(ctx context.Context) (ids []string, err error) {
	rows, err := s.read.QueryContext(ctx, "SELECT id FROM service WHERE kms_key <> ''")
	if err != nil {
		return nil, fmt.Errorf("query the database: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read a row: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Abandon gives up what cannot be read of a service since its key is lost. What is left is DELETE_FAILED
// and can be deleted as any other service. Nothing happens to a service that can be read.
func (s *Store) Abandon(ctx context.Context, arn apprunner.ARN) error {
	here, id := arn.Place, arn.ID
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := find[apprunner.Service](ctx, s, tx, selectService+"WHERE id = ? AND name = ? AND region = ?", id, arn.Name, here.Region)
		if !lost(err) {
			return err // or nil
		}
		left := apprunner.Service{
			ID: id, Name: arn.Name, Region: here.Region, ARN: arn.String(), Status: apprunner.ServiceDeleteFailed,
			Spec: apprunner.DefaultSpec(), UpdatedAt: time.Now(),
		}
		var created int64
		if err := tx.QueryRowContext(ctx, "SELECT subdomain, created_at FROM service WHERE id = ?", id).Scan(&left.Subdomain, &created); err != nil {
			return fmt.Errorf("read a row: %w", err)
		}
		left.CreatedAt = time.UnixMilli(created)
		scalings, err := s.scalings(ctx, tx, here)
		if err != nil {
			return err
		}
		left.Spec.ScalingARN = scalings.Default().ARN
		for _, statement := range []string{
			"DELETE FROM operation WHERE service_id = ?", "DELETE FROM revision WHERE service_id = ?", "DELETE FROM domain WHERE service_id = ?",
			"UPDATE service SET kms_key = '' WHERE id = ?",
		} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return fmt.Errorf("give up what cannot be read of service %q: %w", left.Name, err)
			}
		}
		return s.putService(ctx, tx, left)
	})
}
