// Package awsapi serves AWS APIs of the JSON protocol: it verifies who calls, decodes and validates
// what they ask, calls the handler and writes the answer or the error as AWS does.
//
// The types, constraints and dispatchers of each service are generated into packages below this
// one; see generate.go. A handler implements the generated Handlers interface and returns
// *apprunner.Error or *Error for what the caller must know; any other error is answered with a
// generic message and logged.
package awsapi
