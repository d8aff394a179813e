package buildkit

// JavaTrustStore is for tests.
var JavaTrustStore = javaTrustStore
