package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Resources returns what a Region has beside services, deleted ones included. An empty Region stands
// for all.
func (s *Store) Resources(ctx context.Context, here apprunner.Place) (apprunner.Resources, error) {
	return s.resources(ctx, s.read, here)
}

func (s *Store) resources(ctx context.Context, q querier, here apprunner.Place) (r apprunner.Resources, err error) {
	if r.Connections, err = kind[apprunner.Connection](ctx, s, q, here, apprunner.TypeConnection); err != nil {
		return r, err
	}
	if r.Observability, err = kind[apprunner.ObservabilityConfiguration](ctx, s, q, here, apprunner.TypeObservability); err != nil {
		return r, err
	}
	if here.Region != "" { // nobody makes it, so it is not stored
		r.Observability = append(r.Observability, apprunner.DefaultObservability(here, firstDay))
	}
	if r.Connectors, err = kind[apprunner.VPCConnector](ctx, s, q, here, apprunner.TypeVPCConnector); err != nil {
		return r, err
	}
	r.Ingresses, err = kind[apprunner.VPCIngressConnection](ctx, s, q, here, apprunner.TypeVPCIngress)
	return r, err
}

func kind[T any](ctx context.Context, s *Store, q querier, here apprunner.Place, kind string) ([]T, error) {
	return find[T](ctx, s, q, "SELECT arn, document, '', '' FROM resource WHERE ?1 IN (region, '') AND kind = ?2 ORDER BY rowid", here.Region, kind)
}

// ChangeResources stores what decide returns, and tags of the first of it. Decide is given all of
// the Region and who uses it.
func (s *Store) ChangeResources(ctx context.Context, here apprunner.Place, tags map[string]string,
	decide func(apprunner.Resources, apprunner.Users) (apprunner.Resources, error),
) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		all, err := s.resources(ctx, tx, here)
		if err != nil {
			return err
		}
		users, err := s.users(ctx, tx, here)
		if err != nil {
			return err
		}
		changed, err := decide(all, users)
		if err != nil {
			return err
		}
		if err := s.putResources(ctx, tx, here.Region, changed); err != nil {
			return err
		}
		if arn := changed.First(); arn != "" {
			return putTags(ctx, tx, arn, tags)
		}
		return nil
	})
}

func (s *Store) putResources(ctx context.Context, tx *sql.Tx, region string, r apprunner.Resources) error {
	put := func(arn, kind string, deletedAt time.Time, v any) error {
		document, err := s.seal(v, arn, "")
		if err != nil {
			return err
		}
		gone := int64(0)
		if !deletedAt.IsZero() {
			gone = deletedAt.UnixMilli()
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO resource (arn, region, kind, deleted_at, document) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (arn) DO UPDATE SET deleted_at = excluded.deleted_at, document = excluded.document`, arn, region, kind, gone, document)
		if err != nil {
			return fmt.Errorf("store %s: %w", arn, err)
		}
		return nil
	}
	var errs []error
	for _, c := range r.Connections {
		errs = append(errs, put(c.ARN, apprunner.TypeConnection, c.DeletedAt, c))
	}
	for _, c := range r.Observability {
		errs = append(errs, put(c.ARN, apprunner.TypeObservability, c.DeletedAt, c))
	}
	for _, c := range r.Connectors {
		errs = append(errs, put(c.ARN, apprunner.TypeVPCConnector, c.DeletedAt, c))
	}
	for _, c := range r.Ingresses {
		errs = append(errs, put(c.ARN, apprunner.TypeVPCIngress, c.DeletedAt, c))
	}
	return errors.Join(errs...)
}

// users returns the services of a Region and the configurations that they have or may go back to.
func (s *Store) users(ctx context.Context, q querier, here apprunner.Place) (apprunner.Users, error) {
	services, err := s.services(ctx, q, here.Region)
	if err != nil {
		return apprunner.Users{}, err
	}
	users := apprunner.Users{Services: services}
	ours := map[string]bool{}
	for _, service := range services {
		if service.Listed() {
			ours[service.ID] = true
			users.Specs = append(users.Specs, service.Spec)
		}
	}
	operations, err := findReadable[apprunner.Operation](ctx, s, q, selectOperation+"WHERE ended = 0")
	if err != nil {
		return apprunner.Users{}, err
	}
	for _, o := range operations {
		if ours[o.ServiceID] && o.Previous != nil {
			users.Specs = append(users.Specs, *o.Previous)
		}
	}
	return users, nil
}

// PurgeResources removes what was deleted before a time, with its tags.
func (s *Store) PurgeResources(ctx context.Context, before time.Time) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		const gone = "deleted_at > 0 AND deleted_at < ?"
		if _, err := tx.ExecContext(ctx, "DELETE FROM tag WHERE arn IN (SELECT arn FROM resource WHERE "+gone+")", before.UnixMilli()); err != nil {
			return fmt.Errorf("delete the tags of deleted resources: %w", err)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM resource WHERE "+gone, before.UnixMilli()); err != nil {
			return fmt.Errorf("delete resources: %w", err)
		}
		return nil
	})
}
