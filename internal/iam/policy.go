package iam

import (
	"slices"
	"strings"
)

// Policy is what an access key may do: an identity-based policy document of IAM.
type Policy struct {
	text       []byte // the document, compact
	statements []statement
}

type statement struct {
	deny       bool
	actions    list
	resources  list
	conditions []condition
}

// list is what an Action, NotAction, Resource or NotResource says.
type list struct {
	patterns []string // of actions in lower case
	except   bool     // NotAction, NotResource
}

func (l list) has(match func(pattern, text string) bool, text string) bool {
	return slices.ContainsFunc(l.patterns, func(p string) bool { return match(p, text) }) != l.except
}

// Request is one thing that somebody wants to do.
type Request struct {
	Action   string // apprunner:CreateService
	Resource string // an ARN, or "*" for actions that concern no resource
	Context  Context
}

// Context is what a request tells conditions: the values of condition keys. Make it with Set.
type Context map[string][]string

// Set gives a condition key values. Names of keys have no case.
func (c Context) Set(key string, values ...string) {
	key = strings.ToLower(key)
	c[key] = append(c[key], values...)
}

// Decision is what a policy says of a request.
type Decision int

// The decisions.
const (
	NotAllowed Decision = iota // no statement allows it
	Allowed
	Denied // a statement denies it, whatever others say
)

// Allows decides about a request: one that no statement denies and at least one allows is Allowed.
func (p *Policy) Allows(r Request) Decision {
	decision := NotAllowed
	r.Action = strings.ToLower(r.Action) // names of actions have no case
	for _, s := range p.statements {
		switch {
		case !s.applies(r):
		case s.deny:
			return Denied
		default:
			decision = Allowed
		}
	}
	return decision
}

func (s statement) applies(r Request) bool {
	if !s.actions.has(glob, r.Action) || !s.resources.has(globARN, r.Resource) {
		return false
	}
	return !slices.ContainsFunc(s.conditions, func(c condition) bool { return !c.holds(r.Context) })
}

// MarshalJSON returns the document.
func (p *Policy) MarshalJSON() ([]byte, error) { return p.text, nil }

// UnmarshalJSON reads a document as ParsePolicy does.
func (p *Policy) UnmarshalJSON(data []byte) error {
	parsed, err := ParsePolicy(data)
	if err == nil {
		*p = *parsed
	}
	return err
}
