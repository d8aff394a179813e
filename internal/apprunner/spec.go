package apprunner

import (
	"net/url"
	"strings"
	"time"
)

// Spec is the configuration of a service that UpdateService can change.
type Spec struct {
	Image         Image
	Code          *CodeRepository `json:",omitempty"` // nil for an image source
	AutoDeploy    bool
	AccessRole    string `json:",omitempty"` // ARN
	Connection    string `json:",omitempty"` // ARN
	Instance      InstanceConfiguration
	Health        HealthCheck
	ScalingARN    string
	Network       Network
	Observability Observability
}

// ImageType is where an image lives.
type ImageType string

// The repository types that App Runner knows. ECR stands for every registry that is not ECR Public.
const (
	ECR       ImageType = "ECR"
	ECRPublic ImageType = "ECR_PUBLIC"
)

// Image is the image source of a service.
type Image struct {
	Identifier string // as the caller wrote it
	Type       ImageType
	Port       int               // that the application listens on
	Variables  map[string]string `json:",omitempty"`
	Secrets    map[string]string `json:",omitempty"` // references, by the name of the variable
	Start      string            `json:",omitempty"` // replaces the image's command
	// Command is the program and its arguments that a build decided on, instead of Start.
	Command []string `json:",omitempty"`
	// PortVariables are further variables with the port, beside PORT.
	PortVariables []string `json:",omitempty"`
}

// InstanceConfiguration is what every instance gets.
type InstanceConfiguration struct {
	CPU    int    // units; 1024 is one virtual CPU
	Memory int    // MiB
	Role   string `json:",omitempty"` // ARN
}

// HealthProtocol is how an instance is checked.
type HealthProtocol string

// The protocols of a health check.
const (
	HealthTCP  HealthProtocol = "TCP"  // the port accepts a connection
	HealthHTTP HealthProtocol = "HTTP" // GET Path answers 200 to 399
)

// HealthCheck says when an instance is healthy.
type HealthCheck struct {
	Protocol  HealthProtocol
	Path      string
	Interval  time.Duration
	Timeout   time.Duration
	Healthy   int // checks in a row that succeed
	Unhealthy int // checks in a row that fail
}

// Target is the path that is asked for, perhaps with a query. Whatever Path says, it is no more than
// that: it names no other host.
func (c HealthCheck) Target() (*url.URL, error) {
	return url.ParseRequestURI("/" + strings.TrimPrefix(c.Path, "/"))
}

// Network is how a service is reached and what it reaches.
type Network struct {
	Private      bool   `json:",omitempty"` // not publicly accessible
	VPCConnector string `json:",omitempty"` // ARN; empty for the default egress
	DualStack    bool   `json:",omitempty"`

	// What the connector says, which never changes.
	Subnets        []string `json:",omitempty"`
	SecurityGroups []string `json:",omitempty"`
}

// Observability is the tracing of a service.
type Observability struct {
	Enabled bool   `json:",omitempty"`
	ARN     string `json:",omitempty"`
	Vendor  string `json:",omitempty"` // of traces, as the configuration says, which never changes
}

// Traces reports whether the application finds a collector of traces.
func (o Observability) Traces() bool { return o.Enabled && o.Vendor != "" }

// Limits of every instance that App Runner fixes.
const (
	EphemeralDisk  = 3 << 30         // bytes
	DefaultPort    = 8080            // when the image configuration names none
	StartTimeout   = 5 * time.Minute // to listen and become healthy
	RequestTimeout = 120 * time.Second
)

// DefaultSpec is the configuration of a service whose creator said nothing.
func DefaultSpec() Spec {
	return Spec{
		Image:    Image{Port: DefaultPort},
		Instance: InstanceConfiguration{CPU: 1024, Memory: 2048},
		Health:   DefaultHealthCheck(),
	}
}

// DefaultHealthCheck is TCP every five seconds.
func DefaultHealthCheck() HealthCheck {
	return HealthCheck{
		Protocol: HealthTCP, Path: "/",
		Interval: 5 * time.Second, Timeout: 2 * time.Second,
		Healthy: 1, Unhealthy: 5,
	}
}
