package telemetry

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/slipway-run/slipway/internal/logs"
)

// ErrNotFound tells that there is no such log group or stream.
var ErrNotFound = logs.ErrNotFound

// Service names a service the way its log groups do.
type Service struct{ Name, ID string }

// The streams of the service group; an instance's stream is InstanceStream + its id.
const (
	EventStream      = "events"
	ScalingStream    = "scaling" // decisions of the autoscaler; App Runner has none, so it is read by its name alone
	DeploymentStream = "deployment/"
	InstanceStream   = "instance/"
	AccessStream     = "requests" // the one of the access group
)

const groupPrefix = "/aws/apprunner/"

// ServiceGroup is the log group of events and deployment logs.
func (s Service) ServiceGroup() string { return groupPrefix + s.Name + "/" + s.ID + "/service" }

// ApplicationGroup is the log group of the output of instances.
func (s Service) ApplicationGroup() string {
	return groupPrefix + s.Name + "/" + s.ID + "/application"
}

// AccessGroup is the log group of requests. App Runner has none.
func (s Service) AccessGroup() string { return groupPrefix + s.Name + "/" + s.ID + "/access" }

// kind says which of the groups of a service is meant.
type kind string

const (
	serviceGroup     kind = "service"
	applicationGroup kind = "application"
	accessGroup      kind = "access"
)

// safeName matches what may become part of a file name: no separators, no leading dot.
var safeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

func (s Service) validate() error {
	if !safeName.MatchString(s.Name) {
		return fmt.Errorf("service name %q is not fit for a log group", s.Name)
	}
	if !safeName.MatchString(s.ID) {
		return fmt.Errorf("service id %q is not fit for a log group", s.ID)
	}
	return nil
}

// parseGroup takes the name of a log group apart.
func parseGroup(group string) (Service, kind, error) {
	rest, ok := strings.CutPrefix(group, groupPrefix)
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 3 {
		return Service{}, "", fmt.Errorf("log group %q: %w", group, ErrNotFound)
	}
	s, k := Service{Name: parts[0], ID: parts[1]}, kind(parts[2])
	if s.validate() != nil || k != serviceGroup && k != applicationGroup && k != accessGroup {
		return Service{}, "", fmt.Errorf("log group %q: %w", group, ErrNotFound)
	}
	return s, k, nil
}

// fileOf is where a stream of the service group is kept, below the service's directory and
// without the number and ending of its segments.
func fileOf(stream string) (string, error) {
	switch stream {
	case EventStream, ScalingStream:
		return stream, nil
	case AccessStream:
		return accessFile, nil
	}
	id, ok := strings.CutPrefix(stream, DeploymentStream)
	if !ok || !safeName.MatchString(id) {
		return "", fmt.Errorf("log stream %q: %w", stream, ErrNotFound)
	}
	return filepath.Join("deployment", id), nil
}
