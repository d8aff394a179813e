// Package accesslog keeps the access log of each service: a line of JSON for each request.
//
// A request costs what it takes to count it, and one that is logged what it takes to write its line into
// memory: files are written a moment later, by one goroutine for all services. What is in memory is
// bounded. Lines that found no room, or that could not be written, are counted, and the next line of the
// service says how many they were.
//
// A service that has more requests than Options.Lines in a second has a share of them logged, and each
// line says what share: 0.125 stands for eight requests. Requests that failed are logged all, until they
// alone are more than that.
package accesslog
