package secret

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Parameter is a parameter of the Parameter Store, without its values.
type Parameter struct {
	Region      string
	Name        string
	Type        string // String, StringList or SecureString
	Description string `json:",omitempty"`
	KMSKey      string `json:",omitempty"` // of a SecureString, as the caller named it
	Pattern     string `json:",omitempty"` // that values must match
	Tier        string // Standard or Advanced
	ChangedBy   string // ARN
	History     []Change
}

// Change is a version of a parameter.
type Change struct {
	Version   int64
	ChangedAt time.Time
}

// The types and tiers of parameters.
const (
	String       = "String"
	StringList   = "StringList"
	SecureString = "SecureString"
	Standard     = "Standard"
	Advanced     = "Advanced"
	tiering      = "Intelligent-Tiering"
)

// DataType is the one that parameters have here. The others have AWS check what the text means.
const DataType = "text"

// Limits of the Parameter Store.
const (
	maxHistory  = 100
	maxLevels   = 15
	maxName     = 1011 // with the ARN's beginning
	maxStandard = 4096 // bytes
	maxAdvanced = 8192
)

// Latest is the newest version.
func (p Parameter) Latest() Change { return p.History[len(p.History)-1] }

func (p Parameter) version(n int64) (Change, bool) {
	for _, c := range p.History {
		if c.Version == n {
			return c, true
		}
	}
	return Change{}, false
}

// ParameterARN is the ARN of a parameter: its name follows the type without a second slash.
func ParameterARN(here apprunner.Place, name string) string {
	return "arn:aws:ssm:" + here.Region + ":" + here.Account + ":parameter/" + strings.TrimPrefix(name, "/")
}

var (
	parameterForm = regexp.MustCompile(`\A[a-zA-Z0-9_./-]+\z`)
	reserved      = regexp.MustCompile(`(?i)\A/?(aws|ssm)`)
)

// checkName holds the name of a new parameter to the rules.
//
// Source: PutParameter in the API reference of Systems Manager.
func checkName(here apprunner.Place, name string) error {
	switch {
	case !parameterForm.MatchString(name):
		return Errorf(validation, `Parameter name: can't have other characters than letters, digits and . - _ and, between levels, /.`)
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return Errorf(validation, "Parameter name must be a fully qualified name: one with levels begins with a slash.")
	case strings.Contains(name, "//") || strings.HasSuffix(name, "/"):
		return Errorf(validation, "Parameter name: a level must not be empty.")
	case reserved.MatchString(name):
		return Errorf(validation, `Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`)
	case strings.Count(name, "/") > maxLevels:
		return Errorf("HierarchyLevelLimitExceededException", "Parameter name has %d levels; the most allowed is %d.", strings.Count(name, "/"), maxLevels)
	case len(ParameterARN(here, name)) > maxName:
		return Errorf(validation, "Parameter name is too long: the ARN may have at most %d characters.", maxName)
	}
	return nil
}

// selected splits what GetParameter takes: a name or an ARN, perhaps with a version after a colon.
func selected(here apprunner.Place, id string) (names []string, selector string, err error) {
	if strings.HasPrefix(id, "arn:") {
		rest, ok := strings.CutPrefix(id, ParameterARN(here, ""))
		if !ok {
			return nil, "", Errorf(parameterMissing, "Parameter %s is not one of Region %s of account %s.", id, here.Region, here.Account)
		}
		rest, selector, _ = strings.Cut(rest, ":")
		if names = []string{"/" + rest}; !strings.Contains(rest, "/") {
			names = []string{rest, "/" + rest} // the ARN of both is the same
		}
		return names, selector, nil
	}
	name, selector, _ := strings.Cut(id, ":")
	return []string{name}, selector, nil
}

// ParameterName is the name in what GetParameter takes.
func ParameterName(here apprunner.Place, id string) string {
	if names, _, err := selected(here, id); err == nil {
		return names[0]
	}
	return id
}

// choose returns the version that a selector means; "" is the newest.
func (p Parameter) choose(selector string) (Change, error) {
	if selector == "" {
		return p.Latest(), nil
	}
	if n, err := strconv.ParseInt(selector, 10, 64); err == nil {
		if c, ok := p.version(n); ok {
			return c, nil
		}
		return Change{}, Errorf(noVersion, "Systems Manager could not find version %d of %s. Verify the version and try again.", n, p.Name)
	}
	return Change{}, Errorf(noVersion, "Systems Manager could not find label %s of %s. Verify the label and try again.", selector, p.Name)
}

// tier is the tier of a value in one that was asked for, on a parameter that has one already or "".
func tier(asked, before, value string) (string, error) {
	if !utf8.ValidString(value) {
		return "", Errorf(validation, "Parameter value is not UTF-8.")
	}
	found := Standard
	if asked == Advanced || before == Advanced || asked == tiering && len(value) > maxStandard {
		found = Advanced // there is no way back: a value would be lost
	}
	switch {
	case asked == Standard && before == Advanced:
		return "", Errorf(validation, "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.")
	case found == Standard && len(value) > maxStandard:
		return "", Errorf(validation, "Standard tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.", maxStandard)
	case len(value) > maxAdvanced:
		return "", Errorf(validation, "Advanced tier parameters support a maximum parameter value of %d characters.", maxAdvanced)
	}
	return found, nil
}
