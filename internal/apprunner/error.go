package apprunner

import (
	"errors"
	"fmt"
)

// Code is the name of an App Runner exception, without its "Exception" ending.
type Code string

// The codes that the App Runner API knows.
const (
	InvalidRequest       Code = "InvalidRequest"
	InvalidState         Code = "InvalidState"
	ResourceNotFound     Code = "ResourceNotFound"
	ServiceQuotaExceeded Code = "ServiceQuotaExceeded"
	Internal             Code = "InternalServiceError"
)

// Error is a failure that the caller of the API caused or must know of. Its message is shown to
// the caller as it is: it says what happened, for which input, and what to do.
type Error struct {
	Code    Code
	Message string
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an *Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of err, Internal for an error that is no *Error, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}
