// Package aws asks the real AWS, as a role of a service, which it assumes with the credentials of this
// machine: it logs in to private registries, reads secrets, and gets the credentials of instance roles.
//
// It speaks the few calls that this takes: AssumeRole of STS, GetAuthorizationToken of ECR,
// GetSecretValue of Secrets Manager and GetParameter of the Parameter Store.
package aws
