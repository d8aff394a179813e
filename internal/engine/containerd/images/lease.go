package images

import (
	"context"
	"fmt"
	"time"

	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/errdefs"
)

const (
	// pullLabel marks the lease of a pull with the name of its image.
	pullLabel = "slipway.run/pull"
	// leaseTime is how long an interrupted pull can go on where it was.
	leaseTime = 24 * time.Hour
)

// lease keeps what a pull has fetched from containerd's garbage collection. There is one lease for
// each image that is being pulled; what an interrupted pull left passes to the new one. release
// drops it when the image is there; else it expires by itself.
func (s *Store) lease(ctx context.Context, name string) (_ context.Context, release func(), err error) {
	ls := s.client.LeasesService()
	old, err := ls.List(ctx, fmt.Sprintf("labels.%q==%q", pullLabel, name))
	if err != nil {
		return ctx, nil, fmt.Errorf("list leases: %w", err)
	}
	l, err := ls.Create(ctx, leases.WithRandomID(), leases.WithExpiration(leaseTime), leases.WithLabel(pullLabel, name))
	if err != nil {
		return ctx, nil, fmt.Errorf("create lease: %w", err)
	}
	for _, o := range old {
		if err := s.inherit(ctx, l, o); err != nil {
			return ctx, nil, err
		}
	}
	return leases.WithLease(ctx, l.ID), func() {
		// Also when the caller has gone: the image is there.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := ls.Delete(ctx, l); err != nil && !errdefs.IsNotFound(err) {
			s.log.Warn("the lease of a pull stays until it expires", "image", name, "error", err)
		}
	}, nil
}

func (s *Store) inherit(ctx context.Context, l, old leases.Lease) error {
	ls := s.client.LeasesService()
	resources, err := ls.ListResources(ctx, old)
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("list resources of lease: %w", err)
	}
	for _, r := range resources {
		if err := ls.AddResource(ctx, l, r); err != nil {
			return fmt.Errorf("add resource to lease: %w", err)
		}
	}
	if err := ls.Delete(ctx, old); err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("delete lease: %w", err)
	}
	return nil
}
