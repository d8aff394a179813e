package apprunner

import "time"

// TraceAWSXRay is the only vendor of traces that App Runner knows.
const TraceAWSXRay = "AWSXRAY"

// TracePort is where an application finds the collector of its traces, on its own loopback address:
// OTLP over gRPC.
const TracePort = 4317

// How many active revisions a name may have, and the name that nobody may use.
const (
	ObservabilityPerNameQuota = 10
	DefaultObservabilityName  = "DefaultConfiguration"
)

// ObservabilityConfiguration is one revision of an observability configuration.
type ObservabilityConfiguration struct {
	ARN       string
	Name      string
	Revision  int
	Vendor    string `json:",omitempty"` // of traces; empty for no tracing
	CreatedAt time.Time
	DeletedAt time.Time `json:",omitzero"`
}

func (c ObservabilityConfiguration) identity() identity { return identity{c.ARN, c.Name, c.DeletedAt} }
func (c ObservabilityConfiguration) number() int        { return c.Revision }

// Active reports whether the configuration can still be used.
func (c ObservabilityConfiguration) Active() bool { return c.DeletedAt.IsZero() }

// Observabilities are the observability configurations of one Region, deleted ones included.
type Observabilities []ObservabilityConfiguration

// DefaultObservability is what a service gets that turns observability on and names no
// configuration. Every Region has it; nobody can change or delete it.
func DefaultObservability(here Place, madeAt time.Time) ObservabilityConfiguration {
	arn := ARN{Place: here, Type: TypeObservability, Name: DefaultObservabilityName, Revision: 1, ID: "00000000000000000000000000000001"}
	return ObservabilityConfiguration{ARN: arn.String(), Name: arn.Name, Revision: 1, Vendor: TraceAWSXRay, CreatedAt: madeAt}
}

// Find looks up an ARN: complete, ending after the revision, or ending after the name, which stands
// for the latest active revision.
func (all Observabilities) Find(arn string, here Place) (ObservabilityConfiguration, error) {
	return findRevision(all, arn, TypeObservability, "observability configuration", here)
}

// Latest reports whether c is the newest active revision of its name.
func (all Observabilities) Latest(c ObservabilityConfiguration) bool { return latest(all, c) }

// Add makes the next revision of name.
func (all Observabilities) Add(here Place, name, vendor, id string, quota int, now time.Time) (ObservabilityConfiguration, error) {
	if name == DefaultObservabilityName {
		return ObservabilityConfiguration{}, Errorf(InvalidRequest, "The name %s is reserved. Give the observability configuration another name.", name)
	}
	revision, err := nextRevision(all, name, "observability configuration", quota, ObservabilityPerNameQuota, DefaultObservabilityName)
	arn := ARN{Place: here, Type: TypeObservability, Name: name, Revision: revision, ID: id}
	return ObservabilityConfiguration{ARN: arn.String(), Name: name, Revision: revision, Vendor: vendor, CreatedAt: now}, err
}

// Delete makes a revision inactive that no service uses.
func (all Observabilities) Delete(arn string, here Place, users Users, now time.Time) (ObservabilityConfiguration, error) {
	c, err := all.Find(arn, here)
	switch {
	case err != nil:
		return c, err
	case c.Name == DefaultObservabilityName:
		return c, Errorf(InvalidRequest, "Observability configuration %s is the default and cannot be deleted.", c.ARN)
	case users.use(c.ARN):
		return c, Errorf(InvalidRequest, "Observability configuration %s is in use by a service. Change or delete the service first.", c.ARN)
	case c.Active():
		c.DeletedAt = now
	}
	return c, nil
}

// Configure returns what a service is to have that asks for o. The configuration never changes, so
// what it says is kept with the service.
func (all Observabilities) Configure(o Observability, here Place) (Observability, error) {
	if !o.Enabled {
		if o.ARN != "" {
			return o, Errorf(InvalidRequest, "ObservabilityConfigurationArn is given but ObservabilityEnabled is false. Leave the ARN out, or enable observability.")
		}
		return Observability{}, nil
	}
	if o.ARN == "" {
		o.ARN = (ARN{Place: here, Type: TypeObservability, Name: DefaultObservabilityName}).String()
	}
	c, err := all.Find(o.ARN, here)
	if err != nil {
		return o, err
	}
	if !c.Active() {
		return o, Errorf(InvalidRequest, "Observability configuration %s is inactive. Give an active one.", c.ARN)
	}
	return Observability{Enabled: true, ARN: c.ARN, Vendor: c.Vendor}, nil
}
