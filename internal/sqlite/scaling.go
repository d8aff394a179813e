package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Scalings returns the auto scaling configurations of a Region, deleted ones included.
func (s *Store) Scalings(ctx context.Context, here apprunner.Place) (apprunner.Scalings, error) {
	return s.scalings(ctx, s.read, here)
}

func (s *Store) scalings(ctx context.Context, q querier, here apprunner.Place) (apprunner.Scalings, error) {
	all, err := find[apprunner.ScalingConfiguration](ctx, s, q, "SELECT arn, document, '', '' FROM scaling WHERE region = ? ORDER BY rowid", here.Region)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return apprunner.FirstScalings(here, firstDay), nil
	}
	return all, nil
}

// firstDay is when the default configuration of a Region was made. It is the same for every Slipway,
// since nobody makes it.
var firstDay = time.Date(2021, time.May, 18, 0, 0, 0, 0, time.UTC)

// ChangeScalings stores the configurations that decide returns. It is given all of the Region and
// the ARNs that services use.
func (s *Store) ChangeScalings(ctx context.Context, here apprunner.Place, tags map[string]string,
	decide func(all apprunner.Scalings, used map[string]bool) ([]apprunner.ScalingConfiguration, error),
) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		all, err := s.scalings(ctx, tx, here)
		if err != nil {
			return err
		}
		services, err := s.services(ctx, tx, here.Region)
		if err != nil {
			return err
		}
		changed, err := decide(all, usedScalings(services))
		if err != nil {
			return err
		}
		// The first change also stores the default configuration that was implied until now.
		for _, c := range slices.Concat(all, changed) {
			if err := s.putScaling(ctx, tx, here.Region, c); err != nil {
				return err
			}
		}
		if len(tags) == 0 {
			return nil
		}
		return putTags(ctx, tx, changed[0].ARN, tags)
	})
}

func usedScalings(services []apprunner.Service) map[string]bool {
	used := map[string]bool{}
	for _, service := range services {
		if service.Listed() {
			used[service.Spec.ScalingARN] = true
		}
	}
	return used
}

func (s *Store) putScaling(ctx context.Context, tx *sql.Tx, region string, c apprunner.ScalingConfiguration) error {
	document, err := s.seal(c, c.ARN, "")
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO scaling (arn, region, document) VALUES (?, ?, ?)
		ON CONFLICT (arn) DO UPDATE SET document = excluded.document`, c.ARN, region, document)
	if err != nil {
		return fmt.Errorf("store auto scaling configuration %q: %w", c.Name, err)
	}
	return nil
}
