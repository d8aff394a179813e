package apprunner

import (
	"cmp"
	"strings"
	"time"
)

// Change is what a caller of CreateService or UpdateService asks for. A nil member was not sent:
// the service keeps what it has, or gets the default.
type Change struct {
	Source        *SourceChange
	Instance      *InstanceChange
	Health        *HealthChange
	Scaling       *string // ARN, perhaps partial
	Network       *Network
	Observability *Observability
}

// Empty reports whether nothing was asked for.
func (c Change) Empty() bool { return c == Change{} }

// SourceChange is the SourceConfiguration of a request.
type SourceChange struct {
	Image      *ImageChange
	Code       *CodeChange
	AutoDeploy *bool
	AccessRole *string
	Connection *string
}

// ImageChange is an ImageRepository with its ImageConfiguration.
type ImageChange struct {
	Identifier string
	Type       ImageType
	Port       string // "" for the default
	Variables  map[string]string
	Secrets    map[string]string
	Start      string
}

// InstanceChange is an InstanceConfiguration as it was sent.
type InstanceChange struct{ CPU, Memory, Role string }

// HealthChange is a HealthCheckConfiguration as it was sent; zero members take their defaults.
type HealthChange struct {
	Protocol                              string
	Path                                  string
	Interval, Timeout, Healthy, Unhealthy int // the first two in seconds
}

// Apply returns spec changed by c. It replaces whole top-level members, as App Runner does, and
// leaves what is named by ARN to the caller, who can look it up.
func (c Change) Apply(spec Spec) (Spec, error) {
	var err error
	if c.Source != nil {
		if spec, err = c.Source.apply(spec); err != nil {
			return Spec{}, err
		}
	}
	if c.Instance != nil {
		spec.Instance, err = ParseInstance(c.Instance.CPU, c.Instance.Memory, c.Instance.Role)
		if err != nil {
			return Spec{}, err
		}
	}
	if c.Health != nil {
		spec.Health = c.Health.check()
		if _, err := spec.Health.Target(); err != nil {
			return Spec{}, Errorf(InvalidRequest, "HealthCheckConfiguration.Path %q is not the path of a URL, such as /health.", spec.Health.Path)
		}
	}
	if c.Network != nil {
		spec.Network = *c.Network
	}
	if c.Observability != nil {
		spec.Observability = *c.Observability
	}
	return spec, nil
}

func (c SourceChange) apply(spec Spec) (Spec, error) {
	spec, err := c.source(spec)
	if err != nil {
		return Spec{}, err
	}
	if c.AutoDeploy != nil {
		spec.AutoDeploy = *c.AutoDeploy
	}
	if spec.AutoDeploy && spec.Image.Type == ECRPublic {
		return Spec{}, Errorf(InvalidRequest, "App Runner doesn't support automatic deployments for an image in an ECR Public repository.")
	}
	if c.AccessRole != nil {
		spec.AccessRole = *c.AccessRole
	}
	if c.Connection != nil {
		spec.Connection = *c.Connection
	}
	return spec, nil
}

// source sets the image or the code of a configuration, which stays what it is of the two.
func (c SourceChange) source(spec Spec) (_ Spec, err error) {
	first := spec.Image.Identifier == "" && spec.Code == nil
	switch {
	case c.Image != nil && c.Code != nil, first && c.Image == nil && c.Code == nil:
		return spec, Errorf(InvalidRequest, "SourceConfiguration needs exactly one of CodeRepository and ImageRepository.")
	case c.Image != nil && spec.Code != nil:
		return spec, Errorf(InvalidRequest, "The service is built from source code, and its source cannot become an image. Create another service for the image.")
	case c.Code != nil && spec.Code == nil && !first:
		return spec, Errorf(InvalidRequest, "The service runs an image, and its source cannot become source code. Create another service for the code.")
	case c.Image != nil:
		spec.Image, err = c.Image.image()
	case c.Code != nil:
		spec.Code, err = c.Code.repository(spec.Code)
	}
	if first {
		spec.AutoDeploy = spec.Image.Type != ECRPublic
	}
	return spec, err
}

func (c ImageChange) image() (Image, error) {
	port, err := parsePort("ImageConfiguration.Port", c.Port)
	if err != nil {
		return Image{}, err
	}
	if err := checkEnvironment(c.Variables, c.Secrets); err != nil {
		return Image{}, err
	}
	if err := checkStart(c.Start); err != nil {
		return Image{}, err
	}
	return Image{Identifier: c.Identifier, Type: c.Type, Port: port, Variables: c.Variables, Secrets: c.Secrets, Start: c.Start}, nil
}

// checkStart refuses a start command that no process can have.
func checkStart(start string) error {
	if strings.Contains(start, "\x00") {
		return Errorf(InvalidRequest, "StartCommand has a NUL character, which no command can have.")
	}
	return nil
}

func checkEnvironment(variables, secrets map[string]string) error {
	for name, value := range variables {
		if err := checkVariable("RuntimeEnvironmentVariables", name); err != nil {
			return err
		}
		if strings.Contains(value, "\x00") {
			return Errorf(InvalidRequest, "The value of %q in RuntimeEnvironmentVariables has a NUL character, which no variable can have.", name)
		}
	}
	return checkSecrets(secrets, variables)
}

// checkVariable refuses names that cannot be set or that App Runner keeps for itself. PORT is
// accepted, as real services set it; the injected one wins.
func checkVariable(member, name string) error {
	if strings.HasPrefix(name, "AWSAPPRUNNER") {
		return Errorf(InvalidRequest, "%s may not name %q: the prefix AWSAPPRUNNER is reserved.", member, name)
	}
	if strings.ContainsAny(name, "=\x00") {
		return Errorf(InvalidRequest, "%s may not name %q: a name has no '=' and no NUL.", member, name)
	}
	return nil
}

func (c HealthChange) check() HealthCheck {
	d := DefaultHealthCheck()
	return HealthCheck{
		Protocol:  HealthProtocol(cmp.Or(c.Protocol, string(d.Protocol))),
		Path:      cmp.Or(c.Path, d.Path),
		Interval:  cmp.Or(time.Duration(c.Interval)*time.Second, d.Interval),
		Timeout:   cmp.Or(time.Duration(c.Timeout)*time.Second, d.Timeout),
		Healthy:   cmp.Or(c.Healthy, d.Healthy),
		Unhealthy: cmp.Or(c.Unhealthy, d.Unhealthy),
	}
}
