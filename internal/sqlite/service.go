package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/slipway-run/slipway/internal/apprunner"
)

const selectService = "SELECT id, document, kms_key, name FROM service "

// Services returns the services of a Region that can be read, newest first, deleted ones included. An
// empty region stands for all.
func (s *Store) Services(ctx context.Context, region string) ([]apprunner.Service, error) {
	writes := s.writes.Load()
	if known, ok := s.listing.Load(region); ok && known.(*listing).writes == writes {
		return slices.Clone(known.(*listing).services), nil
	}
	services, err := s.services(ctx, s.read, region)
	if err != nil {
		return nil, err
	}
	s.listing.Store(region, &listing{writes: writes, services: services})
	return slices.Clone(services), nil
}

// listing is the services of a Region as they were after so many writes. To open and decode a thousand
// documents takes a hundred times as long as to answer a page of them, and clients poll. What is known
// from before a write is never used after it: this process is the only one that writes.
type listing struct {
	writes   int64
	services []apprunner.Service
}

func (s *Store) services(ctx context.Context, q querier, region string) ([]apprunner.Service, error) {
	return findReadable[apprunner.Service](ctx, s, q, selectService+"WHERE ?1 IN (region, '') ORDER BY created_at DESC, id", region)
}

// Service returns one service; a missing one is a ResourceNotFound.
func (s *Store) Service(ctx context.Context, id string) (apprunner.Service, error) {
	return s.service(ctx, s.read, id)
}

func (s *Store) service(ctx context.Context, q querier, id string) (apprunner.Service, error) {
	all, err := find[apprunner.Service](ctx, s, q, selectService+"WHERE id = ?", id)
	if err != nil {
		return apprunner.Service{}, err
	}
	if len(all) == 0 {
		return apprunner.Service{}, apprunner.Errorf(apprunner.ResourceNotFound, "There is no service with id %s.", id)
	}
	return all[0], nil
}

// CreateService stores the service and its first operation that decide makes of what the Region
// has now.
func (s *Store) CreateService(ctx context.Context, here apprunner.Place,
	decide func([]apprunner.Service, apprunner.Scalings, apprunner.Resources) (apprunner.Service, apprunner.Operation, error),
	tags map[string]string,
) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		existing, err := s.services(ctx, tx, here.Region)
		if err != nil {
			return err
		}
		scalings, err := s.scalings(ctx, tx, here)
		if err != nil {
			return err
		}
		resources, err := s.resources(ctx, tx, here)
		if err != nil {
			return err
		}
		service, operation, err := decide(existing, scalings, resources)
		if err != nil {
			return err
		}
		if err := s.free(ctx, tx, service); err != nil {
			return err
		}
		if err := s.putService(ctx, tx, service); err != nil {
			return err
		}
		if err := putTags(ctx, tx, service.ARN, tags); err != nil {
			return err
		}
		return s.putOperation(ctx, tx, service, operation)
	})
}

// ChangeService stores what decide makes of the service. An operation without an id is not stored.
func (s *Store) ChangeService(ctx context.Context, here apprunner.Place, id string,
	decide func(apprunner.Service, apprunner.Scalings, apprunner.Resources) (apprunner.Service, apprunner.Operation, error),
) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		service, err := s.service(ctx, tx, id)
		if err != nil {
			return err
		}
		scalings, err := s.scalings(ctx, tx, here)
		if err != nil {
			return err
		}
		resources, err := s.resources(ctx, tx, here)
		if err != nil {
			return err
		}
		service, operation, err := decide(service, scalings, resources)
		if err != nil || operation.ID == "" {
			return err
		}
		if err := s.putOperation(ctx, tx, service, operation); err != nil {
			return err
		}
		return s.putService(ctx, tx, service)
	})
}

// free refuses a service whose name one has that cannot be read, which decide was not given.
func (s *Store) free(ctx context.Context, tx *sql.Tx, v apprunner.Service) error {
	_, err := find[apprunner.Service](ctx, s, tx, selectService+"WHERE region = ? AND name = ? AND status <> 'DELETED'", v.Region, v.Name)
	return err
}

// keyOf returns the KMS key of a service, and makes the key that stands for that of a new one: it is
// there before anything is sealed with it.
func (s *Store) keyOf(ctx context.Context, tx *sql.Tx, v apprunner.Service) (kmsKey string, err error) {
	err = tx.QueryRowContext(ctx, "SELECT kms_key FROM service WHERE id = ?", v.ID).Scan(&kmsKey)
	if !errors.Is(err, sql.ErrNoRows) {
		return kmsKey, err
	}
	if v.KMSKey == "" {
		return "", nil
	}
	return v.KMSKey, s.vault.Make(v.KMSKey)
}

func (s *Store) putService(ctx context.Context, tx *sql.Tx, v apprunner.Service) error {
	if err := s.tellStatus(ctx, tx, v); err != nil {
		return err
	}
	kmsKey, err := s.keyOf(ctx, tx, v)
	if err != nil {
		return err
	}
	document, err := s.seal(v, v.ID, kmsKey)
	if err != nil {
		return explain(err, v.Name)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO service (id, region, name, subdomain, status, created_at, document, kms_key)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET status = excluded.status, document = excluded.document`,
		v.ID, v.Region, v.Name, v.Subdomain, v.Status, v.CreatedAt.UnixMilli(), document, kmsKey)
	if err != nil {
		return fmt.Errorf("store service %q: %w", v.Name, err)
	}
	return nil
}

// sealFor seals a document of a service with the key of that service, which is stored.
func (s *Store) sealFor(ctx context.Context, tx *sql.Tx, serviceID string, v any, name string) ([]byte, error) {
	var kmsKey, service string
	if err := tx.QueryRowContext(ctx, "SELECT kms_key, name FROM service WHERE id = ?", serviceID).Scan(&kmsKey, &service); err != nil {
		return nil, fmt.Errorf("read the key of service %s: %w", serviceID, err)
	}
	document, err := s.seal(v, name, kmsKey)
	return document, explain(err, service)
}

// PurgeService removes a service with its operations, revisions and tags, if it is deleted.
func (s *Store) PurgeService(ctx context.Context, id string) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		service, err := s.service(ctx, tx, id)
		if err != nil {
			return err
		}
		if service.Listed() {
			return nil
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM tag WHERE arn = ?", service.ARN); err != nil {
			return fmt.Errorf("delete the tags of service %q: %w", service.Name, err)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM service WHERE id = ?", id); err != nil {
			return fmt.Errorf("delete service %q: %w", service.Name, err)
		}
		return nil
	})
}
