package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/slipway-run/slipway/internal/apprunner"
)

const selectOperation = "SELECT operation.id, operation.document, kms_key, name FROM operation JOIN service ON service.id = service_id "

// Operations returns the operations of a service, newest first.
func (s *Store) Operations(ctx context.Context, serviceID string) ([]apprunner.Operation, error) {
	return find[apprunner.Operation](ctx, s, s.read, selectOperation+"WHERE service_id = ? ORDER BY sequence DESC", serviceID)
}

// Unfinished returns every operation that has not ended and can be read, oldest first.
func (s *Store) Unfinished(ctx context.Context) ([]apprunner.Operation, error) {
	return findReadable[apprunner.Operation](ctx, s, s.read, selectOperation+"WHERE ended = 0 ORDER BY sequence")
}

// Record stores how far an operation is, with its service and, when it made one, its revision.
func (s *Store) Record(ctx context.Context, service apprunner.Service, operation apprunner.Operation, revision *apprunner.Revision) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if revision != nil {
			if err := s.putRevision(ctx, tx, *revision); err != nil {
				return err
			}
		}
		if err := s.putOperation(ctx, tx, service, operation); err != nil {
			return err
		}
		return s.putService(ctx, tx, service)
	})
}

func (s *Store) putOperation(ctx context.Context, tx *sql.Tx, service apprunner.Service, v apprunner.Operation) error {
	if err := s.tellOperation(ctx, tx, service, v); err != nil {
		return err
	}
	document, err := s.sealFor(ctx, tx, v.ServiceID, v, v.ID)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO operation (id, service_id, ended, document) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, document = excluded.document`,
		v.ID, v.ServiceID, v.Status.Ended(), document)
	if err != nil {
		return fmt.Errorf("store operation %s: %w", v.ID, err)
	}
	return nil
}

const selectRevision = "SELECT revision.id, revision.document, kms_key, name FROM revision JOIN service ON service.id = service_id "

// Revision returns one revision; a missing one is a ResourceNotFound.
func (s *Store) Revision(ctx context.Context, id string) (apprunner.Revision, error) {
	all, err := find[apprunner.Revision](ctx, s, s.read, selectRevision+"WHERE revision.id = ?", id)
	if err != nil {
		return apprunner.Revision{}, err
	}
	if len(all) == 0 {
		return apprunner.Revision{}, apprunner.Errorf(apprunner.ResourceNotFound, "There is no revision with id %s.", id)
	}
	return all[0], nil
}

// Revisions returns the revisions of a service, newest first. An empty id stands for all services.
func (s *Store) Revisions(ctx context.Context, serviceID string) ([]apprunner.Revision, error) {
	return find[apprunner.Revision](ctx, s, s.read, selectRevision+"WHERE ?1 IN (service_id, '') ORDER BY number DESC", serviceID)
}

func (s *Store) putRevision(ctx context.Context, tx *sql.Tx, v apprunner.Revision) error {
	document, err := s.sealFor(ctx, tx, v.ServiceID, v, v.ID)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO revision (id, service_id, number, document) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET document = excluded.document`, v.ID, v.ServiceID, v.Number, document)
	if err != nil {
		return fmt.Errorf("store revision %d of service %s: %w", v.Number, v.ServiceID, err)
	}
	return nil
}

// DropRevisions deletes the revisions of a service but the newest keep and those in use.
func (s *Store) DropRevisions(ctx context.Context, serviceID string, keep int, inUse ...string) error {
	used, err := jsonList(inUse)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM revision WHERE service_id = ?1
			AND id NOT IN (SELECT id FROM revision WHERE service_id = ?1 ORDER BY number DESC LIMIT ?2)
			AND id NOT IN (SELECT value FROM json_each(?3))`, serviceID, keep, used)
		if err != nil {
			return fmt.Errorf("delete revisions of service %s: %w", serviceID, err)
		}
		return nil
	})
}

// jsonList is a list of words for json_each.
func jsonList(words []string) (string, error) {
	list, err := json.Marshal(append([]string{}, words...)) // null would be a word that every other may be
	return string(list), err
}
