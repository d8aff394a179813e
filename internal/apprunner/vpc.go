package apprunner

import "time"

// VPCConnector names the networks that a service reaches and the rules by which it may. It never
// changes.
type VPCConnector struct {
	ARN            string
	Name           string
	Subnets        []string // subnet-…
	SecurityGroups []string `json:",omitempty"` // sg-…
	CreatedAt      time.Time
	DeletedAt      time.Time `json:",omitzero"`
}

func (c VPCConnector) identity() identity { return identity{c.ARN, c.Name, c.DeletedAt} }

// Active reports whether the connector can still be used.
func (c VPCConnector) Active() bool { return c.DeletedAt.IsZero() }

// Revision is always 1: App Runner has one revision of each name so far.
func (c VPCConnector) Revision() int { return 1 }

// AddConnector makes a VPC connector.
func (r Resources) AddConnector(here Place, name string, subnets, groups []string, id string, quota int, now time.Time) (VPCConnector, error) {
	if len(subnets) == 0 {
		return VPCConnector{}, Errorf(InvalidRequest, "VPC connector %q needs at least one subnet.", name)
	}
	for _, list := range [][]string{subnets, groups} {
		seen := map[string]bool{"": true}
		for _, member := range list {
			if seen[member] {
				return VPCConnector{}, Errorf(InvalidRequest, "VPC connector %q names %q twice, or an empty id.", name, member)
			}
			seen[member] = true
		}
	}
	if _, taken := Named(r.Connectors, name); taken {
		return VPCConnector{}, Errorf(InvalidRequest, "VPC connector with the provided name already exists: %s.", name)
	}
	if n := len(Living(r.Connectors)); n >= quota {
		return VPCConnector{}, Errorf(ServiceQuotaExceeded, "There are %d VPC connectors in Region %s, the most allowed. Delete one first.", n, here.Region)
	}
	arn := ARN{Place: here, Type: TypeVPCConnector, Name: name, Revision: 1, ID: id}
	return VPCConnector{ARN: arn.String(), Name: name, Subnets: subnets, SecurityGroups: groups, CreatedAt: now}, nil
}

// Connector returns the VPC connector with a complete ARN, also an inactive one.
func (r Resources) Connector(arn string, here Place) (VPCConnector, error) {
	return byARN(r.Connectors, arn, TypeVPCConnector, here)
}

// DeleteConnector makes a VPC connector inactive that no service uses.
func (r Resources) DeleteConnector(arn string, here Place, users Users, now time.Time) (VPCConnector, error) {
	c, err := r.Connector(arn, here)
	switch {
	case err != nil:
		return c, err
	case users.use(c.ARN):
		return c, Errorf(InvalidRequest, "VPC connector %s is in use by a service. Change or delete the service first.", c.ARN)
	case c.Active():
		c.DeletedAt = now
	}
	return c, nil
}

// Connect returns what a service is to have that asks for n: what its connector says is kept with
// it.
func (r Resources) Connect(n Network, here Place) (Network, error) {
	n.Subnets, n.SecurityGroups = nil, nil
	if n.VPCConnector == "" {
		return n, nil
	}
	c, err := r.Connector(n.VPCConnector, here)
	if err != nil {
		return n, err
	}
	if !c.Active() {
		return n, Errorf(InvalidRequest, "VPC connector %s is inactive. Give an active one.", c.ARN)
	}
	n.Subnets, n.SecurityGroups = c.Subnets, c.SecurityGroups
	return n, nil
}
