package engine

import (
	"errors"
	"fmt"
)

// Code sorts the failures that a caller treats apart.
type Code string

// The codes of an *Error.
const (
	NotFound          Code = "NotFound"          // no such instance or image
	BadCommand        Code = "BadCommand"        // the command does not exist or cannot be executed
	WrongArchitecture Code = "WrongArchitecture" // the image has nothing for this machine
	ImageNotFound     Code = "ImageNotFound"     // the registry has no such repository, tag or digest
	AccessDenied      Code = "AccessDenied"      // the registry refuses the credentials, or wants some
	BadImage          Code = "BadImage"          // the image is damaged or of an unknown kind
	DiskFull          Code = "DiskFull"          // the host or the instance has no space left
	Unavailable       Code = "Unavailable"       // the registry does not answer; that the engine does not has no code
)

// Error is a failure with a known kind. Message says what happened, where and for which input.
type Error struct {
	Code    Code
	Message string
	Err     error
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an *Error; a %w verb keeps its cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// Is reports whether err is an *Error of the given code.
func Is(err error, code Code) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}
