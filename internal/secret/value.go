package secret

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
)

// Value is what a version of a secret or of a parameter holds: a text or bytes. It never prints.
type Value struct {
	Text   *string `json:",omitempty"`
	Binary []byte  `json:",omitempty"`
}

// TextValue is the value of a text.
func TextValue(text string) Value { return Value{Text: &text} }

// Empty reports whether there is neither a text nor bytes.
func (v Value) Empty() bool { return v.Text == nil && v.Binary == nil }

func (v Value) equal(o Value) bool {
	if (v.Text == nil) != (o.Text == nil) || v.Text != nil && *v.Text != *o.Text {
		return false
	}
	return bytes.Equal(v.Binary, o.Binary)
}

const hidden = "***sensitive***"

// Format implements fmt.Formatter.
func (v Value) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(hidden) }

// Update is what becomes of a secret or a parameter.
type Update[T any] struct {
	ARN    string
	Item   *T                // nil removes it, with its values and tags
	Add    map[string]Value  // values, by version
	Drop   []string          // versions
	Tags   map[string]string // to set
	KMSKey string            // that the values are sealed with; "" for the one for everything
	Keep   bool              // nothing is to be done

	Replaces string // ARN of an older one of the name, of which nothing stays
}

// Decide makes an update of the present state, nil for none. Value reads one of its values.
type Decide[T any] func(now *T, value func(version string) (Value, error)) (Update[T], error)

// Store keeps secrets or parameters by Region and name.
type Store[T any] interface {
	// Find returns nil when there is none of that name.
	Find(ctx context.Context, region, name string) (*T, error)
	// List returns those of a Region by name; "" stands for all Regions.
	List(ctx context.Context, region string) ([]T, error)
	Value(ctx context.Context, region, name, version string) (Value, error)
	// Sealed returns a value as it is stored: encrypted.
	Sealed(ctx context.Context, region, name, version string) ([]byte, error)
	Change(ctx context.Context, region, name string, decide Decide[T]) error
}

// Tags keeps the tags of resources.
type Tags interface {
	Tags(ctx context.Context, arn string) (map[string]string, error)
	ChangeTags(ctx context.Context, arn string, set map[string]string, remove []string) error
}

// Error is an exception of either service.
type Error struct {
	Code    string // as the services name it
	Message string
}

func (e *Error) Error() string { return e.Message }

// Exception returns the name of the exception and its HTTP status.
func (e *Error) Exception() (code string, status int) { return e.Code, 400 }

// Errorf makes an *Error.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// The exceptions that are used in more than one place.
const (
	notFound         = "ResourceNotFoundException"
	exists           = "ResourceExistsException"
	invalidRequest   = "InvalidRequestException"
	invalidParameter = "InvalidParameterException"
	validation       = "ValidationException"
	parameterMissing = "ParameterNotFound"
	noVersion        = "ParameterVersionNotFound"
)
