// Package http1 reads the syntax of HTTP/1.1 (RFC 9112) from bytes: heads of requests and responses,
// and bodies in their framings. It keeps slices of what it was given and allocates nothing.
//
// Requests come from anybody, and what two parsers understand differently is a way around one of
// them. So a request is refused for everything that is not exactly as the standard writes it, also
// where the standard allows leniency: lines that end without CR, folded lines, space around names,
// control characters, a Content-Length twice or beside Transfer-Encoding, any coding but chunked, and
// chunk sizes that are not plain hexadecimal. Responses come from the application; they may end lines
// with LF alone and name a length twice, as net/http lets them.
//
// The package knows no connection and no proxy.
package http1
