package apprunner

// CredentialPort is where an application finds the credentials of its instance role, on its own loopback
// address: over HTTP, as the SDKs of AWS ask a container's credentials provider.
const CredentialPort = 1702
