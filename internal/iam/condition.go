package iam

import (
	"fmt"
	"slices"
	"strings"
)

// condition is one key of one operator of a Condition block.
type condition struct {
	operator
	set      string // "", forAnyValue or forAllValues
	ifExists bool
	key      string // lower case
	values   []string
}

const (
	forAnyValue  = "ForAnyValue"
	forAllValues = "ForAllValues"
	ifExists     = "IfExists"
)

// operator compares a value of the request with one of the policy. A negated one holds when none of
// the policy's values compares. Null has no compare: it asks whether the key is there.
type operator struct {
	compare func(pattern, value string) bool
	negated bool
}

func same(a, b string) bool { return a == b }

var operators = map[string]operator{
	"StringEquals":              {same, false},
	"StringNotEquals":           {same, true},
	"StringEqualsIgnoreCase":    {strings.EqualFold, false},
	"StringNotEqualsIgnoreCase": {strings.EqualFold, true},
	"StringLike":                {glob, false},
	"StringNotLike":             {glob, true},
	"ArnEquals":                 {globARN, false}, // IAM: the same as ArnLike
	"ArnLike":                   {globARN, false},
	"ArnNotEquals":              {globARN, true},
	"ArnNotLike":                {globARN, true},
	"Bool":                      {strings.EqualFold, false},
	"Null":                      {},
}

// known are the condition keys that requests have; those that end with a slash go on with the key of
// a tag. A condition on any other key would never see a value, so a policy with one is refused.
var known = []string{
	"apprunner:ServiceArn", "apprunner:ConnectionArn", "apprunner:AutoScalingConfigurationArn",
	"apprunner:ObservabilityConfigurationArn", "apprunner:VpcConnectorArn", "apprunner:VpcIngressConnectionArn",
	"apprunner:VpcId", "apprunner:VpcEndpointId", "apprunner:ResourceTag/",
	"secretsmanager:Name", "secretsmanager:Description", "secretsmanager:KmsKeyId", "secretsmanager:VersionId", "secretsmanager:VersionStage",
	"secretsmanager:ResourceTag/", "ssm:Overwrite", "ssm:Recursive", "ssm:resourceTag/",
	"aws:ResourceTag/", "aws:RequestTag/", "aws:TagKeys",
	"aws:RequestedRegion", "aws:username", "aws:PrincipalArn", "aws:SecureTransport",
}

// manyValued is the condition key that has more than one value, so that only a set operator makes
// sense with it.
const manyValued = "aws:tagkeys"

// holds reports whether a condition is true of a request.
func (c condition) holds(request Context) bool {
	got := request[c.key]
	switch {
	case c.compare == nil:
		return strings.EqualFold(c.values[0], "true") == (len(got) == 0)
	case len(got) == 0:
		return c.ifExists || c.set == forAllValues || c.set == "" && c.negated
	case c.set == forAllValues || c.set == "" && c.negated:
		return !slices.ContainsFunc(got, func(v string) bool { return !c.takes(v) })
	default:
		return slices.ContainsFunc(got, c.takes)
	}
}

// takes reports whether one value of the request is what the policy asks for.
func (c condition) takes(value string) bool {
	return slices.ContainsFunc(c.values, func(p string) bool { return c.compare(p, value) }) != c.negated
}

// parseCondition checks one key of one operator, named as in the document.
func parseCondition(name, key string, values []string) (condition, error) {
	c := condition{key: strings.ToLower(key), values: values}
	base := name
	if prefix, rest, ok := strings.Cut(name, ":"); ok && (prefix == forAnyValue || prefix == forAllValues) {
		c.set, base = prefix, rest
	}
	base, c.ifExists = strings.CutSuffix(base, ifExists)
	var ok bool
	if c.operator, ok = operators[base]; !ok {
		return c, fmt.Errorf("condition operator %q is not one that Slipway knows", name)
	}
	if !isKnown(key) {
		return c, fmt.Errorf("condition key %q is not one that requests to Slipway have; known are %s", key, strings.Join(known, ", "))
	}
	switch {
	case len(values) == 0:
		return c, fmt.Errorf("%s of %q has no value", name, key)
	case c.compare == nil && (c.set != "" || c.ifExists):
		return c, fmt.Errorf("condition operator %q is not one that Slipway knows: Null stands alone", name)
	case c.key == manyValued && c.set == "" && c.compare != nil:
		return c, fmt.Errorf("condition key %q has many values: use ForAnyValue:%s or ForAllValues:%[2]s", key, name)
	case (base == "Null" || base == "Bool") && !allBool(values):
		return c, fmt.Errorf("%s of %q must be true or false, not %q", name, key, values)
	case base == "Null" && len(values) > 1:
		return c, fmt.Errorf("%s of %q has more than one value", name, key)
	}
	return c, nil
}

func isKnown(key string) bool {
	return slices.ContainsFunc(known, func(k string) bool {
		if strings.HasSuffix(k, "/") {
			return len(key) > len(k) && strings.EqualFold(key[:len(k)], k)
		}
		return strings.EqualFold(key, k)
	})
}

func allBool(values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return !strings.EqualFold(v, "true") && !strings.EqualFold(v, "false") })
}
