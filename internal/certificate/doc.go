// Package certificate has the certificates of HTTPS: which one answers which name, where it comes from
// and how it is renewed.
//
//   - A name under localhost, and any name while ACME is disabled, gets one of the local authority:
//     a key of this data directory that signs at once and that nobody trusts who was not told to.
//   - A custom domain gets one by ACME before it is active. A wildcard cannot, without writing to its
//     DNS zone: each name under it gets its own, when the first client asks for it.
//   - The names of services under a public domain also get theirs when the first client asks.
//
// Everything is kept under the data directory and is found again by the next daemon.
package certificate
