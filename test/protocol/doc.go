// Package protocol tests what the router does with protocols by means of what others have written: the
// interoperability tests of gRPC, h2spec for HTTP/2, and two libraries for WebSockets. It is a module of its
// own, so that Slipway depends on none of them.
package protocol
