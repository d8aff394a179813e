// Package iam has the access keys of a Slipway, which say who calls its API, and the policies that say
// what each key may do.
package iam
