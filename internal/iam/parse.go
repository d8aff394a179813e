package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxPolicy is the size of the largest policy in characters, white space not counted, as AWS has it.
const MaxPolicy = 6144

// maxPolicyBytes is the size of the largest file that is looked at.
const maxPolicyBytes = 32 << 10

var (
	actionForm   = regexp.MustCompile(`\A(\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)\z`)
	sidForm      = regexp.MustCompile(`\A[A-Za-z0-9]*\z`)
	notSupported = []string{"Principal", "NotPrincipal"}
	members      = []string{"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)

// ParsePolicy reads an IAM policy document. It refuses what it would not enforce: the error names the
// statement and what is wrong with it.
func ParsePolicy(document []byte) (*Policy, error) {
	p, err := parsePolicy(document)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}

func parsePolicy(document []byte) (*Policy, error) {
	if len(document) > maxPolicyBytes {
		return nil, fmt.Errorf("it has %d bytes; the most allowed is %d", len(document), maxPolicyBytes)
	}
	if !utf8.Valid(document) {
		return nil, errors.New("it is not UTF-8")
	}
	if n := len([]rune(strings.Join(strings.Fields(string(document)), ""))); n > MaxPolicy {
		return nil, fmt.Errorf("it has %d characters without white space; the most allowed is %d", n, MaxPolicy)
	}
	top, err := object(document)
	if err != nil {
		return nil, err
	}
	for name, value := range top {
		if err := checkTop(name, value); err != nil {
			return nil, err
		}
	}
	statements, err := oneOrMore(top["Statement"])
	if err != nil || len(statements) == 0 {
		return nil, errors.New("it needs a Statement: an object, or a list of objects")
	}
	var text bytes.Buffer
	if err := json.Compact(&text, document); err != nil {
		return nil, err
	}
	p, sids := &Policy{text: text.Bytes()}, map[string]bool{}
	for i, raw := range statements {
		s, sid, err := parseStatement(raw)
		if err == nil && sid != "" && sids[sid] {
			err = errors.New("an earlier statement has the same Sid")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", nameOf(i, sid), err)
		}
		sids[sid] = true
		p.statements = append(p.statements, s)
	}
	return p, nil
}

func checkTop(name string, value json.RawMessage) error {
	switch name {
	case "Version":
		if v, err := text(value); err != nil || v != "2012-10-17" && v != "2008-10-17" {
			return fmt.Errorf("Version %s is not \"2012-10-17\"", value)
		}
	case "Id":
		if _, err := text(value); err != nil {
			return fmt.Errorf("Id is not a string")
		}
	case "Statement":
	default:
		return fmt.Errorf("there is no element %q; a policy has Version, Id and Statement", name)
	}
	return nil
}

func nameOf(i int, sid string) string {
	if sid == "" {
		return fmt.Sprintf("statement %d", i+1)
	}
	return fmt.Sprintf("statement %d (%s)", i+1, sid)
}

func parseStatement(raw json.RawMessage) (s statement, sid string, err error) {
	m, err := object(raw)
	if err != nil {
		return s, "", err
	}
	if value, ok := m["Sid"]; ok {
		if sid, err = text(value); err != nil || !sidForm.MatchString(sid) {
			return s, "", fmt.Errorf("Sid %s has more than letters and digits", value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		switch {
		case slices.Contains(notSupported, name):
			return s, sid, fmt.Errorf("%s belongs to policies of resources; this one belongs to a key", name)
		case !slices.Contains(members, name):
			return s, sid, fmt.Errorf("there is no element %q; a statement has %s", name, strings.Join(members, ", "))
		}
	}
	switch effect, _ := text(m["Effect"]); effect {
	case "Allow":
	case "Deny":
		s.deny = true
	default:
		return s, sid, errors.New(`Effect must be "Allow" or "Deny"`)
	}
	if s.actions, err = parseList(m, "Action", checkAction); err != nil {
		return s, sid, err
	}
	if s.resources, err = parseList(m, "Resource", checkResource); err != nil {
		return s, sid, err
	}
	for i, action := range s.actions.patterns {
		s.actions.patterns[i] = strings.ToLower(action)
	}
	s.conditions, err = parseConditions(m["Condition"])
	return s, sid, err
}

// parseList reads an element or its Not form; exactly one of them must be there.
func parseList(m map[string]json.RawMessage, name string, check func(string) error) (list, error) {
	value, positive := m[name]
	other, negative := m["Not"+name]
	if positive == negative {
		return list{}, fmt.Errorf("it needs either %s or Not%[1]s", name)
	}
	if negative {
		name, value = "Not"+name, other
	}
	patterns, err := texts(value)
	if err != nil || len(patterns) == 0 {
		return list{}, fmt.Errorf("%s must be a string or a list of strings", name)
	}
	for _, p := range patterns {
		if err := check(p); err != nil {
			return list{}, fmt.Errorf("%s %q %w", name, p, err)
		}
	}
	return list{patterns: patterns, except: negative}, nil
}

func checkAction(a string) error {
	if !actionForm.MatchString(a) {
		return errors.New("does not have the form service:operation, such as apprunner:DescribeService or apprunner:List*")
	}
	return nil
}

func checkResource(r string) error {
	parts := strings.SplitN(r, ":", arnParts)
	switch {
	case strings.Contains(r, "${"):
		return errors.New("has a policy variable, which Slipway does not replace")
	case r != "*" && (len(parts) != arnParts || parts[0] != "arn" || parts[5] == ""):
		return errors.New("is neither * nor an ARN of six parts, such as arn:aws:apprunner:*:*:service/web/*")
	}
	return nil
}

func parseConditions(raw json.RawMessage) ([]condition, error) {
	if raw == nil {
		return nil, nil
	}
	block, err := object(raw)
	if err != nil {
		return nil, fmt.Errorf("Condition: %w", err)
	}
	var all []condition
	for _, operator := range slices.Sorted(maps.Keys(block)) {
		keys, err := object(block[operator])
		if err != nil {
			return nil, fmt.Errorf("Condition %s: %w", operator, err)
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			values, err := texts(keys[key])
			if err != nil {
				return nil, fmt.Errorf("Condition %s: %q must have a string or a list of strings", operator, key)
			}
			if slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "${") }) {
				return nil, fmt.Errorf("Condition %s: %q has a policy variable, which Slipway does not replace", operator, key)
			}
			c, err := parseCondition(operator, key, values)
			if err != nil {
				return nil, fmt.Errorf("Condition: %w", err)
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// object reads a JSON object. Names are exact, and none may be there twice: which of two would count?
func object(raw json.RawMessage) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		if err == nil || errors.Is(err, io.EOF) {
			err = errors.New("an object is needed")
		}
		return nil, fmt.Errorf("it is not a JSON object: %w", err)
	}
	m := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("it is not JSON: %w", err)
		}
		name, _ := token.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, fmt.Errorf("it is not JSON after %q: %w", name, err)
		}
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("%q is there twice", name)
		}
		m[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the end of the object")
	}
	return m, nil
}

// oneOrMore reads a list, or a value that stands for a list of one.
func oneOrMore(raw json.RawMessage) ([]json.RawMessage, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		if len(raw) == 0 {
			return nil, nil
		}
		return []json.RawMessage{raw}, nil
	}
	var all []json.RawMessage
	return all, json.Unmarshal(raw, &all)
}

func texts(raw json.RawMessage) ([]string, error) {
	values, err := oneOrMore(raw)
	if err != nil {
		return nil, err
	}
	all := make([]string, len(values))
	for i, v := range values {
		if all[i], err = text(v); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// text reads a string, or true or false, which stand for their names.
func text(raw json.RawMessage) (string, error) {
	switch t := string(bytes.TrimSpace(raw)); {
	case t == "true", t == "false":
		return t, nil
	case !strings.HasPrefix(t, `"`):
		return "", errors.New("not a string")
	}
	var s string
	return s, json.Unmarshal(raw, &s)
}
