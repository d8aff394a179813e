// Package secret keeps secrets as AWS Secrets Manager does, parameters as the Parameter Store of AWS
// Systems Manager does, and finds what a service refers to.
//
// What a call changes is decided by pure functions on the present state, inside a transaction of the
// store. Values are kept apart from what describes them, so that a listing opens none.
package secret
