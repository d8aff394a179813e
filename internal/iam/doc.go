// Package iam keeps the access keys of a Slipway: who may call its API.
package iam
