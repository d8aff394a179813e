package apprunner

import "time"

// IngressStatus is how far a VPC ingress connection is.
type IngressStatus string

// The statuses of a VPC ingress connection.
const (
	IngressAvailable       IngressStatus = "AVAILABLE"
	IngressPendingCreation IngressStatus = "PENDING_CREATION"
	IngressPendingUpdate   IngressStatus = "PENDING_UPDATE"
	IngressPendingDeletion IngressStatus = "PENDING_DELETION"
	IngressFailedCreation  IngressStatus = "FAILED_CREATION"
	IngressFailedUpdate    IngressStatus = "FAILED_UPDATE"
	IngressFailedDeletion  IngressStatus = "FAILED_DELETION"
	IngressDeleted         IngressStatus = "DELETED"
)

// IngressesPerService is how many VPC ingress connections a service may have.
const IngressesPerService = 1

// VPCIngressConnection lets callers on the private listener reach a service.
type VPCIngressConnection struct {
	ARN        string
	Name       string
	ServiceARN string
	Subdomain  string // ten characters, the first label of its domain
	Region     string
	VPC        IngressVPC
	Status     IngressStatus
	CreatedAt  time.Time
	DeletedAt  time.Time `json:",omitzero"`
}

// IngressVPC is where callers come from. Slipway has one private network, so it only remembers them.
type IngressVPC struct {
	ID         string // vpc-…
	EndpointID string // vpce-…
}

func (c VPCIngressConnection) identity() identity { return identity{c.ARN, c.Name, c.DeletedAt} }

// Domain is the host name that the service answers to on the private listener.
func (c VPCIngressConnection) Domain(domain string) string {
	return c.Subdomain + "." + c.Region + "." + domain
}

// Open reports whether requests are let through.
func (c VPCIngressConnection) Open() bool {
	return c.Status != IngressPendingDeletion && c.Status != IngressFailedDeletion && c.Status != IngressDeleted
}

// Pending reports whether the connection is yet to be brought to its next status.
func (c VPCIngressConnection) Pending() bool {
	return c.Status == IngressPendingCreation || c.Status == IngressPendingUpdate || c.Status == IngressPendingDeletion
}

// Settle ends what is pending.
func (c VPCIngressConnection) Settle(now time.Time) VPCIngressConnection {
	switch c.Status {
	case IngressPendingCreation, IngressPendingUpdate:
		c.Status = IngressAvailable
	case IngressPendingDeletion:
		c.Status, c.DeletedAt = IngressDeleted, now
	}
	return c
}

// AddIngress makes a VPC ingress connection for a service.
func (r Resources) AddIngress(here Place, name, serviceARN string, vpc IngressVPC, users Users, id, subdomain string, now time.Time) (VPCIngressConnection, error) {
	var none VPCIngressConnection
	if _, err := ServiceARN(serviceARN, here); err != nil {
		return none, Errorf(InvalidRequest, "%s", err)
	}
	if err := idle(serviceARN, users); err != nil {
		return none, err
	}
	if s, _ := users.service(serviceARN); s.Status == ServiceCreateFailed || s.Status == ServiceDeleteFailed {
		return none, Errorf(InvalidState, "Service %s is %s and cannot get a VPC ingress connection.%s", serviceARN, s.Status, remedy(s.Status))
	}
	if _, taken := Named(r.Ingresses, name); taken {
		return none, Errorf(InvalidRequest, "VPC ingress connection with the provided name already exists: %s.", name)
	}
	if r.IngressesOf(serviceARN) >= IngressesPerService {
		return none, Errorf(ServiceQuotaExceeded, "Service %s has a VPC ingress connection, and more than %d is not allowed. Delete it first.", serviceARN, IngressesPerService)
	}
	arn := ARN{Place: here, Type: TypeVPCIngress, Name: name, ID: id}
	return VPCIngressConnection{
		ARN: arn.String(), Name: name, ServiceARN: serviceARN, Subdomain: subdomain, Region: here.Region,
		VPC: vpc, Status: IngressPendingCreation, CreatedAt: now,
	}, nil
}

// idle refuses a service that is not there, or has an operation under way.
func idle(serviceARN string, users Users) error {
	s, ok := users.service(serviceARN)
	switch {
	case !ok:
		return Errorf(InvalidRequest, "There is no service with ARN %s.", serviceARN)
	case s.Status == ServiceInProgress:
		return Errorf(InvalidState, "Service %s has an operation in progress. Wait until it ends, then try again.", serviceARN)
	default:
		return nil
	}
}

// IngressesOf counts the VPC ingress connections of a service that are not deleted.
func (r Resources) IngressesOf(serviceARN string) int {
	n := 0
	for _, c := range Living(r.Ingresses) {
		if c.ServiceARN == serviceARN {
			n++
		}
	}
	return n
}

// Ingress returns the VPC ingress connection with an ARN, also a deleted one.
func (r Resources) Ingress(arn string, here Place) (VPCIngressConnection, error) {
	return byARN(r.Ingresses, arn, TypeVPCIngress, here)
}

// ChangeIngress begins an update of where callers come from, or with delete a deletion.
func (r Resources) ChangeIngress(arn string, here Place, users Users, vpc IngressVPC, remove bool) (VPCIngressConnection, error) {
	c, err := r.Ingress(arn, here)
	if err != nil {
		return c, err
	}
	switch {
	case c.Status == IngressDeleted:
		return c, Errorf(ResourceNotFound, "VPC ingress connection %s is deleted.", arn)
	case c.Pending(), c.Status == IngressFailedDeletion && !remove:
		return c, Errorf(InvalidState, "VPC ingress connection %s cannot be changed while it is %s.", arn, c.Status)
	}
	// A service that cannot be read is not among the users. Its connection can be deleted all the same.
	if _, known := users.service(c.ServiceARN); known || !remove {
		if err := idle(c.ServiceARN, users); err != nil {
			return c, err
		}
	}
	if remove {
		c.Status = IngressPendingDeletion
		return c, nil
	}
	c.Status, c.VPC = IngressPendingUpdate, vpc
	return c, nil
}
