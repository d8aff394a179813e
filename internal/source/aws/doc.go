// Package aws logs in to private registries that really are in AWS: as the access role of a service,
// which it assumes with the credentials of this machine.
//
// It speaks two calls of two APIs: AssumeRole of STS and GetAuthorizationToken of ECR.
package aws
