package apprunner

import (
	"cmp"
	"slices"
	"time"
)

// ScalingConfiguration is one revision of an auto scaling configuration.
type ScalingConfiguration struct {
	ARN       string
	Name      string
	Revision  int
	Scaling   Scaling
	Default   bool `json:",omitempty"` // what a new service gets that names none
	CreatedAt time.Time
	DeletedAt time.Time `json:",omitzero"`
}

func (c ScalingConfiguration) identity() identity { return identity{c.ARN, c.Name, c.DeletedAt} }
func (c ScalingConfiguration) number() int        { return c.Revision }

// Active reports whether the configuration can still be used.
func (c ScalingConfiguration) Active() bool { return c.DeletedAt.IsZero() }

// Quotas and bounds of auto scaling configurations.
const (
	DefaultScalingName  = "DefaultConfiguration"
	ScalingNamesQuota   = 10
	ScalingPerNameQuota = 5
	MaxInstances        = 25
)

// DefaultScaling is what App Runner scales by unless told otherwise.
func DefaultScaling() Scaling { return Scaling{MaxConcurrency: 100, MinSize: 1, MaxSize: 25} }

// Scalings are the auto scaling configurations of one Region, deleted ones included.
type Scalings []ScalingConfiguration

// FirstScalings is what a Region has before anyone made a configuration.
func FirstScalings(here Place, now time.Time) Scalings {
	arn := ARN{Place: here, Type: TypeScaling, Name: DefaultScalingName, Revision: 1, ID: "00000000000000000000000000000001"}
	return Scalings{{
		ARN: arn.String(), Name: arn.Name, Revision: 1, Scaling: DefaultScaling(), Default: true, CreatedAt: now,
	}}
}

// Find looks up an ARN: complete, ending after the revision, or ending after the name, which stands
// for the latest active revision.
func (all Scalings) Find(arn string, here Place) (ScalingConfiguration, error) {
	return findRevision(all, arn, TypeScaling, "auto scaling configuration", here)
}

// Default is the configuration that a new service gets when it names none.
func (all Scalings) Default() ScalingConfiguration {
	for _, c := range all {
		if c.Default {
			return c
		}
	}
	return ScalingConfiguration{}
}

// Latest reports whether c is the newest active revision of its name.
func (all Scalings) Latest(c ScalingConfiguration) bool { return latest(all, c) }

// Add makes the next revision of name. Quota is how many names a Region may have.
func (all Scalings) Add(here Place, name string, s Scaling, quota int, id string, now time.Time) (ScalingConfiguration, error) {
	if err := s.check(); err != nil {
		return ScalingConfiguration{}, err
	}
	revision, err := nextRevision(all, name, "auto scaling configuration", quota, ScalingPerNameQuota, "")
	arn := ARN{Place: here, Type: TypeScaling, Name: name, Revision: revision, ID: id}
	return ScalingConfiguration{ARN: arn.String(), Name: name, Revision: revision, Scaling: s, CreatedAt: now}, err
}

func (s Scaling) check() error {
	switch {
	case s.MaxSize > MaxInstances:
		return Errorf(InvalidRequest, "MaxSize %d is above %d, the most instances a service can have.", s.MaxSize, MaxInstances)
	case s.MinSize > s.MaxSize:
		return Errorf(InvalidRequest, "MinSize %d is above MaxSize %d.", s.MinSize, s.MaxSize)
	default:
		return nil
	}
}

// Or fills what is zero from the defaults.
func (s Scaling) Or(d Scaling) Scaling {
	return Scaling{
		MaxConcurrency: cmp.Or(s.MaxConcurrency, d.MaxConcurrency),
		MinSize:        cmp.Or(s.MinSize, d.MinSize),
		MaxSize:        cmp.Or(s.MaxSize, d.MaxSize),
	}
}

// Delete returns the configurations that a deletion makes inactive: found, or every active revision
// of its name when allRevisions is set and arn names no revision. Used has the ARNs in use.
func (all Scalings) Delete(arn string, found ScalingConfiguration, allRevisions bool, used map[string]bool, now time.Time) ([]ScalingConfiguration, error) {
	doomed := []ScalingConfiguration{found}
	if allRevisions {
		if a, err := ParseARN(arn); err != nil || a.Revision > 0 {
			return nil, Errorf(InvalidRequest, "DeleteAllRevisions needs an ARN that ends after the name; %s names a revision.", arn)
		}
		doomed = slices.DeleteFunc(slices.Clone(all), func(c ScalingConfiguration) bool { return c.Name != found.Name || !c.Active() })
	}
	for i, c := range doomed {
		switch {
		case c.Default:
			return nil, Errorf(InvalidRequest, "Auto scaling configuration %s is the default. Make another one the default first.", c.ARN)
		case used[c.ARN]:
			return nil, Errorf(InvalidRequest, "Auto scaling configuration %s is in use by a service. Change or delete the service first.", c.ARN)
		case c.Active():
			doomed[i].DeletedAt = now
		}
	}
	return doomed, nil
}
