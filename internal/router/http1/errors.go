package http1

import "net/http"

// Error tells why a message is no HTTP/1.1 that this package takes.
type Error struct {
	Status int    // that a server answers a request with
	Reason string // what is wrong, for the sender
}

// Error implements error.
func (e *Error) Error() string { return "not valid HTTP/1.1: " + e.Reason }

func bad(reason string) *Error { return &Error{http.StatusBadRequest, reason} }

// What is wrong with messages. They are values so that none is made for a request.
var (
	errLineEnd     = bad("a line does not end with CR LF")
	errRequestLine = bad("the request line is not METHOD TARGET VERSION")
	errMethod      = bad("the method has characters that no method has")
	errTarget      = bad("the target is not a path, a URL or *")
	errVersion     = &Error{http.StatusHTTPVersionNotSupported, "the version is neither HTTP/1.0 nor HTTP/1.1"}
	errName        = bad("a header's name is empty or has characters that no name has")
	errFold        = bad("a header goes on in a second line")
	errValue       = bad("a header's value has control characters")
	errManyFields  = &Error{http.StatusRequestHeaderFieldsTooLarge, "there are too many headers"}
	errHost        = bad("the Host header is missing, there twice or no host name")
	errLength      = bad("the Content-Length header is no number or there twice")
	errCoding      = &Error{http.StatusNotImplemented, "the Transfer-Encoding is not chunked alone"}
	errBothLengths = bad("there are both Content-Length and Transfer-Encoding")
	errOldCoding   = bad("there is a Transfer-Encoding in HTTP/1.0")
	errExpect      = &Error{http.StatusExpectationFailed, "the Expect header is not 100-continue"}
	errConnect     = &Error{http.StatusNotImplemented, "the method CONNECT is for proxies that a client chooses"}
	errStatusLine  = bad("the status line is not VERSION STATUS REASON")
	errChunkSize   = bad("a chunk's size is no hexadecimal number")
	errChunkEnd    = bad("a chunk is longer than its size")
	errTrailer     = &Error{http.StatusRequestHeaderFieldsTooLarge, "the trailers are too long"}
)

// ErrTooLarge tells that a head is longer than what its reader takes.
var ErrTooLarge = &Error{http.StatusRequestHeaderFieldsTooLarge, "the header is too large"}
