package awsapi

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Error is an exception as it goes over the wire.
type Error struct {
	Code    string // the name of the exception
	Status  int    // the HTTP status
	Message string // for the caller: what happened, for which input, what to do
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an *Error.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Code: code, Status: status, Message: fmt.Sprintf(format, args...)}
}

// UnknownOperation is the answer to a target that nothing here implements.
func UnknownOperation(target string) *Error {
	return Errorf(http.StatusNotFound, "UnknownOperationException", "Slipway does not have the operation %q.", clip(target))
}

// exceptions are the names and statuses of the domain's errors.
var exceptions = map[apprunner.Code]Error{
	apprunner.InvalidRequest:       {Code: "InvalidRequestException", Status: http.StatusBadRequest},
	apprunner.InvalidState:         {Code: "InvalidStateException", Status: http.StatusBadRequest},
	apprunner.ResourceNotFound:     {Code: "ResourceNotFoundException", Status: http.StatusBadRequest},
	apprunner.ServiceQuotaExceeded: {Code: "ServiceQuotaExceededException", Status: http.StatusBadRequest},
	apprunner.Internal:             {Code: "InternalServiceErrorException", Status: http.StatusInternalServerError},
}

// coded is an error that brings its own place on the wire: what package sigv4 returns.
type coded interface {
	error
	Exception() (code string, status int)
}

// toWire returns the exception that answers err, and whether err is the caller's to know. What is
// not gets a generic message and belongs in the log.
func toWire(err error, invalid string) (wire *Error, known bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e, true
	}
	if e, ok := errors.AsType[coded](err); ok {
		code, status := e.Exception()
		return &Error{Code: code, Status: status, Message: e.Error()}, true
	}
	if e, ok := errors.AsType[Violations](err); ok {
		return &Error{Code: invalid, Status: http.StatusBadRequest, Message: e.Error()}, true
	}
	if e, ok := errors.AsType[*apprunner.Error](err); ok && e.Code != apprunner.Internal {
		if wire, ok := exceptions[e.Code]; ok {
			wire.Message = fit(e.Message)
			return &wire, true
		}
	}
	wire = new(exceptions[apprunner.Internal])
	wire.Message = "An internal error occurred. The log of Slipway has the details under this request id."
	return wire, false
}

// fit shortens a message that repeats a long input to what the model allows. Its end says what to do,
// so that the middle is left out.
func fit(message string) string {
	const tail = maxMessage / 3
	runes := []rune(message)
	if len(runes) <= maxMessage {
		return message
	}
	return string(runes[:maxMessage-tail-1]) + "…" + string(runes[len(runes)-tail:])
}
