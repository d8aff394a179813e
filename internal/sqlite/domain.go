package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Domains returns the custom domains of all services that can be read, oldest first.
func (s *Store) Domains(ctx context.Context) (apprunner.Domains, error) {
	return findReadable[apprunner.CustomDomain](ctx, s, s.read, selectDomain+"ORDER BY domain.rowid")
}

// The documents of domains are sealed under the name and a word that no other table uses.
const selectDomain = "SELECT 'domain ' || domain.name, domain.document, kms_key, service.name FROM domain JOIN service ON service.id = service_id "

// AddDomain stores the custom domain that decide makes of its service and of all there are.
func (s *Store) AddDomain(ctx context.Context, serviceID string,
	decide func(apprunner.Service, apprunner.Domains) (apprunner.CustomDomain, error),
) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		service, err := s.service(ctx, tx, serviceID)
		if err != nil {
			return err
		}
		all, err := findReadable[apprunner.CustomDomain](ctx, s, tx, selectDomain)
		if err != nil {
			return err
		}
		d, err := decide(service, all)
		if err != nil {
			return err
		}
		return s.putDomain(ctx, tx, d)
	})
}

// ChangeDomain stores what decide makes of a custom domain and its service. A missing domain is a
// ResourceNotFound.
func (s *Store) ChangeDomain(ctx context.Context, name string,
	decide func(apprunner.Service, apprunner.CustomDomain) (apprunner.CustomDomain, error),
) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		found, err := find[apprunner.CustomDomain](ctx, s, tx, selectDomain+"WHERE domain.name = ?", name)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return apprunner.Errorf(apprunner.ResourceNotFound, "There is no custom domain %s.", name)
		}
		service, err := s.service(ctx, tx, found[0].ServiceID)
		if err != nil {
			return err
		}
		d, err := decide(service, found[0])
		if err != nil {
			return err
		}
		return s.putDomain(ctx, tx, d)
	})
}

func (s *Store) putDomain(ctx context.Context, tx *sql.Tx, d apprunner.CustomDomain) error {
	document, err := s.sealFor(ctx, tx, d.ServiceID, d, "domain "+d.Name)
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, `INSERT INTO domain (name, service_id, document) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET document = excluded.document WHERE service_id = excluded.service_id`, d.Name, d.ServiceID, document)
	if err != nil {
		return fmt.Errorf("store custom domain %q: %w", d.Name, err)
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	// Of a service that cannot be read, so that nobody saw it.
	return apprunner.Errorf(apprunner.InvalidRequest, "Domain name %s is associated with another service. Disassociate it there first.", d.Name)
}

// RemoveDomain forgets a custom domain. A missing one is no error.
func (s *Store) RemoveDomain(ctx context.Context, name string) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM domain WHERE name = ?", name); err != nil {
			return fmt.Errorf("delete custom domain %q: %w", name, err)
		}
		return nil
	})
}
