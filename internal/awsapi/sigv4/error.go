package sigv4

import (
	"fmt"
	"net/http"
)

// Error is a request that is not signed as it must be. Code and Status are those of AWS; the
// message is for the caller and never tells a secret.
type Error struct {
	Code    string
	Status  int
	Message string
}

func (e *Error) Error() string { return e.Message }

// Exception returns the name and the HTTP status of the answer.
func (e *Error) Exception() (code string, status int) { return e.Code, e.Status }

func errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Status: http.StatusForbidden, Message: fmt.Sprintf(format, args...)}
}

func incomplete(format string, args ...any) *Error {
	return errorf("IncompleteSignatureException", format, args...)
}

func invalid(format string, args ...any) *Error {
	return errorf("InvalidSignatureException", format, args...)
}

var (
	errMissing      = errorf("MissingAuthenticationTokenException", "Request is missing Authentication Token: it is not signed. Sign it with AWS Signature Version 4.")
	errUnknownKey   = errorf("UnrecognizedClientException", "The security token included in the request is invalid.")
	errExpiredToken = errorf("ExpiredTokenException", "The security token included in the request is expired.")
	errMismatch     = invalid("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
)

// WrongService is the answer to a signature that was made for another service.
func WrongService(want string) *Error {
	return invalid("Credential should be scoped to correct service: '%s'.", want)
}
