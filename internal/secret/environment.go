package secret

import (
	"context"
	"os"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Environment is the variables of this process whose names begin with a prefix: what a service manager or a
// vault agent that starts Slipway passes on. shop/db is PREFIX and SHOP_DB.
type Environment struct {
	Prefix string
	Key    []byte // makes versions of values
}

var _ Local = Environment{}

func (e Environment) where(ref apprunner.SecretReference) string {
	return "the variable " + strings.Join(e.names(ref), " or ") + " in the environment of Slipway"
}

// Read implements Source.
func (e Environment) Read(_ context.Context, _ string, ref apprunner.SecretReference) (Value, string, error) {
	if !present(ref) {
		return Value{}, "", ErrAbsent
	}
	for _, name := range e.names(ref) {
		if value, ok := os.LookupEnv(name); ok {
			return TextValue(value), versionOf(e.Key, value), nil
		}
	}
	return Value{}, "", ErrAbsent
}

// names are the variables that a reference may mean.
func (e Environment) names(ref apprunner.SecretReference) []string {
	var all []string
	for _, name := range namesOf(ref) {
		all = append(all, e.Prefix+variable(name))
	}
	return all
}

// variable is the name of a secret as that of a variable: in upper case, "_" for what a variable cannot have.
func variable(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			return c
		default:
			return '_'
		}
	}, strings.TrimPrefix(name, "/"))
}
