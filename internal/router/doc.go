// Package router takes a request from a host name to an instance of the service behind it.
//
// A host names a service. The service's gate lets MaxConcurrency requests into each instance and
// keeps the rest waiting, in order, in a bounded queue. A request that passed holds a lease on
// one instance until its response has ended; choosing the instance and counting the request are
// one step under the gate's lock, so the limit cannot be exceeded. Proxying happens outside any
// lock and knows the gate only by claim and release.
//
// Server speaks HTTP/1.1 with clients and instances, without net/http: a conn is a client's connection,
// a visit a request on it, an upstream a connection to an instance. ServeHTTP has the same done by
// net/http, for HTTP/2 and what else Server does not speak; there an exchange is a request.
//
// What the router promises:
//
//   - A request that reached no instance, or that may safely be sent twice, is tried again when
//     its instance fails. Any other failure is answered by a page that says what happened.
//   - A response that breaks off upstream breaks off for the client too: it never looks whole.
//   - Switch and Drain lose nothing: an instance leaves only after its last request.
//   - Nothing about an instance, such as its address, reaches the client.
//
// The table is changed by its owner at any time. Readers of the host table take no lock, and
// services do not share one.
package router
