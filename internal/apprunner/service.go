package apprunner

import "time"

// ServiceStatus is what DescribeService reports of a service.
type ServiceStatus string

// The statuses of a service.
const (
	ServiceInProgress   ServiceStatus = "OPERATION_IN_PROGRESS"
	ServiceRunning      ServiceStatus = "RUNNING"
	ServicePaused       ServiceStatus = "PAUSED"
	ServiceCreateFailed ServiceStatus = "CREATE_FAILED"
	ServiceDeleteFailed ServiceStatus = "DELETE_FAILED"
	ServiceDeleted      ServiceStatus = "DELETED"
)

// Service is a web service: what its owner asked for and where it is in its life. What runs for it
// is not part of it: that is read from the engine.
type Service struct {
	ID        string
	Name      string
	ARN       string
	Region    string
	Subdomain string // ten characters, the first label of its URL
	Status    ServiceStatus
	Spec      Spec
	KMSKey    string `json:",omitempty"` // ARN; fixed at creation

	RevisionID string `json:",omitempty"` // the revision that serves, or that Resume brings back
	CreatedAt  time.Time
	UpdatedAt  time.Time
	DeletedAt  time.Time `json:",omitzero"`
}

// Host is the service's name in its URL: "<subdomain>.<region>.<domain>".
func (s Service) Host(domain string) string {
	return s.Subdomain + "." + s.Region + "." + domain
}

// Listed reports whether ListServices and the quota count the service.
func (s Service) Listed() bool { return s.Status != ServiceDeleted }

// Revision is one deployed state of a service: configuration, environment and image together. It
// never changes, so that it can be brought back without building.
type Revision struct {
	ID        string
	ServiceID string
	Number    int // 1, 2, 3, …
	Spec      Spec
	Scaling   Scaling
	Digest    string  // of the image that the tag named when it was resolved
	Image     string  // that image's name in the engine, once pulled
	Commit    *Commit `json:",omitempty"` // of source code
	// Secrets are what the references in Spec.Image.Secrets named when the revision was deployed, by
	// the name of the variable.
	Secrets   map[string]ResolvedSecret `json:",omitempty"`
	Served    bool                      // it was sent traffic once: its instances were healthy
	ServedAt  time.Time                 `json:",omitzero"` // when it was sent traffic last
	CreatedAt time.Time
}

// configuration is what the service was configured with: what a build made of it is left out.
func (r Revision) configuration() Spec {
	spec := r.Spec
	if spec.Code != nil {
		spec.Image = DefaultSpec().Image
	}
	return spec
}

// Source identifies what the revision was made from: equal for revisions of the same image, or of the
// same files in the source directory. It is "" while that is not known.
func (r Revision) Source() string {
	switch {
	case r.Commit == nil:
		return r.Digest
	case r.Commit.Tree != "":
		return r.Commit.Tree
	default:
		return r.Commit.ID
	}
}

// Scaling is what an auto scaling configuration says, copied into the revision.
type Scaling struct {
	MaxConcurrency int // requests at a time for one instance
	MinSize        int // instances kept while idle
	MaxSize        int
}
