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

func (Environment) local() {}

// Read implements Source.
func (e Environment) Read(_ context.Context, _ string, ref apprunner.SecretReference) (Value, string, error) {
	if ref.Stage != "" && ref.Stage != Current || ref.Version != "" {
		return Value{}, "", ErrAbsent // a variable has no other
	}
	all := []string{ParameterName(ref.Place, ref.ID)}
	if !ref.Parameter {
		all = names(ref.Place, ref.ID)
	}
	for _, name := range all {
		if value, ok := os.LookupEnv(e.Prefix + variable(name)); ok {
			return TextValue(value), versionOf(e.Key, value), nil
		}
	}
	return Value{}, "", ErrAbsent
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
