package apprunner

import (
	"regexp"
	"strconv"
	"strings"
)

// Place is the account and the Region that a resource belongs to.
type Place struct {
	Account string // twelve digits
	Region  string
}

// ARN is the name of a resource: arn:aws:apprunner:<region>:<account>:<type>/<name>[/<revision>][/<id>].
type ARN struct {
	Place
	Type     string // "service", "autoscalingconfiguration", …
	Name     string
	Revision int    // 0 when the ARN has none
	ID       string // 32 hexadecimal digits; empty in a partial ARN
}

// The resource types that have an ARN.
const (
	TypeService       = "service"
	TypeScaling       = "autoscalingconfiguration"
	TypeConnection    = "connection"
	TypeObservability = "observabilityconfiguration"
	TypeVPCConnector  = "vpcconnector"
	TypeVPCIngress    = "vpcingressconnection"
)

var arnPattern = regexp.MustCompile(`^arn:aws[\w-]*:apprunner:([a-z0-9-]+):([0-9]{12}):([a-z]+)/([\w-]+)(?:/([\w-]+))?(?:/([\w-]+))?$`)

func (a ARN) String() string {
	parts := []string{a.Type, a.Name}
	if a.Revision > 0 {
		parts = append(parts, strconv.Itoa(a.Revision))
	}
	if a.ID != "" {
		parts = append(parts, a.ID)
	}
	return "arn:aws:apprunner:" + a.Region + ":" + a.Account + ":" + strings.Join(parts, "/")
}

// revisioned reports whether ARNs of this type carry a revision before the id.
func revisioned(resource string) bool {
	switch resource {
	case TypeScaling, TypeObservability, TypeVPCConnector:
		return true
	default:
		return false
	}
}

// ParseARN reads an ARN. Those of auto scaling and observability configurations may end after the
// name or after the revision.
func ParseARN(s string) (ARN, error) {
	m := arnPattern.FindStringSubmatch(s)
	if m == nil {
		return ARN{}, Errorf(InvalidRequest, "%q is not an App Runner ARN. Expected arn:aws:apprunner:<region>:<account>:<type>/<name>/<id>.", s)
	}
	a := ARN{Place: Place{Region: m[1], Account: m[2]}, Type: m[3], Name: m[4]}
	if !revisioned(a.Type) {
		a.ID = m[5]
		if m[6] != "" || m[5] == "" {
			return ARN{}, Errorf(InvalidRequest, "%q is not the ARN of a %s: expected <name>/<id> after the type.", s, a.Type)
		}
		return a, nil
	}
	a.ID = m[6]
	if m[5] == "" {
		return a, nil
	}
	n, err := strconv.Atoi(m[5])
	if err != nil || n < 1 {
		return ARN{}, Errorf(InvalidRequest, "%q has no valid revision: %q is not a number from 1.", s, m[5])
	}
	a.Revision = n
	return a, nil
}

// ServiceARN reads the ARN of a service in here. One of another account or Region is not found.
func ServiceARN(s string, here Place) (ARN, error) { return typed(s, TypeService, here) }

func typed(s, resource string, here Place) (ARN, error) {
	a, err := ParseARN(s)
	if err != nil {
		return ARN{}, err
	}
	if a.Type != resource {
		return ARN{}, Errorf(InvalidRequest, "%q is the ARN of a %s, not of a %s.", s, a.Type, resource)
	}
	if a.Place != here {
		return ARN{}, Errorf(ResourceNotFound, "There is no %s with ARN %s in Region %s of account %s.", resource, s, here.Region, here.Account)
	}
	return a, nil
}
