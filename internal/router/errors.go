package router

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"syscall"
)

// Why a request has no response of the application.
var (
	errUnknownHost  = errors.New("no service has this host name")
	errPaused       = errors.New("the service is paused")
	errPending      = errors.New("the service is not deployed yet")
	errFailed       = errors.New("the first deployment of the service failed")
	errRemoved      = errors.New("the service was removed")
	errQueueFull    = errors.New("all instances are busy and the queue is full")
	errBusy         = errors.New("all instances stayed busy")
	errNoInstance   = errors.New("no instance became ready")
	errRequestLimit = errors.New("the request took longer than its limit")
	errOverdue      = errors.New("the call took longer than it asked for")
	errDrained      = errors.New("the instance was replaced before the request ended")
	errClientLeft   = errors.New("the client left")
	errNoUpgrade    = errors.New("the application speaks HTTP/2, which has no upgrades")
	errInstanceGone = errors.New("the instance stopped before the request ended")
)

// forbiddenError tells that a service does not serve a client's address.
type forbiddenError struct{ client netip.Addr }

func (e *forbiddenError) Error() string { return "the service does not serve " + e.client.String() }

// connectError tells that no connection to an instance came about: nothing was sent.
type connectError struct{ err error }

func (e *connectError) Error() string { return e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

// clientError tells that the request's body could not be read.
type clientError struct{ err error }

func (e *clientError) Error() string { return "read the request's body: " + e.err.Error() }
func (e *clientError) Unwrap() error { return e.err }

// unsent are errors of net/http, which gives them no names, for a connection that was closed
// before the request was on it.
var unsent = []string{
	"http: server closed idle connection",
	"http: CloseIdleConnections called",
	"http: idle connection timeout",
}

// isConnect reports whether there was no connection to send the request on.
func isConnect(err error) bool {
	if _, ok := errors.AsType[*connectError](err); ok {
		return true
	}
	return err != nil && slices.Contains(unsent, err.Error())
}

// isReset reports whether the instance gave up a connection before it answered.
func isReset(err error) bool {
	return errors.Is(err, errInstanceGone) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}

func isTimeout(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// isIdempotent reports whether sending the request twice does what sending it once does
// (RFC 9110, section 9.2.2), or its sender says so.
func isIdempotent(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return r.Header.Get("Idempotency-Key") != "" || r.Header.Get("X-Idempotency-Key") != ""
}
