// Package domain brings custom domains into use and takes them away again.
//
// What is to be done next is what the store says of a domain: its status is recorded before the work
// that it stands for begins, and all work can be done twice. A daemon that was killed goes on where
// the store is.
//
//	creating                          its validation records are made
//	pending_certificate_dns_validation the DNS is asked, after 1 s, then with growing pauses up to
//	                                  1 min, until control of every name is proved; for 72 h
//	binding_certificate               requests are routed; a certificate for each name is asked for
//	active                            with HTTPS, plain HTTP now redirects to it
//	deleting                          routes and certificates are taken away, then the domain
//
// Control of a name is proved by either of two: the CNAME that DescribeCustomDomains lists exists, or
// the name leads to this Slipway: by a CNAME to the service's own name, or by an address that the
// configuration lists in domains.addresses. Where HTTPS is off, no certificate is asked for: it is
// then the business of whatever terminates TLS in front of Slipway. The same goes for private services,
// whose domains are answered by the private listener, and may be proved by a CNAME to the domain of the
// service's VPC ingress connection.
package domain
