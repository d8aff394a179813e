package router

import (
	"os"
	"runtime"
)

// Processors is for how many processors Go's scheduler should be set (runtime.GOMAXPROCS) in a process that
// routes: one more than there are, unless the environment variable of that name says something else. The
// thread that waits for sockets takes along what one of them brought, and nobody waits for the next while it
// does. With as many threads as processors, one of two stood still for a tenth of the time under full load.
func Processors() int {
	n := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") == "" {
		n++
	}
	return n
}
