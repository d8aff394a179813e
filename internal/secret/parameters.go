package secret

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Parameters answers what the Parameter Store is asked.
type Parameters struct {
	Account string // twelve digits
	Store   Store[Parameter]
	Tags    Tags
	Now     func() time.Time
	// Changed, if set, is told that a parameter has another value.
	Changed func()
}

// NewParameter is what PutParameter asks for.
type NewParameter struct {
	Name, Type, Value                              string
	Description, KMSKey, Pattern, Tier, By, Format string
	Overwrite                                      bool
	Tags                                           map[string]string
}

func (n NewParameter) check(here apprunner.Place) error {
	if err := checkName(here, n.Name); err != nil {
		return err
	}
	switch {
	case n.Value == "":
		return Errorf(validation, "1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.")
	case n.Overwrite && len(n.Tags) > 0:
		return Errorf(validation, "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag.")
	case n.KMSKey != "" && n.Type != SecureString && n.Type != "":
		return Errorf(validation, "KeyId is required for SecureString type parameter only.")
	case n.Format != "" && n.Format != DataType:
		return Errorf(validation, "DataType %q needs AWS to check what the value means. Slipway has %q only.", n.Format, DataType)
	}
	return checkTags(n.Tags)
}

// Put makes a parameter, or with Overwrite another version of it.
func (m *Parameters) Put(ctx context.Context, here apprunner.Place, n NewParameter) (p Parameter, err error) {
	if err := n.check(here); err != nil {
		return p, err
	}
	err = m.Store.Change(ctx, here.Region, n.Name, func(now *Parameter, _ func(string) (Value, error)) (Update[Parameter], error) {
		if p, err = m.next(here, now, n); err != nil {
			return Update[Parameter]{}, err
		}
		u := Update[Parameter]{ARN: ParameterARN(here, n.Name), Item: &p, Tags: n.Tags, KMSKey: p.KMSKey}
		u.Add = map[string]Value{version(p.Latest()): TextValue(n.Value)}
		if over := len(p.History) - maxHistory; over > 0 {
			for _, c := range p.History[:over] {
				u.Drop = append(u.Drop, version(c))
			}
			p.History = p.History[over:]
		}
		return u, nil
	})
	if err == nil && m.Changed != nil {
		m.Changed()
	}
	return p, err
}

func version(c Change) string { return strconv.FormatInt(c.Version, 10) }

// next is a parameter after a Put.
func (m *Parameters) next(here apprunner.Place, now *Parameter, n NewParameter) (p Parameter, err error) {
	latest := int64(0)
	switch {
	case now != nil && !n.Overwrite:
		return p, Errorf("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case now != nil && n.Type != "" && n.Type != now.Type:
		return p, Errorf("HierarchyTypeMismatchException", "Parameter %s has type %s, which cannot be changed to %s. Create a new, unique parameter.", n.Name, now.Type, n.Type)
	case now != nil:
		p, latest = *now, now.Latest().Version
		p.History = slices.Clone(now.History)
	case n.Type == "":
		return p, Errorf(validation, "A parameter type is required when you create a parameter.")
	default:
		p = Parameter{Region: here.Region, Name: n.Name, Type: n.Type}
	}
	if n.KMSKey != "" && p.Type != SecureString {
		return p, Errorf(validation, "KeyId is required for SecureString type parameter only.")
	}
	if p.Tier, err = tier(n.Tier, p.Tier, n.Value); err != nil {
		return p, err
	}
	for to, from := range map[*string]string{&p.Description: n.Description, &p.KMSKey: n.KMSKey, &p.Pattern: n.Pattern} {
		if from != "" {
			*to = from
		}
	}
	if p.KMSKey == "" && p.Type == SecureString {
		p.KMSKey = "alias/aws/ssm"
	}
	p.ChangedBy = n.By
	p.History = append(p.History, Change{Version: latest + 1, ChangedAt: m.Now()})
	return p, matches(p.Pattern, n.Value)
}

// matches holds a value to a parameter's pattern. The value is not shown.
func matches(pattern, value string) error {
	if pattern == "" {
		return nil
	}
	expr, err := regexp.Compile(pattern)
	if err != nil {
		return Errorf("InvalidAllowedPatternException", "The request does not meet the regular expression requirement: %s", err)
	}
	if !expr.MatchString(value) {
		return Errorf("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", pattern)
	}
	return nil
}

// Got is a parameter in one version.
type Got struct {
	Parameter
	Change
	Selector string // as it was asked for, with its colon
	Value    Value
	Sealed   []byte // instead of Value: a SecureString that was not to be decrypted
}

// Which finds the version that Get returns.
func (m *Parameters) Which(ctx context.Context, here apprunner.Place, id string) (Got, error) {
	names, selector, err := selected(here, id)
	if err != nil {
		return Got{}, err
	}
	for _, name := range names {
		p, err := m.Store.Find(ctx, here.Region, name)
		if err != nil {
			return Got{}, err
		}
		if p == nil {
			continue
		}
		g := Got{Parameter: *p}
		if selector != "" {
			g.Selector = ":" + selector
		}
		g.Change, err = p.choose(selector)
		return g, err
	}
	return Got{}, Errorf(parameterMissing, "Parameter %s not found.", names[0])
}

// Get returns a parameter: by name or ARN, perhaps with a version after a colon.
func (m *Parameters) Get(ctx context.Context, here apprunner.Place, id string, decrypt bool) (Got, error) {
	g, err := m.Which(ctx, here, id)
	if err != nil {
		return g, err
	}
	return m.read(ctx, g, decrypt)
}

func (m *Parameters) read(ctx context.Context, g Got, decrypt bool) (_ Got, err error) {
	if g.Type == SecureString && !decrypt {
		g.Sealed, err = m.Store.Sealed(ctx, g.Region, g.Name, version(g.Change))
		return g, err
	}
	g.Value, err = m.Store.Value(ctx, g.Region, g.Name, version(g.Change))
	return g, err
}

// Delete removes a parameter with its tags, and tells whether there was one.
func (m *Parameters) Delete(ctx context.Context, here apprunner.Place, id string) (found bool, err error) {
	names, _, err := selected(here, id)
	if err != nil {
		return false, nil
	}
	for _, name := range names {
		err = m.Store.Change(ctx, here.Region, name, func(now *Parameter, _ func(string) (Value, error)) (Update[Parameter], error) {
			found = now != nil
			return Update[Parameter]{ARN: ParameterARN(here, name), Keep: now == nil}, nil
		})
		if found || err != nil {
			break
		}
	}
	return found, err
}

// NotFound is the error of a parameter that is not there.
func NotFound(name string) error { return Errorf(parameterMissing, "Parameter %s not found.", name) }
