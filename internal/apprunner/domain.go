package apprunner

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"
)

// DomainStatus is how far a custom domain is. The values are those of the wire.
type DomainStatus string

// The statuses of a custom domain.
const (
	DomainCreating     DomainStatus = "creating"                           // its validation records are made
	DomainPending      DomainStatus = "pending_certificate_dns_validation" // waits for its owner's DNS records
	DomainBinding      DomainStatus = "binding_certificate"                // its certificate is asked for
	DomainActive       DomainStatus = "active"
	DomainCreateFailed DomainStatus = "create_failed"
	DomainDeleting     DomainStatus = "deleting"
	DomainDeleteFailed DomainStatus = "delete_failed"
)

// DomainQuota is how many custom domains a service may have in App Runner.
const DomainQuota = 5

// CustomDomain is a name of a service that its owner brought along.
type CustomDomain struct {
	ServiceID string
	Name      string // lower case, without a dot at the end
	WWW       bool   // "www." before it leads to the service too
	Status    DomainStatus
	Records   []DomainRecord `json:",omitempty"`
	Secured   bool           `json:",omitempty"` // a certificate was issued for each of its names
	Reason    string         `json:",omitempty"` // why it failed, or has not come further yet
	CreatedAt time.Time
	UpdatedAt time.Time
	Since     time.Time // when it got its status
}

// DomainRecord is a DNS record that proves control of one name of a custom domain.
type DomainRecord struct {
	Host  string // the name that it proves
	Name  string // of the record, with a dot at the end
	Value string // what the record says: it is a CNAME
	Valid bool   // control of the name was proved
}

// Names lists what the domain is called by in requests.
func (d CustomDomain) Names() []string {
	if d.WWW {
		return []string{d.Name, "www." + d.Name}
	}
	return []string{d.Name}
}

// Proven reports whether control of every name was proved.
func (d CustomDomain) Proven() bool {
	return len(d.Records) > 0 && !slices.ContainsFunc(d.Records, func(r DomainRecord) bool { return !r.Valid })
}

// Routed reports whether requests for the domain go to its service: from when control of its names
// was proved.
func (d CustomDomain) Routed() bool { return d.Status == DomainBinding || d.Status == DomainActive }

// nextDomain lists the statuses that may follow each status. A deletion may begin at any time.
var nextDomain = map[DomainStatus][]DomainStatus{
	DomainCreating:     {DomainPending, DomainCreateFailed, DomainDeleting},
	DomainPending:      {DomainBinding, DomainCreateFailed, DomainDeleting},
	DomainBinding:      {DomainActive, DomainCreateFailed, DomainDeleting},
	DomainActive:       {DomainDeleting},
	DomainCreateFailed: {DomainDeleting},
	DomainDeleting:     {DomainDeleteFailed},
	DomainDeleteFailed: {DomainDeleting},
}

// To is the domain in the status that follows.
func (d CustomDomain) To(next DomainStatus, now time.Time) (CustomDomain, error) {
	if !slices.Contains(nextDomain[d.Status], next) {
		return d, Errorf(InvalidState, "Custom domain %s is %s and cannot become %s.", d.Name, d.Status, next)
	}
	d.Status, d.UpdatedAt, d.Since, d.Reason = next, now, now, ""
	return d, nil
}

// Prepare gives a new domain the records that its owner is to make. Our is Slipway's own domain.
func (d CustomDomain) Prepare(our string, now time.Time) (CustomDomain, error) {
	d, err := d.To(DomainPending, now)
	if err != nil {
		return d, err
	}
	d.Records = nil
	for _, host := range d.Names() {
		d.Records = append(d.Records, DomainRecord{
			Host: host, Name: "_" + NewID() + "." + strings.TrimPrefix(host, "*.") + ".",
			Value: "_" + NewID() + "." + validationZone() + ".acm-validations." + our + ".",
		})
	}
	return d, nil
}

// validationZone is ten random letters and digits.
func validationZone() string { return strings.ToLower(rand.Text()[:10]) }

// Prove notes that control of names was proved. When nothing is missing the certificate is next.
func (d CustomDomain) Prove(names []string, now time.Time) (CustomDomain, error) {
	d.Records = slices.Clone(d.Records)
	for i, r := range d.Records {
		d.Records[i].Valid = r.Valid || slices.Contains(names, r.Host)
	}
	d.UpdatedAt = now
	if !d.Proven() {
		return d, nil
	}
	return d.To(DomainBinding, now)
}

// Fail ends the attempt to bring a domain into use.
func (d CustomDomain) Fail(reason string, now time.Time) (CustomDomain, error) {
	d, err := d.To(DomainCreateFailed, now)
	d.Reason = reason
	return d, err
}

// Delete begins to take a domain away. Of one that is being deleted nothing changes.
func (d CustomDomain) Delete(now time.Time) (CustomDomain, error) {
	if d.Status == DomainDeleting {
		return d, nil
	}
	return d.To(DomainDeleting, now)
}

// DomainChangeAllowed tells whether a domain may be associated with a service, or disassociated, now.
//
// Source: the table of what is allowed in which state, App Runner developer guide.
func DomainChangeAllowed(s Service, operation string) error {
	switch s.Status {
	case ServiceRunning:
		return nil
	case ServiceDeleted:
		return Errorf(ResourceNotFound, "Service %s is deleted.", s.ARN)
	case ServiceInProgress:
		return Errorf(InvalidState, "Service cannot be changed in the current state: OPERATION_IN_PROGRESS. Wait until the operation of %s ends.", s.ARN)
	default:
		return Errorf(InvalidState, "%s is not allowed while service %s is %s.%s", operation, s.ARN, s.Status, remedy(s.Status))
	}
}

// Domains are custom domains of all services.
type Domains []CustomDomain

// Of returns the domains of one service, by name.
func (all Domains) Of(serviceID string) Domains {
	some := slices.DeleteFunc(slices.Clone(all), func(d CustomDomain) bool { return d.ServiceID != serviceID })
	slices.SortFunc(some, func(a, b CustomDomain) int { return strings.Compare(a.Name, b.Name) })
	return some
}

// Add makes a custom domain of a service. Our is Slipway's own domain, quota the most that a
// service may have.
func (all Domains) Add(s Service, name string, www bool, our string, quota int, now time.Time) (CustomDomain, error) {
	if err := DomainChangeAllowed(s, "AssociateCustomDomain"); err != nil {
		return CustomDomain{}, err
	}
	name, err := ParseDomainName(name, our)
	if err != nil {
		return CustomDomain{}, err
	}
	if www && strings.HasPrefix(name, "*.") {
		return CustomDomain{}, Errorf(InvalidRequest, "EnableWWWSubdomain must be false for the wildcard domain %q, which has the www name already.", name)
	}
	d := CustomDomain{ServiceID: s.ID, Name: name, WWW: www, Status: DomainCreating, CreatedAt: now, UpdatedAt: now, Since: now}
	for _, other := range all {
		for _, taken := range other.Names() {
			if !slices.Contains(d.Names(), taken) {
				continue
			}
			if other.ServiceID == s.ID {
				return d, Errorf(InvalidRequest, "Domain name %s is already associated with service %s.", taken, s.ARN)
			}
			return d, Errorf(InvalidRequest, "Domain name %s is associated with another service. Disassociate it there first.", taken)
		}
	}
	if n := len(all.Of(s.ID)); n >= quota {
		return d, Errorf(InvalidRequest, "Service %s has %d custom domains, the most allowed. Disassociate one first.", s.ARN, n)
	}
	return d, nil
}
