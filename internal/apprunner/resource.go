package apprunner

import "time"

// Resources is what a Region has beside services and auto scaling configurations. Deleted ones stay
// for a while, to be described.
type Resources struct {
	Connections   []Connection
	Observability Observabilities
	Connectors    []VPCConnector
	Ingresses     []VPCIngressConnection
}

// First is the ARN of the first resource, "" for none.
func (r Resources) First() string {
	switch {
	case len(r.Connections) > 0:
		return r.Connections[0].ARN
	case len(r.Observability) > 0:
		return r.Observability[0].ARN
	case len(r.Connectors) > 0:
		return r.Connectors[0].ARN
	case len(r.Ingresses) > 0:
		return r.Ingresses[0].ARN
	default:
		return ""
	}
}

// Configured returns the auto scaling configuration that a service asks for.
func (all Scalings) Configured(arn string, here Place) (ScalingConfiguration, error) {
	found, err := all.Find(arn, here)
	if err != nil {
		return found, invalid(err)
	}
	if !found.Active() {
		return found, Errorf(InvalidRequest, "Auto scaling configuration %s is inactive. Give an active one.", found.ARN)
	}
	return found, nil
}

// Configure fills in what a service's configuration names by ARN: network and connection as they are
// asked for become what is there. Only those that changed are looked up, since the others are there.
func (r Resources) Configure(c Change, spec Spec, here Place) (Spec, error) {
	var err error
	if c.Network != nil {
		if spec.Network, err = r.Connect(spec.Network, here); err != nil {
			return spec, invalid(err)
		}
	}
	if c.Observability != nil {
		if spec.Observability, err = r.Observability.Configure(spec.Observability, here); err != nil {
			return spec, invalid(err)
		}
	}
	if c.Source != nil && c.Source.Connection != nil {
		conn, err := r.Connection(spec.Connection, here)
		if err != nil {
			return spec, invalid(err)
		}
		if conn.Status != ConnectionAvailable {
			return spec, Errorf(InvalidRequest, "Connection %s is %s. Complete its handshake with the provider first.", conn.ARN, conn.Status)
		}
	}
	return spec, nil
}

// invalid is for operations that do not know ResourceNotFoundException, as creating a service.
func invalid(err error) error {
	if CodeOf(err) == ResourceNotFound {
		return Errorf(InvalidRequest, "%s", err)
	}
	return err
}

// ResourceQuotas is how many of each kind a Region may have.
type ResourceQuotas struct {
	Connections   int
	Observability int // names of observability configurations
	Connectors    int
}

// DefaultResourceQuotas are App Runner's.
func DefaultResourceQuotas() ResourceQuotas {
	return ResourceQuotas{Connections: 10, Observability: 10, Connectors: 10}
}

// Users is who uses resources.
type Users struct {
	Services []Service // of the Region, deleted ones included
	// Specs are the configurations that services have, and those that they may go back to when an
	// operation fails.
	Specs []Spec
}

// use reports whether a configuration names the resource.
func (u Users) use(arn string) bool {
	for _, s := range u.Specs {
		if arn == s.Connection || arn == s.Network.VPCConnector || arn == s.Observability.ARN {
			return true
		}
	}
	return false
}

// service returns the service with an ARN, false when there is none or it is deleted.
func (u Users) service(arn string) (Service, bool) {
	for _, s := range u.Services {
		if s.ARN == arn && s.Listed() {
			return s, true
		}
	}
	return Service{}, false
}

// Resource is any of the kinds in Resources.
type Resource interface {
	Connection | ObservabilityConfiguration | VPCConnector | VPCIngressConnection
	identity() identity
}

// identity is what all kinds have.
type identity struct {
	ARN, Name string
	DeletedAt time.Time
}

// Named returns the resource of a name that is not deleted.
func Named[R Resource](all []R, name string) (R, bool) {
	for _, r := range all {
		if i := r.identity(); i.Name == name && i.DeletedAt.IsZero() {
			return r, true
		}
	}
	var none R
	return none, false
}

// Living returns the resources that are not deleted.
func Living[R Resource](all []R) []R {
	living := make([]R, 0, len(all))
	for _, r := range all {
		if r.identity().DeletedAt.IsZero() {
			living = append(living, r)
		}
	}
	return living
}

// byARN looks up a complete ARN of a kind, also of a deleted resource.
func byARN[R Resource](all []R, arn, kind string, here Place) (R, error) {
	var none R
	a, err := typed(arn, kind, here)
	if err != nil {
		return none, err
	}
	if a.ID == "" {
		return none, Errorf(InvalidRequest, "%q is not the complete ARN of a %s: it must end with the id.", arn, kind)
	}
	for _, r := range all {
		if r.identity().ARN == arn {
			return r, nil
		}
	}
	return none, Errorf(ResourceNotFound, "There is no %s with ARN %s.", kind, arn)
}
