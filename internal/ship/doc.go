// Package ship sends logs on as they are written: to Loki, to a syslog server, or into a file.
//
// What a target has not taken yet waits where it is, in the logs of services, and not in memory: streams are
// read no faster than the target takes lines. A target that is away for long misses what the bounds of the
// logs drop meanwhile. How far each stream is shipped is written to a file every other second, so a daemon
// that ends well repeats nothing, and one that is killed repeats two seconds.
//
// A new target gets what is written from then on.
package ship
