// Package buildkit carries out builds with a BuildKit of its own, in a room that holds nothing else.
//
// What comes in and goes out passes through this process alone: the source, base images and secrets on
// the way in, the finished image on the way out. So BuildKit has no way to the registry, and no
// credentials. It runs while there are builds, and a little longer.
//
// A build that fails by what the repository holds is a *plan.Failure. Any other error is the machine's:
// to build again is safe and begins where the caches end.
package buildkit
