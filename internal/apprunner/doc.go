// Package apprunner is the domain: services, operations, revisions and auto scaling
// configurations, with their state machines, defaults, limits, ARNs and errors.
//
// It does no input or output and imports only the standard library. Time and identifiers are
// arguments. The rules are those of AWS App Runner, API version 2020-05-15.
package apprunner
