package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// applyRules works the deliberate differences into the model and checks that what is left of its
// patterns can be had in Go. A rule for a shape that the model does not have is a mistake.
func applyRules(m *model, rules map[string]rule) error {
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		s, ok := m.Shapes[name]
		if !ok {
			return fmt.Errorf("there is a rule for shape %q, which the model does not have", name)
		}
		rules[name].apply(s)
	}
	for _, name := range sorted(m.Shapes) {
		s := m.Shapes[name]
		// The model writes .* where it means anything. Matched as a whole it would forbid line
		// breaks, and with them certificates and keys in environment variables.
		if s.Pattern == ".*" {
			s.Pattern = ""
		}
		if s.goPattern == "" {
			s.notPrefix, s.goPattern = splitPattern(s.Pattern)
		}
		if _, err := regexp.Compile(s.goPattern); err != nil {
			return fmt.Errorf("the pattern of shape %q needs a rule: %w", name, err)
		}
	}
	return nil
}

func (r rule) apply(s *shape) {
	if r.anyText {
		s.Pattern = ""
	}
	s.goPattern = r.pattern
	if r.max != 0 {
		s.Min, s.Max = &r.min, &r.max
	}
	s.Enum = append(s.Enum, r.moreEnum...)
	if r.lowerEnum {
		for i := range s.Enum {
			s.Enum[i] = strings.ToLower(s.Enum[i])
		}
	}
}

// splitPattern takes a leading negative lookahead off a pattern, which Go's expressions do not
// have: ^(?!aws:).+ is the prefix aws: and the expression .+
func splitPattern(pattern string) (notPrefix, expr string) {
	expr = strings.TrimPrefix(pattern, "^")
	if rest, ok := strings.CutPrefix(expr, "(?!"); ok {
		notPrefix, expr, _ = strings.Cut(rest, ")")
	}
	return notPrefix, expr
}

// rules prints one variable for every scalar shape with a constraint.
func (p *printer) rules() {
	p.f("\nvar (\n")
	for _, name := range sorted(p.model.Shapes) {
		s := p.model.Shapes[name]
		if p.constrained(s) && s.Type != "structure" && s.Type != "list" && s.Type != "map" {
			p.f("rule%s = %s\n", s.goName, p.ruleValue(s))
		}
	}
	p.f(")\n")
}

func (p *printer) ruleValue(s *shape) string {
	var fields []string
	add := func(format string, args ...any) { fields = append(fields, fmt.Sprintf(format, args...)) }
	switch {
	case len(s.Enum) > 0:
		for _, value := range s.Enum {
			add("%s", constName(s, value))
		}
		return fmt.Sprintf("awsapi.EnumRule[%s]{%s}", s.goName, strings.Join(fields, ", "))
	case s.Type != "string" && s.Type != "blob":
		open := limits[s.Type]
		return fmt.Sprintf("awsapi.RangeRule[%s]{Min: %s, Max: %s}", p.elemType(s), bound(s.Min, open[0]), bound(s.Max, open[1]))
	}
	if s.Min != nil && *s.Min != 0 {
		add("Min: %d", *s.Min)
	}
	if s.Max != nil {
		add("Max: %d", *s.Max)
	}
	if s.Pattern != "" {
		add("Pattern: awsapi.MustPattern(`%s`, %q, `%s`)", s.Pattern, s.notPrefix, s.goPattern)
	}
	if s.Sensitive {
		add("Sensitive: true")
	}
	kind := map[string]string{"string": "StringRule", "blob": "BlobRule"}[s.Type]
	return "awsapi." + kind + "{" + strings.Join(fields, ", ") + "}"
}

// bound prints one end of a range; an open end is that of the type.
func bound(n *int64, open string) string {
	if n == nil {
		return open
	}
	return strconv.FormatInt(*n, 10)
}

// limits are the ends of the number types.
var limits = map[string][2]string{
	"integer": {"math.MinInt32", "math.MaxInt32"},
	"long":    {"math.MinInt64", "math.MaxInt64"},
	"double":  {"-math.MaxFloat64", "math.MaxFloat64"},
}

// constrained reports whether there is anything to check about a value of shape s.
func (p *printer) constrained(s *shape, seen ...*shape) bool {
	if slices.Contains(seen, s) {
		return false
	}
	seen = append(seen, s)
	switch s.Type {
	case "structure":
		if len(s.Required) > 0 {
			return true
		}
		for _, r := range s.Members {
			if p.constrained(p.model.shape(r), seen...) {
				return true
			}
		}
		return false
	case "list":
		return s.Min != nil || s.Max != nil || p.constrained(p.model.shape(s.Member), seen...)
	case "map":
		return s.Min != nil || s.Max != nil || p.constrained(p.model.shape(s.Key)) || p.constrained(p.model.shape(s.Value), seen...)
	}
	return len(s.Enum) > 0 || s.Min != nil || s.Max != nil || s.Pattern != ""
}

// checks prints, for every structure, the check of its members, and Validate for what operations
// take and give.
func (p *printer) checks() {
	top := map[string]bool{}
	for _, op := range p.model.Operations {
		top[p.model.shape(*op.Input).goName] = true
		top[p.model.shape(*op.Output).goName] = true
	}
	for _, s := range p.model.structures() {
		if top[s.goName] {
			p.f("\n// Validate reports every constraint of the model that v breaks, as awsapi.Violations.\n")
			p.f("func (v *%s) Validate() error { return awsapi.Validate(v.check) }\n", s.goName)
		}
		if top[s.goName] || p.constrained(s) {
			p.structureCheck(s)
		}
	}
}

func (p *printer) structureCheck(s *shape) {
	p.f("\nfunc (v *%s) check(c *awsapi.Checker) {\n", s.goName)
	for _, name := range sorted(s.Members) {
		m := p.model.shape(s.Members[name])
		required := slices.Contains(s.Required, name)
		if required {
			p.f("c.Required(%q, v.%s != nil)\n", lowerFirst(name), exported(name))
		}
		if !p.constrained(m) {
			continue
		}
		ref := "v." + exported(name)
		if p.goType(m) == p.elemType(m) {
			ref = "&" + ref // a list, a map or a blob is no pointer
		}
		p.f("awsapi.Member(c, %q, %s, %s)\n", lowerFirst(name), ref, p.checkFunc(m))
	}
	p.f("}\n")
}

func (p *printer) sizeRule(s *shape) string {
	size := "awsapi.Size{"
	if s.Min != nil {
		size += fmt.Sprintf("Min: %d, ", *s.Min)
	}
	if s.Max != nil {
		size += fmt.Sprintf("Max: %d, ", *s.Max)
	}
	return strings.TrimSuffix(size, ", ") + "}"
}

// checkFunc is the function that checks one value of shape s, or nil.
func (p *printer) checkFunc(s *shape) string {
	if !p.constrained(s) {
		return "nil"
	}
	switch s.Type {
	case "structure":
		return "(*" + s.goName + ").check"
	case "list":
		elem := p.model.shape(s.Member)
		return fmt.Sprintf("awsapi.ListOf[%s](%s, %s)", p.elemType(elem), p.sizeRule(s), p.checkFunc(elem))
	case "map":
		key, value := p.model.shape(s.Key), p.model.shape(s.Value)
		return fmt.Sprintf("awsapi.MapOf[%s, %s](%s, %s, %s)", p.elemType(key), p.elemType(value), p.sizeRule(s), p.checkFunc(key), p.checkFunc(value))
	}
	return "rule" + s.goName + ".Check"
}
